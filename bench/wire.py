"""Repeats one request over one kept connection, at little cost to the client."""

import socket
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bench.client import TIMEOUT_S, Client, Refused

CHUNK = 65_536
END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Wire:
    """Repeats one GET request, in a fifth of the time that `Client` takes.

    tag: sent as If-None-Match, if there is one; then the answer has to be 304.
    """

    def __init__(self, client: Client, path: str, tag: str = "") -> None:
        address = urlsplit(client.url)
        assert address.hostname is not None
        assert address.port is not None
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.netloc}"]
        if client.token:
            lines.append(f"Authorization: Bearer {client.token}")
        if tag:
            lines.append(f"If-None-Match: {tag}")
        self._expected = b"HTTP/1.1 304" if tag else b"HTTP/1.1 200"
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._socket = socket.create_connection(
            (address.hostname, address.port), TIMEOUT_S
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def ask(self) -> int:
        """Send the request; return how long the answer's body is, bytes.

        Raises: Refused.
        """
        self._socket.sendall(self._request)
        found = self._more()
        while END not in found:
            found += self._more()
        head, _, body = found.partition(END)
        if not head.startswith(self._expected):
            raise Refused(head.decode("latin-1"))
        if LENGTH not in head.lower():
            return 0
        _, _, rest = head.lower().partition(LENGTH)
        length = int(rest.partition(b"\r\n")[0])
        missing = length - len(body)
        while missing > 0:
            missing -= len(self._more())
        return length

    def _more(self) -> bytes:
        chunk = self._socket.recv(CHUNK)
        if not chunk:
            raise Refused("The server hung up.")
        return chunk
