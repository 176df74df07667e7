"""The request threads, shared so that no company or address takes them all."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MOST_WAITING = 512
"""Requests of one company or address that wait for a thread of one web process."""

LONGEST_WAIT_S = 10.0
"""How long one of them waits for its turn."""

QUICK_S = 0.1
"""Most requests end within this time. One that does not mostly waits for the database,
and no longer holds up the next one of its company or address."""

Result = TypeVar("Result")


class Busy(Exception):
    """A company or address already has its share; the request should come again."""


class Shares:
    """An amount that keys share, limited for all of them and for each.

    most_of_one: of the amount, for one key.
    """

    def __init__(self, amount: int, most_of_one: int) -> None:
        self._left = amount
        self._most_of_one = most_of_one
        self._taken: Counter[Hashable] = Counter()

    def take(self, key: Hashable, amount: int = 1) -> bool:
        """Take `amount` for `key`; return False, and take nothing, if that is too much.

        The caller must give it back by `give_back`.
        """
        is_allowed = (
            amount <= self._left and self._taken[key] + amount <= self._most_of_one
        )
        if is_allowed:
            self._left -= amount
            self._taken[key] += amount
        return is_allowed

    def give_back(self, key: Hashable, amount: int = 1) -> None:
        """Give back what `key` took."""
        self._left += amount
        self._taken[key] -= amount
        if not self._taken[key]:
            del self._taken[key]


class Memory(Shares):
    """Bytes, of which one key may take a quarter of what it leaves for the others.

    So the first key gets a fifth of all, and however many fill their part, there is
    some for the next.
    """

    def __init__(self, amount: int) -> None:
        super().__init__(amount, amount)

    def take(self, key: Hashable, amount: int = 1) -> bool:
        """As `Shares.take`; how much one key may have depends on what is left."""
        self._most_of_one = max(self._left - amount, 0) // 4
        return super().take(key, amount)


class Threads:
    """Threads for one kind of request.

    One key, a company or an address, runs in one of the threads; in up to `most_of_one`
    while some of its requests take longer than QUICK_S. Its other requests wait without
    a thread, and keys take turns. Only the event loop calls this.

    most_bytes: of large bodies in memory at once.
    """

    def __init__(
        self, name: str, threads: int, *, most_of_one: int, most_bytes: int
    ) -> None:
        self.bytes = Memory(most_bytes)
        self._shares = Shares(threads, most_of_one)
        self._quick = Shares(threads, 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        # In the order of turns.
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def run(self, key: Hashable, call: Callable[[], Result]) -> Result:
        """Return the result of `call`, made in a thread when it is the turn of `key`.

        Raises: Busy.
        """
        if not self._take(key):
            await self._wait_for_turn(key)
        loop = asyncio.get_running_loop()
        is_quick = True

        def stand_aside() -> None:
            nonlocal is_quick
            is_quick = False
            self._quick.give_back(key)
            self._call_next()

        aside = loop.call_later(QUICK_S, stand_aside)
        try:
            return await loop.run_in_executor(self._pool, call)
        finally:
            aside.cancel()
            if is_quick:
                self._quick.give_back(key)
            self._shares.give_back(key)
            self._call_next()

    def _take(self, key: Hashable) -> bool:
        if not self._quick.take(key):
            return False
        is_taken = self._shares.take(key)
        if not is_taken:
            self._quick.give_back(key)
        return is_taken

    async def _wait_for_turn(self, key: Hashable) -> None:
        queue = self._waiting.setdefault(key, deque())
        if len(queue) >= MOST_WAITING:
            raise Busy
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        # A turn that comes at the last moment is kept: `wait` does not cancel it.
        await asyncio.wait([turn], timeout=LONGEST_WAIT_S)
        if not turn.done():
            queue.remove(turn)
            if not queue:
                del self._waiting[key]
            raise Busy

    def _call_next(self) -> None:
        for key, queue in self._waiting.items():
            if self._take(key):
                queue.popleft().set_result(None)
                del self._waiting[key]
                if queue:
                    self._waiting[key] = queue
                return
