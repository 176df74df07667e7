"""Later = a row: the procrastinate app and enqueue() in the caller's transaction."""

from jobs.queue import PERIODIC, Job, enqueue, make_app

__all__ = ["PERIODIC", "Job", "enqueue", "make_app"]
