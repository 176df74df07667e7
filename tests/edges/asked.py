"""Requests as Granian hands them to the adapter."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from edges.adapter import Adapter

Pairs = list[tuple[str, str]]


@dataclass
class Sent:
    """The headers of a request, as Granian gives them."""

    pairs: Pairs

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.items() if key == name]

    def get(self, name: str) -> str | None:
        return next(iter(self.get_all(name)), None)

    def keys(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.pairs))

    def items(self) -> Pairs:
        return [pair for pair in self.pairs if pair[1].isascii()]


@dataclass
class Request:
    """A request and its body, and the answer that it gets."""

    path: str = "/"
    headers: Sent = field(default_factory=lambda: Sent([]))
    body: bytes = b""
    method: str = "GET"
    query_string: str = ""
    client: str = "192.0.2.1:4711"
    server: str = "127.0.0.1:8000"
    http_version: str = "1.1"
    scheme: str = "http"
    answer: tuple[int, Pairs, bytes] | None = None
    is_read: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield self.body

    def response_file(self, status: int, headers: Pairs, file: str) -> None:
        self.answer = (status, headers, b"the file " + file.encode())

    def response_bytes(self, status: int, headers: Pairs, body: bytes) -> None:
        assert self.answer is None
        self.answer = (status, headers, body)

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer[0]


def request(path: str = "/", *pairs: tuple[str, str], **more: Any) -> Request:
    return Request(path, Sent(list(pairs)), **more)


def post(body: bytes, *pairs: tuple[str, str]) -> Request:
    return request("/", *pairs, body=body, method="POST")


def play(adapter: Adapter, *requests: Request) -> None:
    async def scene() -> None:
        await asyncio.gather(*(adapter(each, each) for each in requests))

    asyncio.run(scene())
