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
    """Serve the application until SIGTERM, as `options_of` says.

    A worker that dies is started again, and the others serve on; one that dies within
    5.5 s of that ends Granian, and the supervisor starts Granian again. A request takes
    milliseconds: 10 s drain any.
    """
    Granian(
        # Only the name in Granian's own messages: the loader below makes the app.
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
    # A default that is text is read as an argument would be.
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or "8000")
    parser.add_argument(
        "--workers", type=int, default=os.environ.get("WEB_WORKERS") or "2"
    )
    parser.add_argument(
        "--workers-kill-timeout",
        type=int,
        default=10,
        help="seconds for requests in hand when asked to stop",
    )
    return parser.parse_args(arguments)


def _load(make_app: MakeApp) -> Any:  # noqa: ANN401 - a WSGI application
    _live_with_granian()
    return make_app()


def _live_with_granian() -> None:
    """Let a worker of Granian's that starts to serve end when Granian says so.

    It inherits Granian's own handler, which would swallow a SIGTERM until the
    application is loaded: until then it dies of it. And it does not outlive Granian:
    killed with -9 that leaves its workers the socket, and they would serve on beside
    those of the next release.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="live-with-granian", daemon=True).start()
