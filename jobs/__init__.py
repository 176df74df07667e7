"""Later = a row: the procrastinate app and enqueue() in the caller's transaction."""

from jobs.queue import Job, enqueue, make_app

__all__ = ["Job", "enqueue", "make_app"]
