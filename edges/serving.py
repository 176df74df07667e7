"""Serving the web process: Granian, its workers, and how they end."""

import os
import resource
import signal
import socket
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from edges.adapter import HEADER_S, Adapter
from runtime.memory import keep_what_was_read

WATCH_S = 0.5
SOON_S = 0.01
"""How often a worker looks for its listening socket until it has found it."""

OPEN_FILES = "/proc/self/fd"
BACKLOG = 4096

MOST_HEADER_BUFFER_BYTES = 128 * 1024
"""Memory that one connection may fill with a header. The application refuses a header
of more than 32 KiB with a problem; beyond this, the server does, without words."""

MOST_CONNECTIONS = 4096
"""Connections of one web process; more wait until one is closed."""

UNREAD_BYTES = 64 * 1024
"""How much of an answer the kernel keeps for a client that does not read it; Linux
doubles this."""

UNREAD_S = 30
"""A connection is closed when its client has read nothing for this long."""

SPARE_FILES = 256
"""Files that a web process may need beside its connections."""

MakeAdapter = Callable[[], Adapter]
"""Returns the application behind its adapter; called once in each of Granian's
workers."""


def serve(make: MakeAdapter, options: Namespace) -> None:
    """Serve the application until SIGTERM, with the options of `options_of`.

    A worker that dies is started again while the others go on serving. If one dies
    within 5.5 s of that, Granian ends, and the supervisor starts Granian again. On
    SIGTERM, requests get 10 s to finish; they take milliseconds.
    """
    Granian(
        # Only a name for Granian's messages: the loader below makes the application.
        "backhaul",
        interface=Interfaces.RSGI,
        address=options.host,
        port=options.port,
        workers=options.workers,
        # Only HTTP/1 has a time limit for headers.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_S * 1000,
            max_buffer_size=MOST_HEADER_BUFFER_BYTES,
        ),
        backlog=BACKLOG,
        backpressure=most_connections(),
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=options.workers_kill_timeout,
    ).serve(target_loader=partial(_load, make), wrap_loader=False)


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


def most_connections() -> int:
    """Return how many connections one web process accepts.

    Each is an open file, so the limit of open files is raised as far as it may be.
    """
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    if most_files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(min(MOST_CONNECTIONS, most_files - SPARE_FILES), SPARE_FILES)


def bound_answers() -> bool:
    """Bound what the kernel keeps of an answer that its client does not read.

    Returns False if this process has no listening socket yet: Granian makes it, without
    an option for this, and its connections inherit the bounds. Without them the kernel
    takes 4 MB of each answer. Elsewhere than on Linux it only returns True.
    """
    if not os.path.isdir(OPEN_FILES):
        return True
    found = False
    for name in os.listdir(OPEN_FILES):
        with suppress(OSError):
            each = socket.socket(fileno=int(name))
            try:
                found = _bound(each) or found
            finally:
                each.detach()
    return found


def _bound(each: socket.socket) -> bool:
    """Bound what a listening socket keeps for a connection; say if it listens."""
    if not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_S * 1000)
    return True


def _load(make: MakeAdapter) -> Adapter:
    _live_with_granian()
    adapter = make()
    keep_what_was_read()
    return adapter


def _live_with_granian() -> None:
    """Make this worker of Granian end on SIGTERM, and when Granian ends.

    It inherits Granian's handler, which would ignore a SIGTERM until the application
    is loaded; with the default handler the worker ends at once. If Granian is killed by
    SIGKILL, its workers keep the socket and would go on serving beside those of the
    next release: a thread ends this one when its parent is gone. The same thread calls
    `bound_answers` until the worker has its socket.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = os.getppid()

    def watch() -> None:
        is_bounded = False
        while os.getppid() == parent:
            is_bounded = is_bounded or bound_answers()
            # Connections made before are not bounded.
            time.sleep(WATCH_S if is_bounded else SOON_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="live-with-granian", daemon=True).start()
