"""A server that gives broken, endless or slow answers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import sleep

from tests.waiting import LONGEST_S

CHUNK = b"x" * 65_536


@dataclass
class Hostile:
    """Answers every connection with `raw`, then `more` bytes, and closes it.

    pause_s: seconds between two bytes, for a slow answer; 0 sends in large parts.
    greets: sends first, as a mail server does, without reading a request.
    """

    raw: bytes = b""
    more: int = 0
    pause_s: float = 0.0
    greets: bool = False
    asked: list[bytes] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line, suppress(OSError):
                line.settimeout(LONGEST_S)
                self.asked.append(b"" if self.greets else _request(line))
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        line.sendall(self.raw)
        left = self.more
        while left > 0:
            part = b"x" if self.pause_s else CHUNK[:left]
            line.sendall(part)
            self.sent += len(part)
            left -= len(part)
            sleep(self.pause_s)


def _request(line: socket.socket) -> bytes:
    """Read a request with its body, as far as its Content-Length says."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = line.recv(65_536)
        if not part:
            return raw
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    wanted = 0
    for header in head.lower().split(b"\r\n"):
        if header.startswith(b"content-length:"):
            wanted = int(header.split(b":")[1])
    while len(body) < wanted:
        body += line.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def hostile(
    raw: bytes = b"", more: int = 0, pause_s: float = 0.0, *, greets: bool = False
) -> Iterator[Hostile]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Hostile(raw, more, pause_s, greets)
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(LONGEST_S)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a whole answer; a Content-Length in `headers` is sent as given."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if not any(header.lower().startswith("content-length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
