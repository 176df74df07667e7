"""API10, unsafe consumption of APIs: whatever FCM, its token endpoint or the mail
server answers, the job ends properly: tried again later, or failed with a reason."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from models.offers.pushes import Push
from models.people.targets import TargetKind
from notifications.answers import MOST_ANSWER_BYTES
from notifications.fcm import FcmGateway, close_fcm_app, make_fcm_app
from notifications.gateway import PushError, TryLater
from notifications.letters import Letter
from notifications.mail import MailDelayed, MailRefused, SmtpMailer
from tests.notifications.conftest import fcm
from tests.notifications.samples import make_message
from tests.owasp.hostile import Hostile, answer, hostile
from tests.owasp.proofs import missing
from tests.services.scene import Scene, rows_of, waiting_push
from tests.waiting import LONGEST_S
from tests.world import drain_jobs, utcnow

__all__ = ["fcm"]

JSON = "Content-Type: application/json"
TYPES = [b"[]", b"null", b"7", b'"x"', b"{}", b"{", b"\xff\xfe", b"[" * 50_000]
ERRORS = [
    {"error": []},
    {"error": {"details": "x", "message": 5, "status": []}},
    {"error": {"details": [7, {"@type": 1}], "code": "x"}},
]
ANSWERS = {
    "nothing": b"",
    "noise": b"\x00\xff" * 500,
    "html 200": answer("200 OK", b"<html>sign in</html>", "Content-Type: text/html"),
    "html 502": answer("502 Bad Gateway", b"<html>", "Content-Type: text/html"),
    "cut 200": answer("200 OK", b'{"name": "pro', JSON, "Content-Length: 900"),
    "cut 400": answer("400 Bad", b'{"error": {', JSON, "Content-Length: 900"),
    "not gzip": answer("200 OK", b"plain", JSON, "Content-Encoding: gzip"),
    "a long header": answer("200 OK", b"{}", "X: " + "x" * 100_000),
    "many headers": answer("200 OK", b"{}", *(f"X-{n}: 1" for n in range(200))),
    "204": answer("204 No Content"),
    "304": answer("304 Not Modified"),
    "a status that there is not": answer("799 Odd", b"{}"),
    "deep 400": answer("400 Bad", b'{"error":' + b"[" * 50_000, JSON),
    **{f"200 {t[:8]!r}": answer("200 OK", t, JSON) for t in TYPES},
    **{
        f"400 {e}": answer("400 Bad Request", json.dumps(e).encode(), JSON)
        for e in ERRORS
    },
}
REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Moved")
ENDLESS = 64 * 2**20


@contextmanager
def gateway_to(fcm, url: str, *, token_url: str = "", timeout_s: float = LONGEST_S):
    """Yield a gateway whose pushes, or token requests, go to the hostile server."""
    account = fcm.service_account
    account |= {"token_uri": token_url} if token_url else {}
    name = f"hostile-{time.monotonic_ns()}"
    app = make_fcm_app(account, fcm.project_id, url, timeout_s, clock=utcnow, name=name)
    yield FcmGateway(app, utcnow)
    close_fcm_app(app)


def refused(gateway: FcmGateway) -> PushError:
    with pytest.raises(PushError) as caught:
        gateway.send(TargetKind.FID, "phone-1", make_message())
    return caught.value


@pytest.fixture
def canary() -> Iterator[Hostile]:
    """The target of a redirect; no request may reach it."""
    with hostile(
        answer("200 OK", b'{"name": "projects/x/messages/1"}', JSON)
    ) as server:
        yield server


class TestFcm:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_after_any_answer_the_push_waits_with_a_reason(
        self, fcm, world, name
    ) -> None:
        scene = Scene(world)
        scene.load()
        scene.offered(scene.driver())
        push = waiting_push()

        with hostile(ANSWERS[name]) as server, gateway_to(fcm, server.url) as gateway:
            ran = drain_jobs(world.settings, gateway, only="push.send")

        (kept,) = rows_of(Push, Push.id == push.id)
        assert ran == ["push.send"]
        assert server.asked
        assert kept.status in {"queued", "failed"}
        assert kept.outcome

    @pytest.mark.parametrize("status", REDIRECTS)
    def test_a_redirect_is_not_followed(self, fcm, canary, status) -> None:
        away = answer(status, b"", f"Location: {canary.url}/v1/x")

        with hostile(away) as server, gateway_to(fcm, server.url) as gateway:
            error = refused(gateway)

        assert type(error) is TryLater
        assert status[:3] in str(error)
        assert (len(server.asked), canary.asked) == (1, [])

    @pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "503 Busy"])
    def test_an_endless_answer_is_not_read_to_the_end(self, fcm, status) -> None:
        head = answer(status, b"", JSON, f"Content-Length: {ENDLESS}")

        with (
            hostile(head, more=ENDLESS) as server,
            gateway_to(fcm, server.url) as gateway,
        ):
            error = refused(gateway)

        assert type(error) is TryLater
        # Bytes in the buffers of both ends count as sent, although they were not read.
        assert MOST_ANSWER_BYTES < server.sent < ENDLESS // 2

    def test_an_answer_that_drips_is_given_up_after_the_timeout(self, fcm) -> None:
        head = answer("200 OK", b"", JSON, "Content-Length: 1000")

        with (
            hostile(head, more=1000, pause_s=0.02) as server,
            gateway_to(fcm, server.url, timeout_s=0.5) as gateway,
        ):
            error = refused(gateway)

        assert type(error) is TryLater
        assert server.sent < 1000


class TestTheTokenEndpoint:
    @pytest.mark.parametrize("status", REDIRECTS)
    def test_a_redirect_does_not_get_our_assertion(self, fcm, canary, status) -> None:
        away = answer(status, b"", f"Location: {canary.url}/token")

        with (
            hostile(away) as server,
            gateway_to(fcm, fcm.url, token_url=f"{server.url}/token") as gateway,
        ):
            error = refused(gateway)

        assert type(error) is TryLater
        assert (len(server.asked), canary.asked) == (1, [])

    @pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"nothing"}))
    def test_any_answer_means_later(self, fcm, name) -> None:
        with (
            hostile(ANSWERS[name]) as server,
            gateway_to(fcm, fcm.url, token_url=f"{server.url}/token") as gateway,
        ):
            assert type(refused(gateway)) is TryLater

        assert server.asked

    def test_an_endless_answer_is_not_read_to_the_end(self, fcm) -> None:
        head = answer("200 OK", b"", JSON, f"Content-Length: {ENDLESS}")

        with (
            hostile(head, more=ENDLESS) as server,
            gateway_to(fcm, fcm.url, token_url=f"{server.url}/token") as gateway,
        ):
            assert type(refused(gateway)) is TryLater

        assert server.sent < ENDLESS // 2


LETTER = Letter("invitation-1", "dana@example.com", "You", "Your link\n")
MAIL = {
    "nothing": b"",
    "noise": b"\x00\xff" * 500 + b"\r\n",
    "http": answer("200 OK", b"<html>"),
    "a line without an end": b"220 " + b"x" * 100_000,
    "no number": b"hello\r\n",
    "busy": b"421 busy\r\n",
    "no": b"554 no\r\n",
    "a code that there is not": b"999 what\r\n",
}


@pytest.mark.parametrize("name", MAIL)
def test_after_any_greeting_of_a_mail_server_the_letter_waits(name: str) -> None:
    with hostile(MAIL[name], greets=True) as server:
        url = server.url.replace("http://", "smtp://")
        with pytest.raises((MailDelayed, MailRefused)) as caught:
            SmtpMailer(url, "Backhaul <noreply@example.com>", 0.5).send(LETTER)

    assert len(server.asked) == 1
    assert "Timeout" not in str(caught.value)
    assert "dana" not in str(caught.value)


def test_the_other_proofs_exist() -> None:
    later = "notifications/test_fcm_outcomes.py::TestLater::test_"
    assert (
        missing(
            later + "a_failure_for_now_is_one_request_and_try_later",
            later + "a_slow_answer_is_given_up_after_the_timeout",
            later + "a_refused_connection_means_try_later",
            later + "the_gateway_works_again_after_any_failure",
            "notifications/test_fcm_token.py"
            "::test_a_broken_token_endpoint_means_try_later_after_one_request",
            "notifications/test_mail.py::TestSend::test_tells_a_permanent_refusal_from_a_temporary_one",
            "notifications/test_mail.py::TestSend::test_a_silent_server_delays_the_letter",
            "services/offers/test_pushes.py::TestOutcomes::test_later",
            "test_worker.py::TestRetry::test_a_job_with_a_bug_has_five_attempts",
        )
        == []
    )
