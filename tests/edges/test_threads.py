"""Threads are shared, so that no company or address takes all of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from edges import threads
from edges.threads import MOST_WAITING, Busy, Memory, Shares, Threads
from tests.waiting import LONGEST_S


class Gate:
    """Calls that run until they are let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._open = threading.Event()

    def call(self, name: str) -> Callable[[], str]:
        def run() -> str:
            self.began.append(name)
            assert self._open.wait(LONGEST_S)
            return name

        return run

    def let_go(self) -> None:
        self._open.set()

    async def wait_for(self, number: int) -> None:
        async with asyncio.timeout(LONGEST_S):
            while len(self.began) < number:
                await asyncio.sleep(0.005)


def made(threads: int = 4, most_of_one: int = 2) -> Threads:
    return Threads("test", threads, most_of_one=most_of_one, most_bytes=1000)


def play(scene: Callable[[Gate], Awaitable[None]]) -> None:
    gate = Gate()

    async def guarded() -> None:
        try:
            await scene(gate)
        finally:
            gate.let_go()

    asyncio.run(guarded())


class TestThreads:
    def test_gives_one_company_its_share_and_the_others_the_rest(self) -> None:
        async def scene(gate: Gate) -> None:
            shared = made()
            hogs = [
                asyncio.create_task(shared.run("hog", gate.call(f"hog {n}")))
                for n in range(6)
            ]
            await gate.wait_for(2)
            others = [
                asyncio.create_task(shared.run(name, gate.call(name)))
                for name in ("a", "b")
            ]
            await gate.wait_for(4)

            # Which of two threads begins first is not decided.
            assert [sorted(gate.began[:2]), sorted(gate.began[2:])] == [
                ["hog 0", "hog 1"],
                ["a", "b"],
            ]
            gate.let_go()
            results = await asyncio.gather(*hogs, *others)
            assert results == [*(f"hog {n}" for n in range(6)), "a", "b"]

        play(scene)

    def test_begins_a_second_request_of_a_company_when_the_first_takes_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def scene(gate: Gate) -> None:
            monkeypatch.setattr(threads, "QUICK_S", LONGEST_S)
            shared = made()
            hogs = [asyncio.create_task(shared.run("hog", gate.call("quick")))]
            await gate.wait_for(1)
            monkeypatch.setattr(threads, "QUICK_S", 0)
            hogs += [
                asyncio.create_task(shared.run("hog", gate.call(f"hog {n}")))
                for n in range(3)
            ]
            others = [
                asyncio.create_task(shared.run(name, gate.call(name)))
                for name in ("a", "b")
            ]
            await gate.wait_for(3)
            assert sorted(gate.began) == ["a", "b", "quick"]
            gate.let_go()
            await asyncio.gather(*hogs, *others)

        async def long_scene(gate: Gate) -> None:
            monkeypatch.setattr(threads, "QUICK_S", 0)
            shared = made()
            hogs = [
                asyncio.create_task(shared.run("hog", gate.call(f"hog {n}")))
                for n in range(3)
            ]
            await gate.wait_for(2)
            gate.let_go()
            await asyncio.gather(*hogs)

        play(scene)
        play(long_scene)

    def test_lets_those_who_wait_take_turns(self) -> None:
        async def scene(gate: Gate) -> None:
            shared = made(threads=1, most_of_one=1)
            names = ["first", "hog", "hog", "hog", "other"]
            tasks = [
                asyncio.create_task(shared.run(name, gate.call(name))) for name in names
            ]
            await gate.wait_for(1)
            gate.let_go()
            await asyncio.gather(*tasks)

            assert gate.began == ["first", "hog", "other", "hog", "hog"]

        play(scene)

    def test_gives_a_thread_back_after_an_error(self) -> None:
        def fail() -> None:
            raise ValueError("a bug")

        async def scene(gate: Gate) -> None:
            shared = made(threads=1, most_of_one=1)
            for _ in range(2):
                with pytest.raises(ValueError, match="a bug"):
                    await shared.run("a", fail)

        play(scene)

    def test_lets_so_many_wait_and_refuses_the_next(self) -> None:
        async def scene(gate: Gate) -> None:
            shared = made(threads=2, most_of_one=1)
            tasks = [
                asyncio.create_task(shared.run("hog", gate.call("hog")))
                for _ in range(1 + MOST_WAITING)
            ]
            await gate.wait_for(1)
            with pytest.raises(Busy):
                await shared.run("hog", gate.call("hog"))

            gate.let_go()
            assert await shared.run("other", gate.call("other")) == "other"
            assert len(await asyncio.gather(*tasks)) == 1 + MOST_WAITING

        play(scene)

    def test_refuses_those_who_waited_too_long(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "LONGEST_WAIT_S", 0.01)

        async def scene(gate: Gate) -> None:
            shared = made(threads=1, most_of_one=1)
            first = asyncio.create_task(shared.run("hog", gate.call("first")))
            await gate.wait_for(1)
            with pytest.raises(Busy):
                await shared.run("hog", gate.call("late"))
            gate.let_go()

            assert await first == "first"
            assert await shared.run("hog", gate.call("next")) == "next"
            assert gate.began == ["first", "next"]

        play(scene)


class TestShares:
    def test_all_together_may_take_the_amount(self) -> None:
        shares = Shares(10, 6)

        assert shares.take("a", 6)
        assert not shares.take("b", 5)
        assert shares.take("b", 4)

    def test_one_alone_may_take_its_part_and_again_what_it_gave_back(self) -> None:
        shares = Shares(10, 6)

        assert not shares.take("a", 7)
        assert shares.take("a", 6)
        assert not shares.take("a")
        shares.give_back("a", 2)
        assert shares.take("a", 2)


class TestMemory:
    def test_one_alone_gets_a_fifth(self) -> None:
        memory = Memory(1000)

        assert memory.take("a", 150)
        assert not memory.take("a", 51)
        assert memory.take("a", 50)
        memory.give_back("a", 200)
        assert memory.take("a", 200)

    def test_however_many_fill_their_part_something_is_left_for_the_next(self) -> None:
        memory = Memory(1000)
        for each in range(8):
            while memory.take(each):
                pass

        assert memory.take("next", 30)
