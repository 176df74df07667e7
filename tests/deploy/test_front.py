"""The front of `deploy/` does for web what the manual says, with real requests."""

import gzip
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from runtime.config import Settings
from tests.deploy.front import CADDY, FRONTS, SITE, Front, running
from tests.source import ROOT
from tests.tools import need
from tests.waiting import LONGEST_S
from tests.web import Said, ask, web_process
from tests.world import World

pytestmark = pytest.mark.process

PER_MIN = 7
"""Requests of strangers at one address, in these tests."""

FORGED = "203.0.113.{}"


@pytest.fixture(scope="module")
def web(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web process that trusts one proxy, and its port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUSTED_PROXIES", "1")
        patch.setenv("LIMIT_ADDRESS_PER_MIN", str(PER_MIN))
        with web_process(settings, tmp_path_factory.mktemp("web"), workers=1) as found:
            yield found[1]


@pytest.fixture(scope="module", params=FRONTS)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "nginx":
        need("nginx")
    return str(request.param)


@pytest.fixture(scope="module")
def front(
    name: str, web: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    with running(name, tmp_path_factory.mktemp("front"), web) as found:
        yield found


def test_a_member_is_served_over_tls_and_answers_are_compressed(
    front: Front, committed: World
) -> None:
    bearer = {"Authorization": f"Bearer {committed.company().token}"}

    mine = front.answer("GET", "/v1/me", **bearer)
    said = front.answer("GET", "/openapi.json", Accept_Encoding="gzip")

    assert mine.status == 200
    assert said.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(said.body))["openapi"]


def test_a_refused_body_gets_our_problem(front: Front, committed: World) -> None:
    bearer = {"Authorization": f"Bearer {committed.company().token}"}
    body = b" " * (3 * 2**19)

    said = front.answer(
        *("PUT", f"/v1/trucks/{uuid4()}", body),
        Content_Type="application/json",
        **bearer,
    )

    assert (said.status, said.code) == (413, "body-too-large")


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/metrics/", "//metrics", "/metrics?x=1", "/%6detrics"),
        *("/METRICS", "/v1/../metrics", "/./metrics", "/metrics/x", "/metrics%2f"),
        *("/readyz", "//readyz", "/%72eadyz", "/readyz/"),
    ],
)
def test_strangers_see_neither_metrics_nor_readiness(front: Front, path: str) -> None:
    said = front.answer("GET", path)

    assert said.status in {308, 404}
    assert b"backhaul_" not in said.body
    assert b"oldest_job_s" not in said.body


def strangers(answer: Callable[..., Said]) -> list[int]:
    """Return the statuses of more requests than one address has, also on a machine that
    needs a minute for them, each with a header that names another address."""
    return [
        answer(
            *("POST", "/v1/sessions", b"{}"),
            Content_Type="application/json",
            X_Forwarded_For=FORGED.format(number),
            Forwarded=f"for={FORGED.format(number)}",
            X_Real_IP=FORGED.format(number),
        ).status
        for number in range(3 * PER_MIN)
    ]


def test_a_caller_cannot_choose_the_address_that_is_limited(front: Front) -> None:
    assert 429 in strangers(front.answer)


def test_web_limits_the_address_that_the_front_names(web: int) -> None:
    """Else all callers would share the limit of the front's own address."""
    assert 429 not in strangers(partial(ask, web))


def test_plain_http_is_sent_to_our_own_name(front: Front) -> None:
    ours = front.plain_answer("/docs/?a=1", Host=SITE)

    assert ours.status == 308
    assert re.fullmatch(rf"https://{SITE}(:\d+)?/docs/\?a=1", ours.headers["Location"])


def test_no_answer_names_a_foreign_host(front: Front) -> None:
    try:
        answer = front.plain_answer("/docs", Host="foreign.example")
    except ConnectionError:
        # nginx closes the connection without an answer.
        return
    assert "foreign.example" not in str(answer.headers)
    assert b"foreign.example" not in answer.body


@pytest.mark.parametrize("target", ["/docs", "http://foreign.example/docs"])
def test_web_alone_repeats_no_foreign_host_either(web: int, target: str) -> None:
    head = (
        f"GET {target} HTTP/1.1\r\nHost: foreign.example\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", web), timeout=LONGEST_S) as line:
        line.sendall(head.encode())
        answer = b"".join(iter(lambda: line.recv(4096), b"")).lower()

    assert b"\r\nlocation: /docs/\r\n" in answer
    assert b"foreign.example" not in answer


def test_a_slow_body_does_not_reach_web(
    name: str, tmp_path: Path, listener: socket.socket
) -> None:
    """40 bodies of which a few bytes have come open no connection to web."""
    with ExitStack() as stack:
        front = stack.enter_context(running(name, tmp_path, listener.getsockname()[1]))
        context = ssl.create_default_context(cafile=str(front.trust))
        slow = [stack.enter_context(_begun(front, context)) for _ in range(40)]
        listener.settimeout(1)
        with pytest.raises(TimeoutError):
            listener.accept()

        slow[0].sendall(b"x" * (100_000 - 11))
        listener.settimeout(LONGEST_S)
        whole, _ = listener.accept()

        with whole:
            assert whole.recv(4).startswith(b"POST")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What stands for web: it accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _begun(front: Front, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection on which the first 11 bytes of 100,000 were sent."""
    raw = socket.create_connection(("127.0.0.1", front.ports[1]), timeout=LONGEST_S)
    line = context.wrap_socket(raw, server_hostname=SITE)
    line.sendall(
        f"POST /v1/sessions HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 100000\r\n"
        "Content-Type: application/json\r\n\r\n".encode()
        + b'{"login": "'
    )
    return line


def test_the_caddyfile_is_valid_and_formatted() -> None:
    for command in (["validate", "--config"], ["fmt", "--diff"]):
        done = subprocess.run(
            [CADDY, *command, ROOT / "deploy/Caddyfile"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
