"""The job queue: a job is a row that enqueue() writes in the caller's transaction."""

from procrastinate import App

from jobs.queue import (
    PERIODIC,
    Job,
    RunLater,
    enqueue,
    enqueue_each,
    make_app,
    take_along,
)
from jobs.work import make_worker_app, work

__all__ = [
    "PERIODIC",
    "App",
    "Job",
    "RunLater",
    "enqueue",
    "enqueue_each",
    "make_app",
    "make_worker_app",
    "take_along",
    "work",
]
