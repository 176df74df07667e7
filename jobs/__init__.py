"""Later = a row: the procrastinate app and enqueue() in the caller's transaction."""

from jobs.queue import PERIODIC, Job, enqueue, enqueue_each, make_app
from jobs.work import make_worker_app, work

__all__ = [
    "PERIODIC",
    "Job",
    "enqueue",
    "enqueue_each",
    "make_app",
    "make_worker_app",
    "work",
]
