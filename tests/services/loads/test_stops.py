"""A drop that is reported completed many times at once is one drop."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as OrmSession

from models.kernel.events import Event
from models.loads.stops import Stop
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.loads import stops
from services.loads.reports import Report
from tests.services.scene import actor_of, after, at_once
from tests.trips import Trip, make_trip
from tests.world import World, utcnow


@pytest.fixture
def at_the_drop(committed: World) -> Trip:
    with Session() as session:
        trip = make_trip(committed, session)
    trip.go(0)
    trip.go(1, "arrival")
    return trip


def complete(trip: Trip) -> Callable[[OrmSession], Stop]:
    actor, stop_id = actor_of(trip.driver), UUID(trip.stop_id(1))

    def act(session: OrmSession) -> Stop:
        now = utcnow()
        return stops.complete(session, actor, stop_id, Report(now), now=now)

    return act


def waiting_searches() -> int:
    with Session() as session:
        return (
            session.scalar(
                text(
                    "select count(*) from procrastinate_jobs"
                    " where task_name = 'search.run'"
                )
            )
            or 0
        )


def count_of(kind: str) -> int:
    with Session() as session:
        made = select(func.count()).select_from(Event).where(Event.kind == kind)
        return session.scalar(made) or 0


def test_the_second_completion_waits_for_the_first_and_changes_nothing(
    at_the_drop: Trip,
) -> None:
    act = complete(at_the_drop)

    repeated = after(act, act)

    assert repeated.completed_at is not None
    assert waiting_searches() == 1
    assert (count_of("load.deliver"), count_of("stop.complete")) == (1, 2)


def test_a_hundred_duplicates_deliver_once_and_search_once(
    at_the_drop: Trip, run_jobs: Callable[..., list[str]]
) -> None:
    def report() -> tuple[int, str]:
        answer = at_the_drop.tell(1, "completion")
        return answer.status, answer["completed_at"]

    answers = at_once(*[report] * 100)

    assert len(set(answers)) == 1
    assert isinstance(answers[0], tuple)
    assert answers[0][0] == 200
    assert count_of("load.deliver") == 1
    assert count_of("stop.complete") == 2
    assert waiting_searches() == 1
    assert run_jobs(only="search.run") == ["search.run"]


def test_a_job_that_runs_twice_searches_once(
    at_the_drop: Trip, run_jobs: Callable[..., list[str]]
) -> None:
    at_the_drop.go(1, "completion")

    run_jobs(only="search.run")
    with Session.begin() as session:
        session.execute(
            text(
                "update procrastinate_jobs set status = 'todo'"
                " where task_name = 'search.run'"
            )
        )
    again = run_jobs(only="search.run")

    assert again == ["search.run"]
    with Session() as session:
        found = session.scalars(select(BackhaulSearch)).all()
    assert [str(search.stop_id) for search in found] == [at_the_drop.stop_id(1)]
