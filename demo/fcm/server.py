"""The stand-in itself: log-in, checks, scenarios, and a record of every request."""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.fcm.answers import (
    FAILURES,
    HTML,
    REVOKED,
    Answer,
    Malformed,
    check_message,
    failure_of,
    refusal,
    scenario_of,
)
from demo.fcm.web import Server

GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"
SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/firebase.messaging",
        "https://www.googleapis.com/auth/cloud-platform",
    }
)
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_EMAIL = "push@stand-in.iam.gserviceaccount.com"
TOKEN_LIFETIME_S = 3600


@dataclass(frozen=True)
class Received:
    """One request to send, with the answer it got.

    at, answered_at: seconds since the epoch by the server's clock.
    is_delivered: the phone got the message, also if the caller got no answer.
    """

    number: int
    at: float
    answered_at: float
    target_kind: str
    target: str
    message: Mapping[str, Any]
    status: int
    retry_after: str | None
    is_delivered: bool


class FakeFcm:
    """The server, for use inside a test or as a process.

    `service_account` is what a client logs in with; its key is made at random and
    the server keeps only the public half. Start before reading `url`.

    log_path: every request to send is also written there, a JSON object a line.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        project_id: str = "stand-in",
        log_path: Path | None = None,
    ) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._public_key = key.public_key()
        self._pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        self.project_id = project_id
        self.token_mode = "ok"
        self.token_delay_s = 0.0
        self.token_requests = 0
        self.requests: list[Received] = []
        self.unauthorised = 0
        self._bearers: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._accepted = 0
        self._lock = threading.Lock()
        self._hurrying = threading.Event()
        self._log = log_path.open("a", encoding="utf-8") if log_path else None
        self._server = Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="fake-fcm"
        )

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def service_account(self) -> dict[str, str]:
        """The key file that Google would hand out for this project."""
        return {
            "type": "service_account",
            "project_id": self.project_id,
            "private_key_id": "stand-in",
            "private_key": self._pem,
            "client_email": CLIENT_EMAIL,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    @property
    def received(self) -> list[Received]:
        """What the phones got, oldest first."""
        with self._lock:
            return [each for each in self.requests if each.is_delivered]

    def received_by(self, target: str) -> list[Received]:
        """What one phone got, oldest first."""
        return [each for each in self.received if each.target == target]

    def requests_for(self, target: str) -> list[Received]:
        """The requests to send to one phone, oldest first."""
        with self._lock:
            return [each for each in self.requests if each.target == target]

    def start(self) -> "FakeFcm":
        """Serve from a thread of its own."""
        self._thread.start()
        return self

    def hurry(self) -> None:
        """Give the slow answers now, also those that are still to be asked for."""
        self._hurrying.set()

    def stop(self) -> None:
        """Stop serving, cut the connections that are open, close the log."""
        self.hurry()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> "FakeFcm":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def answer_token(self, form: Mapping[str, list[str]]) -> Answer:
        """Exchange a signed assertion for an access token (RFC 7523)."""
        with self._lock:
            self.token_requests += 1
        if self.token_mode == "slow":
            self._hurrying.wait(self.token_delay_s)
        broken = {
            "down": Answer(503, HTML, (("Retry-After", "7"),)),
            "refused": Answer(
                400,
                {"error": "invalid_grant", "error_description": "Invalid signature."},
            ),
            "html": Answer(200, HTML),
            "reset": Answer(0, b"", is_reset=True),
        }
        if self.token_mode in broken:
            return broken[self.token_mode]
        if form.get("grant_type") != [JWT_GRANT]:
            return Answer(400, {"error": "unsupported_grant_type"})
        try:
            claims = jwt.decode(
                form.get("assertion", [""])[0],
                self._public_key,
                algorithms=["RS256"],
                # Google's libraries name Google here, also for another token_uri.
                audience=[GOOGLE_TOKEN_URL, f"{self.url}/token"],
                issuer=CLIENT_EMAIL,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except jwt.InvalidTokenError as error:
            return Answer(
                400, {"error": "invalid_grant", "error_description": str(error)}
            )
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return Answer(400, {"error": "invalid_scope"})
        bearer = f"ya29.{token_urlsafe(32)}"
        with self._lock:
            self._bearers.add(bearer)
        return Answer(
            200,
            {
                "access_token": bearer,
                "expires_in": TOKEN_LIFETIME_S,
                "token_type": "Bearer",
            },
        )

    def answer_send(self, project_id: str, bearer: str, body: bytes) -> Answer:
        """Check a request to send, play its target's scenario, record the request."""
        at = time.time()
        with self._lock:
            is_known = bearer in self._bearers
            self.unauthorised += not is_known
        if not is_known:
            return REVOKED
        if project_id != self.project_id:
            return refusal(404, f"No project {project_id}")
        try:
            request = json.loads(body)
            message = request.get("message")
            target_kind, target = check_message(message)
        except (ValueError, AttributeError):
            return refusal(400, "Invalid JSON payload received.")
        except Malformed as error:
            code = "INVALID_ARGUMENT" if error.has_code else None
            return refusal(400, str(error), code, error.field)
        answer, is_delivered = self._act(target, bearer)
        self._write_down(
            at=at,
            target_kind=target_kind,
            target=target,
            message=message,
            answer=answer,
            is_delivered=is_delivered and not request.get("validate_only", False),
        )
        return answer

    def since(self, number: int) -> dict[str, Any]:
        """Return what the phones got after request `number`, and where to go on."""
        with self._lock:
            later = self.requests[number:]
            upto = len(self.requests)
        return {"items": [asdict(r) for r in later if r.is_delivered], "next": upto}

    def _act(self, target: str, bearer: str) -> tuple[Answer, bool]:
        scenario = scenario_of(target)
        with self._lock:
            self._asked[target] += 1
            is_over = (
                scenario.times is not None and self._asked[target] > scenario.times
            )
            if scenario.name == "revoked" and not is_over:
                self._bearers.discard(bearer)
        if scenario.name in FAILURES and not is_over:
            return failure_of(scenario, time.time()), False
        if scenario.name == "slow" and not is_over:
            self._hurrying.wait(float(scenario.argument or 1))
        with self._lock:
            self._accepted += 1
            name = f"projects/{self.project_id}/messages/{self._accepted}"
        is_cut = scenario.name == "cutok" and not is_over
        return Answer(200, {"name": name}, is_cut=is_cut), True

    def _write_down(
        self,
        *,
        at: float,
        target_kind: str,
        target: str,
        message: Mapping[str, Any],
        answer: Answer,
        is_delivered: bool,
    ) -> None:
        with self._lock:
            entry = Received(
                number=len(self.requests) + 1,
                at=at,
                answered_at=time.time(),
                target_kind=target_kind,
                target=target,
                message=message,
                status=answer.status,
                retry_after=dict(answer.headers).get("Retry-After"),
                is_delivered=is_delivered,
            )
            self.requests.append(entry)
            if self._log is not None and not self._log.closed:
                self._log.write(json.dumps(asdict(entry)) + "\n")
                self._log.flush()
