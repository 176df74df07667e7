"""Serving the web process: Granian, its workers, and how they end."""

import os
import signal
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

WATCH_S = 0.5
BLOCKING_THREADS = 8
BACKLOG = 1024

MakeApp = Callable[[], Any]
"""Returns the WSGI application; called once in each of Granian's workers."""


def serve(make_app: MakeApp, options: Namespace) -> None:
    """Serve the application until SIGTERM, with the options of `options_of`.

    A worker that dies is started again while the others go on serving. If one dies
    within 5.5 s of that, Granian ends, and the supervisor starts Granian again. On
    SIGTERM, requests get 10 s to finish; they take milliseconds.
    """
    Granian(
        # Only a name for Granian's messages: the loader below makes the application.
        "backhaul",
        interface=Interfaces.WSGI,
        address=options.host,
        port=options.port,
        workers=options.workers,
        blocking_threads=BLOCKING_THREADS,
        backlog=BACKLOG,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=options.workers_kill_timeout,
    ).serve(target_loader=partial(_load, make_app), wrap_loader=False)


def options_of(arguments: Sequence[str]) -> Namespace:
    """Return where and how to serve, as the command line and the environment say."""
    parser = ArgumentParser("wsgi.py", description="Serve the web process.")
    parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    # argparse parses a default that is text as it parses an argument.
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000")
    parser.add_argument(
        "--workers", type=int, default=os.environ.get("WEB_WORKERS") or "2"
    )
    parser.add_argument(
        "--workers-kill-timeout",
        type=int,
        default=10,
        help="seconds that running requests get to finish after SIGTERM",
    )
    return parser.parse_args(arguments)


def _load(make_app: MakeApp) -> Any:  # noqa: ANN401 - a WSGI application
    _live_with_granian()
    return make_app()


def _live_with_granian() -> None:
    """Make this worker of Granian end on SIGTERM, and when Granian ends.

    It inherits Granian's handler, which would ignore a SIGTERM until the application
    is loaded; with the default handler the worker ends at once. If Granian is killed by
    SIGKILL, its workers keep the socket and would go on serving beside those of the
    next release: a thread ends this one when its parent is gone.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="live-with-granian", daemon=True).start()
