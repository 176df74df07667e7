"""The real web process serves others while clients are slow, silent or greedy."""

import json
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest

from api.kernel.problems import CONTENT_TYPE
from edges.adapter import HEADER_S, MEMBER_THREADS, THREADS_OF_ONE
from edges.serving import SPARE_FILES, UNREAD_BYTES
from runtime.config import Settings
from tests.waiting import LONGEST_S, wait_until
from tests.web import ask, truck, waiters, web_process
from tests.world import Caller, World

SILENT = 1100
"""More than the connections that stopped the process before."""

SLOW_BODY = (
    b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100000\r\n\r\n" + b'{"login": "'
)
SLOW_HEADER = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
HOGS = 12


@pytest.fixture(scope="module")
def port(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("web")
    with web_process(settings, folder, workers=1) as (processes, port):
        yield port
        processes.check()


def as_member(caller: Caller) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {caller.token}",
        "Content_Type": "application/json",
    }


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process have as many open files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < SILENT + SPARE_FILES:
        pytest.skip(f"Needs {SILENT + SPARE_FILES} open files, and may have {hard}.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(stack: ExitStack, port: int, first_bytes: bytes = b"") -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), LONGEST_S)
    stack.enter_context(line)
    line.sendall(first_bytes)
    return line


def deaf_client(stack: ExitStack, port: int) -> socket.socket:
    """Ask for a large answer and never read it."""
    line = stack.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.connect(("127.0.0.1", port))
    line.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n")
    return line


class Line(NamedTuple):
    """The server's end of a connection. unsent: bytes that the kernel keeps for it."""

    is_open: bool
    unsent: int


def lines_to(port: int, clients: list[socket.socket]) -> list[Line]:
    """Return the server's ends of the clients' connections that the kernel still has.

    Source of the format: proc(5), /proc/net/tcp; state 01 is ESTABLISHED.
    """
    asked = {client.getsockname()[1] for client in clients}
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [
        Line(state == "01", int(queues.partition(":")[0], 16))
        for _, here, there, state, queues, *_ in rows
        if int(here.rpartition(":")[2], 16) == port
        and int(there.rpartition(":")[2], 16) in asked
    ]


def rest_of(line: socket.socket) -> bytes:
    """Return what the server says until it closes the connection."""
    said = b""
    while part := line.recv(65_536):
        said += part
    return said


class TestSlowConnections:
    def test_stop_nobody_and_are_closed_in_their_time(
        self, committed: World, port: int
    ) -> None:
        boss = committed.company()
        with many_files(), ExitStack() as stack:
            bodies = [connected(stack, port, SLOW_BODY) for _ in range(40)]
            headers = [connected(stack, port, SLOW_HEADER) for _ in range(40)]
            silent = [connected(stack, port) for _ in range(SILENT)]
            deaf = [deaf_client(stack, port) for _ in range(20)]

            assert ask(port, "GET", "/healthz").status == 200
            assert ask(port, "GET", "/readyz").status == 200
            assert ask(port, "GET", "/v1/me", **as_member(boss)).status == 200
            wait_until(
                lambda: all(line.unsent for line in lines_to(port, deaf)),
                "an answer to each of those that read not",
            )
            unsent = [line.unsent for line in lines_to(port, deaf)]
            said = {rest_of(line) for line in (silent[0], headers[0])}
            last = rest_of(bodies[0])
            wait_until(
                lambda: not any(line.is_open for line in lines_to(port, deaf)),
                "an end of those that read not",
            )

        assert len(unsent) == len(deaf)
        # The kernel takes twice what it was told, for its own books.
        assert max(unsent) <= 4 * UNREAD_BYTES
        assert all(each.startswith(b"HTTP/1.1 408 ") for each in said if each)
        head, _, body = last.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert f"content-type: {CONTENT_TYPE}".encode() in head
        assert b"connection: close" in head
        assert json.loads(body)["code"] == "body-too-slow"

    def test_a_kept_connection_says_how_long_it_is_kept(self, port: int) -> None:
        said = ask(port, "GET", "/healthz")

        assert said.headers["Keep-Alive"] == f"timeout={HEADER_S}"


class TestOneCompany:
    def test_waits_for_itself_and_not_the_others_for_it(
        self, committed: World, database_url: str, port: int
    ) -> None:
        hog, other = committed.company(), committed.company()

        def put_truck(number: int) -> int:
            path = f"/v1/trucks/{uuid4()}"
            return ask(port, "PUT", path, truck(number), **as_member(hog)).status

        with (
            psycopg.connect(database_url, autocommit=True) as onlooker,
            psycopg.connect(database_url) as holder,
            ThreadPoolExecutor(HOGS) as pool,
        ):
            holder.execute("lock table trucks in exclusive mode")
            asked = [pool.submit(put_truck, number) for number in range(HOGS)]
            wait_until(lambda: waiters(onlooker) == THREADS_OF_ONE, "its share")
            for _ in range(MEMBER_THREADS):
                said = ask(port, "GET", "/v1/me", **as_member(other))
                assert said.status == 200
            assert ask(port, "GET", "/readyz").status == 200
            assert waiters(onlooker) == THREADS_OF_ONE
            holder.rollback()
            statuses = [answer.result() for answer in asked]

        assert statuses == [200] * HOGS


class TestTheWire:
    def test_a_chunked_body_arrives(self, committed: World, port: int) -> None:
        boss = committed.company()
        raw = truck(1).encode()
        parts = iter([raw[:10], raw[10:]])

        said = ask(port, "PUT", f"/v1/trucks/{uuid4()}", parts, **as_member(boss))

        assert said.status == 200

    def test_head_has_the_length_and_no_body(self, port: int) -> None:
        got, head = (ask(port, method, "/healthz") for method in ("GET", "HEAD"))

        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(got.body))

    def test_a_304_has_no_body_and_no_length(self, committed: World, port: int) -> None:
        boss = as_member(committed.company())
        tag = ask(port, "GET", "/v1/me", **boss).headers["ETag"]

        said = ask(port, "GET", "/v1/me", **boss, If_None_Match=tag)

        assert (said.status, said.body) == (304, b"")
        assert said.headers["Content-Length"] is None

    def test_a_body_that_is_too_large_is_refused_before_it_is_sent(
        self, committed: World, port: int
    ) -> None:
        boss = committed.company()
        head = (
            f"PUT /v1/trucks/{uuid4()} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            f"Authorization: Bearer {boss.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {committed.settings.MAX_BODY_BYTES + 1}\r\n\r\n"
        )
        with ExitStack() as stack:
            said = rest_of(connected(stack, port, head.encode()))

        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"body-too-large" in said

    @pytest.mark.parametrize(
        "lengths",
        [
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: chunked, gzip\r\n",
        ],
    )
    def test_a_body_of_unclear_length_is_no_request(
        self, port: int, lengths: str
    ) -> None:
        raw = f"POST /v1/sessions HTTP/1.1\r\nHost: x\r\n{lengths}\r\nabcd"
        with ExitStack() as stack:
            said = rest_of(connected(stack, port, raw.encode()))

        assert not said or b" 400 " in said.partition(b"\r\n")[0]
