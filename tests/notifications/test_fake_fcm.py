"""The fake FCM is as strict as FCM in what we use."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest
import requests

from demo.fcm import (
    FAILURES,
    GOOGLE_TOKEN_URL,
    JWT_GRANT,
    SUCCESSES,
    Malformed,
    Scenario,
    check_message,
    failure_of,
    scenario_of,
)
from models.people.targets import TargetKind
from notifications.fcm import FcmGateway, close_fcm_app, make_fcm_app
from notifications.gateway import PushError
from tests.notifications.samples import make_message
from tests.waiting import LONGEST_S
from tests.world import utcnow

ROOT = Path(__file__).parents[2]


def ask_for_token(fcm, **claims: object) -> requests.Response:
    account = fcm.service_account
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "aud": GOOGLE_TOKEN_URL,
        "iat": now,
        "exp": now + 60,
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
    } | claims
    assertion = jwt.encode(claims, account["private_key"], algorithm="RS256")
    form = {"grant_type": JWT_GRANT, "assertion": assertion}
    return requests.post(account["token_uri"], data=form, timeout=LONGEST_S)


def send(fcm, body: dict, bearer: str) -> requests.Response:
    return requests.post(
        f"{fcm.url}/v1/projects/{fcm.project_id}/messages:send",
        json=body,
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=LONGEST_S,
    )


class TestLogIn:
    def test_a_signed_assertion_is_exchanged_for_a_token(self, fcm) -> None:
        answer = ask_for_token(fcm)

        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        assert answer.json()["expires_in"] == 3600

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": int(time.time()) - 60},
            {"aud": "https://example.com/token"},
            {"iss": "somebody@else.com"},
            {"scope": "https://www.googleapis.com/auth/drive"},
        ],
    )
    def test_a_wrong_claim_is_refused(self, fcm, claims) -> None:
        assert ask_for_token(fcm, **claims).status_code == 400

    def test_another_key_is_refused(self, fcm, own_fcm) -> None:
        assertion = jwt.encode(
            {"iss": "x"}, own_fcm.service_account["private_key"], algorithm="RS256"
        )
        form = {"grant_type": JWT_GRANT, "assertion": assertion}

        answer = requests.post(f"{fcm.url}/token", data=form, timeout=LONGEST_S)

        assert answer.json()["error"] == "invalid_grant"

    def test_sending_without_a_known_token_is_refused(self, fcm) -> None:
        answer = send(fcm, {"message": {"fid": "ok-stranger"}}, "made-up")

        assert answer.status_code == 401
        assert fcm.requests_for("ok-stranger") == []


class TestSending:
    def test_a_dry_run_reaches_no_phone(self, fcm) -> None:
        bearer = ask_for_token(fcm).json()["access_token"]
        body = {"message": {"fid": "ok-dry"}, "validate_only": True}

        assert send(fcm, body, bearer).status_code == 200
        assert len(fcm.requests_for("ok-dry")) == 1
        assert fcm.received_by("ok-dry") == []

    def test_a_malformed_message_is_refused_and_named(self, fcm) -> None:
        bearer = ask_for_token(fcm).json()["access_token"]

        answer = send(fcm, {"message": {"fid": "ok-1", "data": {"v": 1}}}, bearer)

        assert answer.status_code == 400
        [detail] = answer.json()["error"]["details"]
        assert detail["fieldViolations"][0]["field"] == "message.data"

    def test_received_messages_can_be_read_from_a_position_on(self, own_fcm) -> None:
        bearer = ask_for_token(own_fcm).json()["access_token"]
        url = f"{own_fcm.url}/received"
        for phone in ("ok-1", "unreg-1", "ok-2"):
            send(own_fcm, {"message": {"fid": phone}}, bearer)

        first = requests.get(url, timeout=LONGEST_S).json()
        second = requests.get(f"{url}?since={first['next']}", timeout=LONGEST_S).json()

        assert [item["target"] for item in first["items"]] == ["ok-1", "ok-2"]
        assert second == {"items": [], "next": 3}


class TestCheckMessage:
    @pytest.mark.parametrize(
        "message",
        [
            {"fid": "a"},
            {"token": "a", "data": {"k": "v"}, "android": {"ttl": "3.5s"}},
            {"topic": "a", "android": {"ttl": "0s", "priority": "high"}},
            {"fid": "a", "data": {"k": "v" * 3_900}},
        ],
    )
    def test_takes(self, message) -> None:
        assert check_message(message)[1] == "a"

    @pytest.mark.parametrize(
        "message",
        [
            None,
            {},
            {"fid": ""},
            {"fid": "a", "token": "b"},
            {"fid": "a", "dta": {}},
            {"fid": "a", "data": {"k": 1}},
            {"fid": "a", "data": {"from": "x"}},
            {"fid": "a", "data": {"google.x": "x"}},
            {"fid": "a", "data": {"k": "v" * 4_100}},
            {"fid": "a", "android": {"ttl": "60"}},
            {"fid": "a", "android": {"ttl": "-1s"}},
            {"fid": "a", "android": {"ttl": "2419201s"}},
            {"fid": "a", "android": {"priority": "urgent"}},
            {"fid": "a", "android": {"notification": {"visibility": "private"}}},
            {"fid": "a", "apns": {"headers": {"apns-priority": 10}}},
            {"fid": "a", "apns": {"headers": {"apns-collapse-id": "x" * 65}}},
            {"fid": "a", "apns": {"headers": {"apns-expiration": "soon"}}},
            {"fid": "a", "apns": {"headers": {"apns-push-type": "background"}}},
        ],
    )
    def test_refuses(self, message) -> None:
        with pytest.raises(Malformed):
            check_message(message)


class TestScenarios:
    @pytest.mark.parametrize(
        ("target", "scenario"),
        [
            ("ok-anna", Scenario("ok", None, None)),
            ("quota-37-anna", Scenario("quota", None, "37")),
            ("unavail2-anna", Scenario("unavail", 2, None)),
            ("quota1-3-anna", Scenario("quota", 1, "3")),
            ("slow-2.5-anna", Scenario("slow", None, "2.5")),
            ("revoked-anna", Scenario("revoked", 1, None)),
            ("dGVzdA:APA91bF-x", Scenario("ok", None, None)),
            ("unknown-anna", Scenario("ok", None, None)),
            ("quota", Scenario("ok", None, None)),
        ],
    )
    def test_a_target_names_its_scenario(self, target, scenario) -> None:
        assert scenario_of(target) == scenario

    @pytest.mark.parametrize("name", sorted(SUCCESSES | set(FAILURES)))
    def test_each_is_documented(self, name) -> None:
        module = sys.modules[check_message.__module__]

        assert f"\n    {name} " in module.__doc__

    def test_a_date_to_wait_for_never_comes_early(self) -> None:
        at = 1_772_452_800.9

        [header] = failure_of(Scenario("quotadate", None, "5"), at).headers

        assert header == ("Retry-After", "Mon, 02 Mar 2026 12:00:06 GMT")


def test_many_simultaneous_connections_are_all_accepted(own_fcm) -> None:
    assert own_fcm._server.request_queue_size >= 1024


@pytest.mark.process
def test_as_a_process_it_writes_a_key_and_a_log_and_stops_on_sigterm(tmp_path) -> None:
    key, log = tmp_path / "key.json", tmp_path / "pushes.jsonl"
    command = [sys.executable, "-m", "demo.fcm", "--port", "0"]
    command += ["--service-account-file", str(key), "--log", str(log)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        url = process.stdout.readline().strip()
        account = json.loads(key.read_text())
        app = make_fcm_app(
            account, account["project_id"], url, clock=utcnow, name="process"
        )
        gateway = FcmGateway(app, utcnow)
        gateway.send(TargetKind.TOKEN, "ok-anna", make_message())
        with pytest.raises(PushError):
            gateway.send(TargetKind.TOKEN, "quota-3-anna", make_message())
        close_fcm_app(app)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=LONGEST_S)

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert code == 0
    assert account["token_uri"] == f"{url}/token"
    assert key.stat().st_mode & 0o077 == 0
    assert [(r["target"], r["status"], r["retry_after"]) for r in lines] == [
        ("ok-anna", 200, None),
        ("quota-3-anna", 429, "3"),
    ]
    assert lines[0]["message"]["data"]["kind"] == "offer"
