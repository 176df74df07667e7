"""A body is read in time and within its memory, or not at all."""

import asyncio
import selectors
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edges.reading import (
    BODY_S,
    LEAST_BYTES_PER_S,
    MOST_DRAINED_BYTES,
    MOST_SMALL_PARTS,
    UNCOUNTED_BYTES,
    Broken,
    Room,
    TooSlow,
    read_body,
)
from edges.threads import Busy, Shares

KIB = 1024


class Jumping(selectors.DefaultSelector):
    """Does not wait for the next timer but puts the clock forward to it."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found:
            self.now_s += timeout or 0
        return found


def loop_of_its_own_time() -> asyncio.AbstractEventLoop:
    """Return a loop on which seconds pass as fast as the machine allows."""
    selector = Jumping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now_s  # type: ignore[method-assign]
    return loop


async def sent(*chunks: bytes, pause_s: float = 0) -> AsyncIterator[bytes]:
    """Yield the chunks, with a pause between each two."""
    for number, chunk in enumerate(chunks):
        if number:
            await asyncio.sleep(pause_s)
        yield chunk


def read(
    chunks: AsyncIterator[bytes], *, most_bytes: int = KIB, shares: Shares | None = None
) -> bytes | None:
    with (
        Room(shares or Shares(2**30, 2**30), "key") as room,
        asyncio.Runner(loop_factory=loop_of_its_own_time) as runner,
    ):
        return runner.run(read_body(chunks, room, most_bytes=most_bytes))


class TestTheSize:
    def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(self) -> None:
        assert read(sent(b"a" * 1000, b"b" * 24)) == b"a" * 1000 + b"b" * 24
        assert read(sent(b"a" * 1000, b"b" * 25)) is None

    def test_the_rest_of_a_large_body_is_read_for_a_while(self) -> None:
        passed = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal passed
            while True:
                passed += KIB * KIB
                yield b" " * KIB * KIB

        assert read(endless()) is None
        assert passed == MOST_DRAINED_BYTES + KIB * KIB


class TestTheParts:
    def test_a_body_in_crumbs_is_not_read_to_its_end(self) -> None:
        given = 0

        async def crumbs() -> AsyncIterator[bytes]:
            nonlocal given
            while True:
                given += 1
                yield b"ab"

        with pytest.raises(Broken):
            read(crumbs(), most_bytes=KIB**2)
        assert given < 1.1 * MOST_SMALL_PARTS

    def test_a_small_body_may_come_byte_by_byte(self) -> None:
        assert read(sent(*[b"a"] * MOST_SMALL_PARTS)) == b"a" * MOST_SMALL_PARTS


class TestTheTime:
    def test_a_body_that_stops_is_too_slow(self) -> None:
        assert read(sent(b"a", b"b", pause_s=BODY_S - 0.1)) == b"ab"
        with pytest.raises(TooSlow):
            read(sent(b"a", b"b", pause_s=BODY_S + 0.1))

    def test_a_body_has_one_time_for_all_its_parts(self) -> None:
        with pytest.raises(TooSlow):
            read(sent(b"a", b"b", b"c", pause_s=0.75 * BODY_S))

    def test_a_large_body_that_stops_is_too_slow(self) -> None:
        with pytest.raises(TooSlow):
            read(sent(b"a" * 2000, b"b", pause_s=BODY_S + 0.1))

    def test_a_fast_beginning_buys_no_long_silence(self) -> None:
        fast = b"a" * 60 * LEAST_BYTES_PER_S

        with pytest.raises(TooSlow):
            read(sent(fast, b"b", pause_s=BODY_S + 0.1), most_bytes=KIB**2)

    def test_a_body_that_comes_at_the_least_rate_is_read(self) -> None:
        part = b"a" * LEAST_BYTES_PER_S
        parts = [part] * int(2 * BODY_S)

        assert read(sent(*parts, pause_s=1), most_bytes=KIB**2) == b"".join(parts)
        with pytest.raises(TooSlow):
            read(sent(*parts, pause_s=2), most_bytes=KIB**2)


class TestTheMemory:
    def test_a_small_body_needs_no_room(self) -> None:
        none = Shares(0, 0)
        small = b"a" * UNCOUNTED_BYTES

        assert read(sent(small), most_bytes=KIB**2, shares=none) == small
        with pytest.raises(Busy):
            read(sent(small, b"b"), most_bytes=KIB**2, shares=none)

    def test_room_is_taken_once_for_each_byte_and_given_back(self) -> None:
        shares = Shares(100, 100)
        large = b"a" * (UNCOUNTED_BYTES + 100)

        for _ in range(2):
            body = read(
                sent(large[:-60], large[-60:]), most_bytes=KIB**2, shares=shares
            )
            assert body == large
        with pytest.raises(Busy):
            read(sent(large, b"b"), most_bytes=KIB**2, shares=shares)
        assert shares.take("key", 100)
