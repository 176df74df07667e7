"""The stand-in's HTTP: a thread for each connection, and answers broken on request."""

import json
import re
import socket
import struct
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from demo.fcm.answers import HTML, Answer, refusal


class Fcm(Protocol):
    """What answers the requests."""

    token_mode: str

    def answer_token(self, form: Mapping[str, list[str]]) -> Answer:
        """Exchange an assertion for an access token."""

    def answer_send(self, project_id: str, bearer: str, body: bytes) -> Answer:
        """Take a message for a phone."""

    def since(self, number: int) -> dict[str, Any]:
        """Return what the phones got after request `number`."""


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], fcm: Fcm) -> None:
        super().__init__(address, Handler)
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
        """Log nothing: callers that give up or are cut off are part of the play."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; with Nagle the second waits 40 ms for an ACK.
    disable_nagle_algorithm = True
    server: Server

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
        """Log nothing: the requests are recorded in `FakeFcm.requests`."""

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
