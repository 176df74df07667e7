"""There is no secret in the logs of this process or of web and worker processes."""

import http.client
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from local.processes import Processes, web_argv, worker_argv
from tests import canaries
from tests.canaries import leaks, named
from tests.over_http import over_http
from tests.waiting import LONGEST_S
from tests.web import free_port
from tests.world import Caller, World

PASSWORD = "canary-p4ssword-7391"
PHONE = "+13125557391"
TOKEN = "eyJjYW5hcnkiOjczOTF9.eyJjYW5hcnkiOjczOTF9.Y2FuYXJ5NzM5MQ"
PLACE = "41.873917391"
SEEDED = {
    "password": {PASSWORD},
    "phone": {PHONE},
    "access_token": {TOKEN},
    "place": {PLACE},
}


def say(port: int, path: str, body: bytes, method: str = "POST", **headers: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    try:
        sent = {"Content-Type": "application/json"} | headers
        line.request(method, path, body, sent)
        return line.getresponse().status
    finally:
        line.close()


class TestTheProcesses:
    def test_log_no_secret_they_are_sent(
        self, committed: World, engine: Engine, tmp_path: Path
    ) -> None:
        boss: Caller = committed.company()
        port = free_port()
        environ = {
            "DATABASE_URL": committed.settings.DATABASE_URL,
            "DATA_DIR": committed.settings.DATA_DIR,
            "LOG_LEVEL": "DEBUG",
            "PUSH": "console",
        }
        login = {"login": PHONE, "password": PASSWORD}
        member = {"name": "x", "phone": PHONE, "password": PASSWORD, "roles": ["x"]}
        fix = {"lat": float(PLACE), "lon": PLACE, "token": TOKEN}
        query = f"/v1/loads?cursor={TOKEN}&phone=%2B{PHONE[1:]}&lat={PLACE}"
        with Processes(tmp_path) as processes:
            processes.start("web", web_argv("127.0.0.1", port, 1), environ)
            processes.start("worker", worker_argv(), environ)
            processes.wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
            mine = {"Authorization": f"Bearer {boss.token}"}
            bodies = [
                json.dumps(body).encode() for body in (login, member, {"fixes": [fix]})
            ]
            statuses = [
                say(port, path, body, method, **headers)
                for body in [*bodies, f'{{"password": "{PASSWORD}'.encode()]
                for path in ("/v1/sessions", "/v1/members", "/v1/positions", query)
                for method in ("POST", "GET")
                for headers in (mine, {"Authorization": f"Bearer {TOKEN}"})
            ]
            statuses.append(say(port, f"/v1/{PASSWORD}/{PHONE}/{PLACE}", b"", "GET"))
        assert {400, 401, 404, 422} <= set(statuses)

        written = [path.read_text() for path in tmp_path.glob("*.log")]
        assert sum(text.count("http.request") for text in written) > len(statuses)
        assert leaks(written, SEEDED | {"own": {boss.token}}) == []


class TestTheSearch:
    @pytest.mark.parametrize(
        "text",
        [
            f'{{"event": "x", "note": "{PASSWORD}"}}',
            f"Bearer {TOKEN}",
            f"called {PHONE}, no answer",
            f"lat={PLACE}.",
            f"({PLACE}, -87.6)",
            f'{{"phone":"{PHONE[1:]}"}}',
        ],
    )
    def test_finds_a_leaked_secret(self, text: str) -> None:
        known = SEEDED | {"phone": {PHONE, PHONE[1:]}}

        assert leaks(["harmless", text], known)

    def test_finds_words_with_spaces(self) -> None:
        assert leaks(["it was correct horse battery"], {"x": {"correct horse battery"}})

    def test_reads_a_body_at_any_depth(self) -> None:
        body = {"a": [{"password": "x"}], "b": {"c": {"lat": 1}}}

        assert ("password", "x") in list(named(body))
        assert ("lat", 1) in list(named(body))


def test_the_whole_suite_logged_none_of_its_secrets(
    world: World, all_saw: Path
) -> None:
    """Runs last. In a run of a part of the suite it checks that part."""
    boss, calls = world.company(), over_http(world)
    place = calls.driver(boss, device="canary-target-1", home_lat=41.87391)
    calls.phone(place, "canary-target-2")
    sign_in = {"login": "canary@example.com", "password": PASSWORD}
    Caller(world.app, "").post("/v1/sessions", sign_in)

    texts = list(canaries.logged(all_saw))

    assert texts[0].count('"event"') >= 5, "The log is not recorded."
    assert {"access_token", "password", "place", "target"} <= set(canaries.secrets)
    assert leaks(texts, canaries.secrets) == []
