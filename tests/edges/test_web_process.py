"""The real web process survives hostile requests, answers them and writes no row."""

import errno
import gzip
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from api.kernel.problems import CONTENT_TYPE
from local.processes import Processes
from runtime.config import Settings
from tests.waiting import LONGEST_S
from tests.web import ask, web_process
from tests.world import Caller, World

MIB = 2**20


@dataclass(frozen=True)
class Web:
    """A web process that serves the committed world, and its log."""

    port: int
    processes: Processes
    token: str
    engine: Engine

    def ask(self, method: str, path: str, body=None, **headers: str):
        """Return (status, headers, body as JSON) of a request on a new connection."""
        headers["Authorization"] = f"Bearer {self.token}"
        said = ask(self.port, method, path, body, **headers)
        return said.status, said.headers, said.json()

    def put_truck(self, body, **headers: str):
        headers = {"Content_Type": "application/json"} | headers
        return self.ask("PUT", f"/v1/trucks/{uuid4()}", body, **headers)

    def is_sound(self) -> bool:
        """Say whether the same process still works and no row was written."""
        self.processes.check()
        with self.engine.connect() as connection:
            trucks = connection.scalar(text("select count(*) from trucks"))
        return trucks == 0 and self.ask("GET", "/v1/me")[0] == 200


@pytest.fixture(scope="module")
def serving(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Processes, int]]:
    """One web process for these tests: each shows that it still works."""
    folder = tmp_path_factory.mktemp("web")
    with web_process(settings, folder, workers=1) as running:
        yield running


@pytest.fixture
def web(
    committed: World, engine: Engine, serving: tuple[Processes, int]
) -> Iterator[Web]:
    boss: Caller = committed.company()
    processes, port = serving
    yield Web(port, processes, boss.token, engine)
    assert processes.log_dir is not None
    assert "Traceback" not in (processes.log_dir / "web.log").read_text()


def chunks() -> Iterator[bytes]:
    for _ in range(10):
        yield b" " * MIB


class TestHostileRequests:
    def test_are_answered_with_a_problem_and_leave_the_process_alive(
        self, web: Web
    ) -> None:
        deep = b'{"unit_number":' + b"[" * 21 + b"]" * 21 + b"}"
        bomb = gzip.compress(bytes(64 * MIB))
        cases = [
            (web.put_truck(deep), 422, "invalid-request"),
            (web.put_truck(b" " * 10 * MIB), 413, "body-too-large"),
            (web.put_truck(bomb, Content_Encoding="gzip"), 413, "body-too-large"),
            (
                web.ask("GET", "/v1/me", X_Padding="x" * 64 * 1024),
                *(431, "headers-too-large"),
            ),
        ]

        for (status, headers, body), expected, code in cases:
            assert (status, body["code"]) == (expected, code)
            assert headers["Content-Type"] == CONTENT_TYPE
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers.get("Server", "granian") == "granian", "No version."
        assert web.is_sound()

    def test_an_endless_body_is_refused_with_413(self, web: Web) -> None:
        try:
            status = web.put_truck(chunks(), Transfer_Encoding="chunked")[0]
        except (BrokenPipeError, ConnectionResetError):
            status = 413

        assert status == 413
        assert web.is_sound()

    @pytest.mark.parametrize(
        "raw",
        [
            b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MIB + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET / HTTP/9.9\r\n\r\n",
            b"PUT /v1/trucks/1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"PUT /v1/trucks/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
        ],
        ids=["a MiB of header", "TLS", "version", "negative length", "short body"],
    )
    def test_bytes_that_are_no_request_do_not_harm_the_process(
        self, web: Web, raw: bytes
    ) -> None:
        with socket.create_connection(
            ("127.0.0.1", web.port), timeout=LONGEST_S
        ) as line:
            try:
                line.sendall(raw)
                line.shutdown(socket.SHUT_WR)
                said = line.recv(65536)
            except (BrokenPipeError, ConnectionResetError):
                said = b""
            except OSError as error:
                # A connection that the server has reset cannot be shut down.
                if error.errno != errno.ENOTCONN:
                    raise
                said = b""

        assert not said or said.split()[1][:1] == b"4"
        assert web.is_sound()
