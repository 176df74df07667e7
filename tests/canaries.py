"""Collects what the suite logs, and every secret that it sent or received."""

import atexit
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from runtime.telemetry import start_logging

PRIVATE = {"password", "phone", "login", "target", "email"}
TOKENS = {"access_token", "refresh_token"}
PLACES = {"lat", "lon", "home_lat", "home_lon"}
SHORTEST = 8
FEWEST_DECIMALS = 4
"""A number with fewer decimals may be in a log by chance."""

WORD = re.compile(r"[\w.@+~-]+")

sink = tempfile.TemporaryFile("w+", encoding="utf-8", prefix="suite-log-")  # noqa: SIM115 - open as long as the run
atexit.register(sink.close)
heard: list[str] = []
"""Output of processes that did not go to a log file."""

secrets: dict[str, set[str]] = {}
"""The secrets, by kind."""


def record() -> None:
    """Write all log events of this process to the sink, in the form of production."""
    with redirect_stderr(sink):
        start_logging("DEBUG")
    assert sys.stderr is not sink


def watch(app: Flask) -> Flask:
    """Note every secret that is sent to `app`, and every token that it issues."""

    @app.after_request
    def note(response: Response) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and response.status_code < 400:
            secrets.setdefault("access_token", set()).add(token)
        # A body that was refused before it was read cannot be read here either.
        if request.is_json and response.status_code not in {400, 413, 415}:
            # Lists nested too deep raise even so.
            with suppress(RecursionError):
                remember(request.get_json(silent=True))
        if request.path.startswith("/v1/sessions") and response.is_json:
            remember(response.get_json(silent=True))
        return response

    return app


def remember(body: Any) -> None:
    """Note the secrets in a body, at any depth."""
    for name, value in named(body):
        if name in PLACES and isinstance(value, float):
            text = repr(value)
            if len(text.partition(".")[2]) >= FEWEST_DECIMALS:
                secrets.setdefault("place", set()).add(text)
        is_long = isinstance(value, str) and len(value) >= SHORTEST
        if name in PRIVATE | TOKENS and is_long and not value.isalpha():
            secrets.setdefault(name, set()).add(value)


def named(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield every name and value in `body`, at any depth."""
    match body:
        case dict():
            for name, value in body.items():
                yield name, value
                yield from named(value)
        case list():
            for value in body:
                yield from named(value)


def written() -> str:
    """Return what this process has logged so far."""
    sink.flush()
    sink.seek(0)
    text = sink.read()
    sink.seek(0, 2)
    return text


def logged(folder: Path) -> Iterator[str]:
    """Yield the logs of this process, and of those that write below `folder`."""
    yield written()
    yield from heard
    for path in folder.rglob("*.log"):
        yield path.read_text(errors="replace")


def leaks(texts: Iterable[str], known: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return (kind, secret) for each secret that one of the texts contains."""
    found = []
    for text in texts:
        words = set(WORD.findall(text))
        words |= {word.strip("+.-") for word in words}
        for kind, values in known.items():
            for value in values:
                is_word = WORD.fullmatch(value) is not None
                if value in words or (not is_word and value in text):
                    found.append((kind, value))
    return found
