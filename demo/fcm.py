"""A stand-in for FCM: a real HTTP server with Google's log-in, checks and failures.

A phone's target chooses what happens to a push to it: `<scenario>-<anything>`, with a
count and an argument if wanted: `<scenario><times>-<argument>-<anything>`. With a
count only the first so many requests to that target get the scenario, the rest `ok`.
The argument of a failure is its Retry-After in seconds; without one there is none.
Every other target is `ok`. So `unavail2-anna` answers 503 twice and then accepts,
`quota1-3-anna` answers 429 with `Retry-After: 3` once, `slow-2.5-anna` takes 2.5 s.

    ok        200 and the phone receives the message
    unreg     404 UNREGISTERED
    badtok    400 INVALID_ARGUMENT about the registration
    payload   400 INVALID_ARGUMENT about a field of the message
    mismatch  403 SENDER_ID_MISMATCH
    apns      401 THIRD_PARTY_AUTH_ERROR
    denied    403 PERMISSION_DENIED, no FcmError: our account lacks the role
    quota     429 QUOTA_EXCEEDED
    quotadate the same, its Retry-After as an HTTP date
    unavail   503 UNAVAILABLE
    internal  500 INTERNAL
    slow      accepts after the argument's seconds (default 1), the caller gone or not
    reset     resets the connection instead of answering
    html      502 with a page of HTML
    oddhtml   200 with a page of HTML (a captive portal)
    odd       503 with an `error` that is not an object, and bytes that are not UTF-8
    cut       503 with a body that ends before its Content-Length
    cutok     accepts, but the 200's body ends before its Content-Length
    revoked   401 UNAUTHENTICATED, and the caller's access token is revoked; once if
              no count is given

The token endpoint (POST /token) works until `token_mode` (PUT /token-mode) says
otherwise: `down` 503, `refused` 400 invalid_grant, `html` 200 with HTML, `reset`, or
`slow` (answers after `token_delay_s`).
"""

import argparse
import json
import re
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

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

PAYLOAD_LIMIT_BYTES = 4096
TTL_LIMIT_S = 28 * 86_400
COLLAPSE_ID_LIMIT_BYTES = 64
TARGET_FIELDS = ("token", "fid", "topic", "condition")
MESSAGE_FIELDS = frozenset(
    {"name", "data", "notification", "android", "webpush", "apns", "fcm_options"}
    | set(TARGET_FIELDS)
)
RESERVED_KEYS = re.compile(r"^(from|message_type|gcm|gcm\..*|google.*)$")
TTL = re.compile(r"^(\d+)(\.\d{1,9})?s$")

HTML = b"<!DOCTYPE html><html><title>Error</title><p>Try again in 30 seconds.</html>"

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
RPC_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""Source: cloud.google.com/apis/design/errors."""


@dataclass(frozen=True)
class Answer:
    """What goes back: a status with a JSON body, or a body of other bytes."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()
    is_cut: bool = False
    is_reset: bool = False


@dataclass(frozen=True)
class Received:
    """One request to send, with the answer it got.

    at, answered_at: seconds since the epoch by the server's clock.
    is_delivered: the phone got the message (whatever the caller learnt of it).
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


@dataclass(frozen=True)
class Scenario:
    """What a target asks for by its name."""

    name: str
    times: int | None
    argument: str | None


class Malformed(Exception):
    """The request is not one FCM would take."""

    def __init__(self, field: str, sentence: str, *, has_code: bool = False) -> None:
        super().__init__(sentence)
        self.field = field
        self.has_code = has_code


def refusal(
    status: int, sentence: str, code: str | None = None, field: str | None = None
) -> Answer:
    """Return an error in Google's format.

    code: FCM's own word for it, in a detail of its own.
    field: the malformed field, in another.
    """
    details: list[object] = []
    if field is not None:
        violations = [{"field": field, "description": sentence}]
        details.append({"@type": BAD_REQUEST, "fieldViolations": violations})
    if code is not None:
        details.append({"@type": FCM_ERROR, "errorCode": code})
    error = {"code": status, "message": sentence, "status": RPC_CODES[status]}
    return Answer(status, {"error": error | ({"details": details} if details else {})})


_QUOTA = refusal(429, "Quota exceeded.", "QUOTA_EXCEEDED")
_REVOKED = refusal(401, "Request had invalid authentication credentials.")
_BAD_TOKEN = "The registration token is not a valid FCM registration token"
_NOT_A_STRING = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"
_NO_ROLE = "Permission 'cloudmessaging.messages.create' denied"
_APNS_KEY = "Auth error from APNS or Web Push Service"

# Sentences as FCM writes them. Source: FCM guides, "REST error codes for HTTP v1".
FAILURES: Mapping[str, Answer] = {
    "unreg": refusal(404, "Requested entity was not found.", "UNREGISTERED"),
    "badtok": refusal(400, _BAD_TOKEN, "INVALID_ARGUMENT"),
    "payload": refusal(400, _NOT_A_STRING, field="message.data[0].value"),
    "mismatch": refusal(403, "SenderId mismatch", "SENDER_ID_MISMATCH"),
    "apns": refusal(401, _APNS_KEY, "THIRD_PARTY_AUTH_ERROR"),
    "denied": refusal(403, _NO_ROLE),
    "quota": _QUOTA,
    "quotadate": _QUOTA,
    "unavail": refusal(503, "The service is unavailable.", "UNAVAILABLE"),
    "internal": refusal(500, "Internal error encountered.", "INTERNAL"),
    "reset": Answer(0, b"", is_reset=True),
    "html": Answer(502, HTML),
    "oddhtml": Answer(200, HTML),
    "odd": Answer(503, b'{"error": "\xff\xfe"}'),
    "cut": Answer(503, b'{"error": {"code"', is_cut=True),
    "revoked": _REVOKED,
}
SUCCESSES = frozenset({"ok", "slow", "cutok"})


def scenario_of(target: str) -> Scenario:
    """Return the scenario that `target` names, `ok` if it names none."""
    found = re.match(r"([a-z]+)(\d*)-(?:(\d+(?:\.\d+)?)-)?", target)
    if found is None or found[1] not in SUCCESSES | set(FAILURES):
        return Scenario("ok", None, None)
    default = 1 if found[1] == "revoked" else None
    return Scenario(found[1], int(found[2]) if found[2] else default, found[3])


def failure_of(scenario: Scenario, at: float) -> Answer:
    """Return the answer of a failing scenario, with Retry-After if it has one.

    at: now, in seconds since the epoch.
    """
    retry_after = scenario.argument
    if scenario.name == "quotadate":
        # Rounded up: a date has whole seconds and must not come too early.
        retry_after = formatdate(ceil(at + float(retry_after or 1)), usegmt=True)
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return replace(FAILURES[scenario.name], headers=headers)


def check_message(message: object) -> tuple[str, str]:
    """Return the kind and value of the target if FCM would take this message.

    Source: FCM reference, Message and ErrorCode; Apple, "Sending notification
    requests to APNs", for the headers.

    Raises: Malformed.
    """
    if not isinstance(message, dict):
        raise Malformed("message", "Message is not an object")
    for field in sorted(set(message) - MESSAGE_FIELDS):
        raise Malformed(f"message.{field}", f'Unknown name "{field}" at "message"')
    targets = [field for field in TARGET_FIELDS if message.get(field)]
    if not targets:
        sentence = "Recipient of the message is not set."
        raise Malformed("message", sentence, has_code=True)
    if len(targets) > 1:
        raise Malformed("message", "Message has more than one recipient")
    _check_strings("message.data", message.get("data", {}))
    for key in message.get("data", {}):
        if RESERVED_KEYS.match(key):
            raise Malformed("message.data", f"Invalid data payload key: {key}")
    _check_android(message.get("android", {}))
    _check_apns(message.get("apns", {}))
    payload = {k: v for k, v in message.items() if k not in TARGET_FIELDS}
    if len(json.dumps(payload, ensure_ascii=False).encode()) > PAYLOAD_LIMIT_BYTES:
        raise Malformed("message", "Android message is too big", has_code=True)
    return targets[0], str(message[targets[0]])


def _check_strings(field: str, found: object) -> None:
    if not isinstance(found, dict) or not all(
        isinstance(value, str) for value in found.values()
    ):
        raise Malformed(field, f"Invalid value at '{field}' (TYPE_STRING)")


def _check_android(android: Mapping[str, Any]) -> None:
    ttl = android.get("ttl")
    if ttl is not None:
        found = TTL.match(str(ttl))
        if found is None or int(found[1]) > TTL_LIMIT_S:
            raise Malformed("message.android.ttl", f"Invalid TTL: {ttl}")
    if str(android.get("priority", "normal")).lower() not in ("normal", "high"):
        raise Malformed("message.android.priority", "Invalid priority")
    visibility = android.get("notification", {}).get("visibility", "PRIVATE")
    if visibility not in ("PRIVATE", "PUBLIC", "SECRET"):
        raise Malformed("message.android.notification.visibility", "Invalid value")


def _check_apns(apns: Mapping[str, Any]) -> None:
    headers = apns.get("headers", {})
    _check_strings("message.apns.headers", headers)
    collapse_id = headers.get("apns-collapse-id", "")
    if len(collapse_id.encode()) > COLLAPSE_ID_LIMIT_BYTES:
        raise Malformed("message.apns.headers", "apns-collapse-id is too long")
    if not headers.get("apns-expiration", "0").isdigit():
        raise Malformed("message.apns.headers", "apns-expiration is not a number")
    is_background = headers.get("apns-push-type") == "background"
    if is_background and headers.get("apns-priority") != "5":
        raise Malformed("message.apns.headers", "background needs apns-priority 5")


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
        self._stopping = threading.Event()
        self._log = log_path.open("a", encoding="utf-8") if log_path else None
        self._server = _Server(("127.0.0.1", port), self)
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

    def stop(self) -> None:
        """Stop serving, cut the connections that are open, close the log."""
        self._stopping.set()
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
            self._stopping.wait(self.token_delay_s)
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
                # Google's libraries name Google here whatever the token_uri is.
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
        """Check a request to send, act out its target's scenario, write it down."""
        at = time.time()
        with self._lock:
            is_known = bearer in self._bearers
            self.unauthorised += not is_known
        if not is_known:
            return _REVOKED
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
            self._stopping.wait(float(scenario.argument or 1))
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


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], fcm: FakeFcm) -> None:
        super().__init__(address, _Handler)
        self.fcm = fcm
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already gone

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing: callers that give up or are cut off are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; with Nagle the second waits 40 ms for an ACK.
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        body = self._body()
        send = re.fullmatch(r"/v1/projects/([^/]+)/messages:send", path)
        if path == "/token":
            self._give(self.server.fcm.answer_token(parse_qs(body.decode())))
        elif send is not None:
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self._give(self.server.fcm.answer_send(send[1], bearer, body))
        else:
            self._give(Answer(404, HTML))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        since = parse_qs(url.query).get("since", ["0"])[0]
        if url.path != "/received":
            self._give(Answer(404, HTML))
        elif not since.isdigit():
            self._give(refusal(400, "since is not a number"))
        else:
            self._give(Answer(200, self.server.fcm.since(int(since))))

    def do_PUT(self) -> None:
        mode = self._body().decode()
        if urlsplit(self.path).path == "/token-mode":
            self.server.fcm.token_mode = mode
            self._give(Answer(200, {"token_mode": mode}))
        else:
            self._give(Answer(404, HTML))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the log is `requests`."""

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _give(self, answer: Answer) -> None:
        if answer.is_reset:
            # No lingering: closing sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
            return
        is_raw = isinstance(answer.body, bytes)
        body = answer.body if is_raw else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/html" if is_raw else "application/json")
        self.send_header("Content-Length", str(len(body) + 20 * answer.is_cut))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or answer.is_cut


def main() -> None:
    """Serve until SIGTERM; print the address once the key file is written."""
    parser = argparse.ArgumentParser(prog="demo.fcm", description="A stand-in for FCM.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--project", default="stand-in")
    parser.add_argument("--service-account-file", type=Path, required=True)
    parser.add_argument("--log", type=Path, help="JSON lines, one per request to send")
    options = parser.parse_args()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    fcm = FakeFcm(options.port, project_id=options.project, log_path=options.log)
    options.service_account_file.touch(mode=0o600)
    options.service_account_file.write_text(json.dumps(fcm.service_account, indent=2))
    with fcm:
        print(fcm.url, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
