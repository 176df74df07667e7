"""Runs our WSGI application behind Granian's RSGI interface.

The event loop reads a request with its body and finds out whose it is. Only then the
request gets a thread. A slow client holds a connection, but no thread.
"""

import sys
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Protocol

from edges.reading import Broken, Room, TooSlow, read_body
from edges.threads import Busy, Shares, Threads

MIB = 2**20
MEMBER_THREADS = 8
STRANGER_THREADS = 4
"""Threads of one web process: for requests with a valid token, and for those without.
They mostly wait for the database. Each probe has a thread of its own beside these: it
answers whatever the others do, and `/healthz` although `/metrics` waits."""

THREADS_OF_ONE = 2
"""How many of them one company has at once, or one address of strangers, and only while
the first takes long: with two all the time, a company that asks without a pause delays
the others."""

HEADER_S = 10
"""A connection that does not send a whole header within this time is closed: a silent
one, a slow one, and one that is kept without a new request."""

KEPT = ("Keep-Alive", f"timeout={HEADER_S}")
CLOSED = ("Connection", "close")

UNBOUNDED = sys.maxsize


class File:
    """A file as an answer's body, as `wsgi.file_wrapper` of PEP 3333.

    Granian reads it piece by piece, as fast as the client does.
    """

    def __init__(self, file: BinaryIO, block_bytes: int = 8192) -> None:
        self.path = file.name
        self.close = file.close
        self._read = partial(file.read, block_bytes)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._read, b"")


Answer = tuple[int, list[tuple[str, str]], bytes | File]
"""Status, headers and body."""

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

FIXED = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "Granian",
    "wsgi.errors": sys.stderr,
    "wsgi.file_wrapper": File,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}
"""The part of an environ that is the same for every request."""

SINGLE = {"content-length": "CONTENT_LENGTH", "content-type": "CONTENT_TYPE"}
"""Headers with a name of their own in an environ; the first one counts."""


class Headers(Protocol):
    """Granian's headers of a request, by lower-case names."""

    def get(self, name: str) -> str | None: ...
    def get_all(self, name: str) -> list[str]: ...
    def keys(self) -> list[str]: ...
    def items(self) -> list[tuple[str, str]]: ...


class Scope(Protocol):
    """A request of Granian's. `client` and `server` are address:port."""

    client: str
    server: str
    http_version: str
    scheme: str
    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Headers: ...


class Exchange(Protocol):
    """Granian's way to read a request's body and to answer."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def response_bytes(
        self, status: int, headers: list[tuple[str, str]], body: bytes
    ) -> None: ...
    def response_file(
        self, status: int, headers: list[tuple[str, str]], file: str
    ) -> None: ...


def refuse_plainly(status: int) -> Answer:
    """Return an answer without words."""
    return status, [], b""


@dataclass(frozen=True)
class Admission:
    """What is asked about a request before it gets a thread.

    company_of: the company of an Authorization header; None for a stranger.
    network_of: the name under which an address is counted.
    refuse: returns the answer with this status, for a request that gets no thread.
    most_at_once: requests in hand from one address, in one web process.
    trusted_proxies: how many proxies of ours add to X-Forwarded-For.
    probes: paths of the operator's probes.
    """

    company_of: Callable[[str | None], Hashable | None] = lambda _: "everyone"
    network_of: Callable[[str], Hashable] = str
    refuse: Callable[[int], Answer] = refuse_plainly
    most_body_bytes: int = MIB
    most_at_once: int = UNBOUNDED
    trusted_proxies: int = 0
    probes: frozenset[str] = frozenset()


class Adapter:
    """The application as Granian calls it: one coroutine for each request."""

    def __init__(self, app: WsgiApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission
        self._members = Threads(
            "members",
            MEMBER_THREADS,
            most_of_one=THREADS_OF_ONE,
            most_bytes=64 * MIB,
        )
        self._strangers = Threads(
            "strangers",
            STRANGER_THREADS,
            most_of_one=THREADS_OF_ONE,
            most_bytes=16 * MIB,
        )
        self._probes = {
            path: Threads(path.strip("/"), 1, most_of_one=1, most_bytes=MIB)
            for path in admission.probes
        }
        self._at_once = Shares(UNBOUNDED, admission.most_at_once)

    async def __call__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        network = self._admission.network_of(
            address_of(scope, self._admission.trusted_proxies)
        )
        connection = KEPT
        if not self._at_once.take(network):
            answer = self._admission.refuse(503)
        else:
            try:
                answer = await self._answer(scope, exchange, network)
            except Busy:
                answer = self._admission.refuse(503)
            except TooSlow:
                answer, connection = self._admission.refuse(408), CLOSED
            except Broken:
                answer, connection = self._admission.refuse(400), CLOSED
            finally:
                self._at_once.give_back(network)
        status, headers, body = answer
        headers = [*headers, connection]
        if isinstance(body, File):
            exchange.response_file(status, headers, body.path)
        else:
            exchange.response_bytes(status, headers, body)

    async def _answer(
        self, scope: Scope, exchange: Exchange, network: Hashable
    ) -> Answer:
        """Read the body, then run the application in a thread.

        Raises: Busy, TooSlow, Broken.
        """
        headers = scope.headers
        threads, key = self._threads_for(scope.path, headers, network)
        variables = environ_of(scope)
        with Room(threads.bytes, key) as room:
            if has_body(headers):
                declared = variables.get("CONTENT_LENGTH", "")
                body = await self._body(exchange, variables, room)
                if body is None:
                    # The application refuses it by its length.
                    too_many = max(int(declared or 0), self._most_bytes + 1)
                    variables.pop("HTTP_TRANSFER_ENCODING", None)
                    variables["CONTENT_LENGTH"] = str(too_many)
                elif is_cut_off(declared, body):
                    raise Broken
                else:
                    variables["wsgi.input"] = BytesIO(body)
            return await threads.run(key, partial(_run, self._app, variables))

    @property
    def _most_bytes(self) -> int:
        return self._admission.most_body_bytes

    async def _body(
        self, exchange: Exchange, variables: dict[str, Any], room: Room
    ) -> bytes | None:
        """Return the body; None if it is too large.

        A client that waits for "100 Continue" is not asked for a body that is too large
        by its declared length.
        """
        is_too_large = int(variables.get("CONTENT_LENGTH") or 0) > self._most_bytes
        if is_too_large and "HTTP_EXPECT" in variables:
            return None
        most_bytes = 0 if is_too_large else self._most_bytes
        return await read_body(exchange, room, most_bytes=most_bytes)

    def _threads_for(
        self, path: str, headers: Headers, network: Hashable
    ) -> tuple[Threads, Hashable]:
        if path in self._probes:
            return self._probes[path], network
        company = self._admission.company_of(headers.get("authorization"))
        if company is None:
            return self._strangers, network
        return self._members, company


def address_of(scope: Scope, trusted_proxies: int) -> str:
    """Return the address that sent the request; proxies of ours tell it.

    trusted_proxies: each of them has added an address to X-Forwarded-For.
    """
    if trusted_proxies:
        told = ",".join(scope.headers.get_all("x-forwarded-for")).split(",")
        if len(told) >= trusted_proxies and (told_by_ours := told[-trusted_proxies]):
            return told_by_ours.strip()
    return _host(scope.client)


def _host(pair: str) -> str:
    return pair.rpartition(":")[0].strip("[]")


def has_body(headers: Headers) -> bool:
    """Say whether a body follows the headers."""
    length = headers.get("content-length")
    return length not in (None, "0") or headers.get("transfer-encoding") is not None


def is_cut_off(declared: str, body: bytes) -> bool:
    """Say whether bytes are missing.

    declared: the length, or nothing, if the body came in chunks. Granian does not tell
    the end of those from a break. No part of a JSON object is a JSON object, and gzip
    has an end; so only one that is empty would pass for a request without a body.
    """
    return len(body) < int(declared or 1)


def environ_of(scope: Scope) -> dict[str, Any]:
    """Return the environ of a request with an empty body (PEP 3333).

    A header with an underscore in its name is left out: in an environ it would look
    like one with a hyphen, such as one that only our proxies may send.
    """
    variables = {
        **FIXED,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "REMOTE_ADDR": _host(scope.client),
        "SERVER_NAME": _host(scope.server),
        "SERVER_PORT": scope.server.rpartition(":")[2],
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(),
    }
    headers = scope.headers
    for name, value in headers.items():
        if "_" in name:
            continue
        if name in SINGLE:
            variables.setdefault(SINGLE[name], value)
            continue
        key = _key(name)
        if key in variables:
            between = ";" if name == "cookie" else ","
            variables[key] = f"{variables[key]}{between}{value}"
        else:
            variables[key] = value
    # Granian leaves out values that are not ASCII.
    for name in headers.keys():  # noqa: SIM118 - no mapping
        if name not in SINGLE and "_" not in name:
            variables.setdefault(_key(name), "")
    return variables


def _key(name: str) -> str:
    return "HTTP_" + name.replace("-", "_").upper()


def _run(app: WsgiApp, variables: dict[str, Any]) -> Answer:
    """Return the application's answer."""
    status, headers = 500, list[tuple[str, str]]()

    def start_response(
        line: str, given: list[tuple[str, str]], _: object = None
    ) -> None:
        nonlocal status, headers
        status, headers = int(line[:3]), given

    parts = app(variables, start_response)
    try:
        body = parts if isinstance(parts, File) else b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return status, headers, body
