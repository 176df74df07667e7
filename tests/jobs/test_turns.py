"""Jobs of loads that came give way to those a driver waits for, but not for ever."""

from contextlib import suppress
from threading import Event, Thread

from jobs.turns import Turns
from tests.waiting import LONGEST_S


def run_beside(turns: Turns, queue: str) -> Event:
    """Do a job of this queue in a thread of its own; return whether it has begun."""
    begun = Event()

    def job() -> None:
        with turns.of(queue):
            begun.set()

    Thread(target=job, daemon=True).start()
    return begun


def test_a_load_that_came_is_looked_at_when_no_search_runs(monkeypatch) -> None:
    monkeypatch.setattr("jobs.turns.GIVES_WAY_S", 10 * LONGEST_S)
    turns = Turns()
    with turns.of("match"), turns.of("match"):
        begun = run_beside(turns, "wake")
        assert run_beside(turns, "push").wait(LONGEST_S)
        assert run_beside(turns, "match").wait(LONGEST_S)
        assert not begun.is_set()

    assert begun.wait(LONGEST_S)


def test_it_is_looked_at_beside_searches_that_follow_each_other(monkeypatch) -> None:
    monkeypatch.setattr("jobs.turns.GIVES_WAY_S", 0.01)
    turns = Turns()
    with turns.of("match"):
        assert run_beside(turns, "wake").wait(LONGEST_S)


def test_a_search_that_fails_is_over(monkeypatch) -> None:
    monkeypatch.setattr("jobs.turns.GIVES_WAY_S", 10 * LONGEST_S)
    turns = Turns()

    def fail() -> None:
        with turns.of("match"):
            raise ConnectionError

    with suppress(ConnectionError):
        fail()

    assert run_beside(turns, "wake").wait(LONGEST_S)
