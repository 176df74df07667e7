"""An HTTP client as a phone or office has it: JSON, bearer token, kept connections."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

TIMEOUT_S = 60.0

LONGEST_PAUSE_S = 5.0


@dataclass
class _Kept:
    connection: HTTPConnection
    used_at: float = 0.0


_kept = threading.local()
"""Each thread's own connections, by address."""


class Refused(Exception):
    """The server refused a request that had to succeed; the message contains why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, and the body if it is JSON; `text` is the body in bytes."""

    status: int
    body: Any
    text: bytes = b""
    tag: str = ""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        return self.body[name]


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the server at `url`; signed in if there is a `token`.

    Safe to share between threads: each has its own connection.
    """

    url: str
    token: str = ""

    def call(self, method: str, path: str, body: object = None, **extra: str) -> Answer:
        """Send a request and return the answer, whatever its status.

        extra: more headers; write `If_Match` for If-Match.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        headers |= {name.replace("_", "-"): value for name, value in extra.items()}
        connection = _connection(self.url)
        try:
            sent = None if body is None else json.dumps(body)
            # A server may refuse by the headers and close before the body is sent: its
            # answer can be read all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            text = answer.read()
            kind = answer.getheader("Content-Type", "")
        except BaseException:
            connection.close()
            raise
        return Answer(
            answer.status,
            json.loads(text) if text and "json" in kind else None,
            text,
            answer.getheader("ETag", ""),
        )

    def need(self, method: str, path: str, body: object = None, **extra: str) -> Answer:
        """Send a request that must succeed.

        Raises: Refused.
        """
        answer = self.call(method, path, body, **extra)
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {answer.body}")
        return answer

    def signed_in(self, login: str, password: str) -> "Client":
        """Sign this person in; return a client with their token.

        Raises: Refused.
        """
        body = {"login": login, "password": password}
        tokens = self.need("POST", "/v1/sessions", body)
        return Client(self.url, tokens["access_token"])


def _connection(url: str) -> HTTPConnection:
    """Return this thread's connection; a new one after a pause.

    The server closes a connection that is idle for long. A request must not run into
    that, as a POST cannot always be sent again.
    """
    address = urlsplit(url).netloc
    connections: dict[str, _Kept] = _kept.__dict__.setdefault("by", {})
    now, found = time.monotonic(), connections.get(address)
    if found is None or now - found.used_at > LONGEST_PAUSE_S:
        if found is not None:
            found.connection.close()
        found = _Kept(HTTPConnection(address, timeout=TIMEOUT_S))
        connections[address] = found
    found.used_at = now
    return found.connection
