"""Reading the body of a request on the event loop, before the request has a thread."""

import asyncio
from collections.abc import AsyncIterable, Hashable

from edges.threads import Busy, Shares

BODY_S = 30.0
LEAST_BYTES_PER_S = 1000
"""A body may take BODY_S, and a second more for each LEAST_BYTES_PER_S received, but
from its last bytes on never more than BODY_S: a fast beginning buys no long silence."""

MOST_DRAINED_BYTES = 16 * 2**20
"""Bytes of a body that are read only to be thrown away: a client that is still sending
would not see the 413."""

MOST_SMALL_PARTS = 1_000
LEAST_PART_BYTES = 64
"""However short a part is, it costs the event loop as much as any other: a body may
have MOST_SMALL_PARTS, and one more for each LEAST_PART_BYTES."""

UNCOUNTED_BYTES = 16 * 1024
"""A body up to here needs no room: all connections together have little of it."""


class TooSlow(Exception):
    """The body did not arrive in time."""


class Broken(Exception):
    """The body ended too early, or came in far too many parts."""


class Room:
    """The memory that one large body takes, given back at the end of the block.

    Raises: Busy, if there is no more room.
    """

    def __init__(self, shares: Shares, key: Hashable) -> None:
        self._shares, self._key, self._taken = shares, key, 0

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_: object) -> None:
        if self._taken:
            self._shares.give_back(self._key, self._taken)

    def grow_to(self, size: int) -> None:
        """Take room for `size` bytes altogether."""
        more = size - UNCOUNTED_BYTES - self._taken
        if more <= 0:
            return
        if not self._shares.take(self._key, more):
            raise Busy
        self._taken += more


async def read_body(
    chunks: AsyncIterable[bytes], room: Room, *, most_bytes: int
) -> bytes | None:
    """Return the body; None if it has more than `most_bytes`.

    Raises: TooSlow, Broken, Busy.
    """
    kept = bytearray()
    size = parts = 0
    clock = asyncio.get_running_loop().time
    until = clock() + BODY_S
    try:
        async with asyncio.timeout_at(until) as deadline:
            async for chunk in chunks:
                size += len(chunk)
                parts += 1
                if parts > MOST_SMALL_PARTS + size // LEAST_PART_BYTES:
                    raise Broken
                if size <= most_bytes:
                    room.grow_to(size)
                    kept += chunk
                elif size > MOST_DRAINED_BYTES:
                    break
                until = min(until + len(chunk) / LEAST_BYTES_PER_S, clock() + BODY_S)
                deadline.reschedule(until)
    except TimeoutError:
        raise TooSlow from None
    return bytes(kept) if size <= most_bytes else None
