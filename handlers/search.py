"""Searches: look for a way home and offer it, then offer the next load."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session as OrmSession

from handlers.supplies import Handlers, Supplies
from jobs import Job, take_along
from runtime.db import Session
from runtime.telemetry import log
from services.search import arrived, ask, going_on, run, waiting, wake

TOGETHER = 10
"""The most loads that are looked at together: the first one's drivers wait for all."""


def search_run(supplies: Supplies, stop_id: str, driver_id: str) -> None:
    """Search for a way home and offer it. Before, the driver begins to wait."""
    with Session.begin() as session:
        waiting.begin_after_drop(
            session,
            stop_id=UUID(stop_id),
            driver_id=UUID(driver_id),
            now=supplies.now(),
        )
    with Session.begin() as session:
        run.search_home(
            session,
            supplies.rules,
            stop_id=UUID(stop_id),
            driver_id=UUID(driver_id),
            now=supplies.now(),
        )


def search_arrived(supplies: Supplies, stop_id: str, driver_id: str) -> None:
    """Search for a driver who unloads at their last stop, before they are done."""
    with Session.begin() as session:
        arrived.search_arrived(
            session,
            supplies.rules,
            stop_id=UUID(stop_id),
            driver_id=UUID(driver_id),
            now=supplies.now(),
        )


def search_after_end(supplies: Supplies, assignment_id: str) -> None:
    """Search for a driver who lost a load. Before, they begin to wait."""
    with Session.begin() as session:
        waiting.begin_after_end(
            session, assignment_id=UUID(assignment_id), now=supplies.now()
        )
    with Session.begin() as session:
        run.search_after_end(
            session,
            supplies.rules,
            assignment_id=UUID(assignment_id),
            now=supplies.now(),
        )


def search_requested(supplies: Supplies, search_id: str) -> None:
    """Run a search that was asked for. Before, its driver begins to wait."""
    with Session.begin() as session:
        ask.begin_to_wait(session, UUID(search_id), supplies.now())
    with Session.begin() as session:
        ask.search_requested(
            session, supplies.rules, search_id=UUID(search_id), now=supplies.now()
        )


def searches_give_up(supplies: Supplies) -> None:
    """Say of requests that have not run for long that they failed."""
    with Session.begin() as session:
        ask.give_up(session, now=supplies.now())


def search_offer_next(
    supplies: Supplies,
    search_id: str,
    once_all_ended: bool = False,
    stands_by: bool = False,
) -> None:
    """Offer the next load of a search.

    stands_by: only if loads of the search stand by.
    """
    with Session.begin() as session:
        going_on.offer_next(
            session,
            supplies.rules,
            search_id=UUID(search_id),
            now=supplies.now(),
            once_all_ended=once_all_ended,
            stands_by=stands_by,
        )


def search_begin_waiting(supplies: Supplies, driver_id: str) -> None:
    """Let a driver who came back on duty wait for a load."""
    with Session.begin() as session:
        waiting.begin_on_duty(session, driver_id=UUID(driver_id), now=supplies.now())


def search_wake(supplies: Supplies, load_id: str, since: str | None = None) -> None:
    """Wake the waiting drivers to whom a load may be worth most. Other loads that came
    are looked at with it: most of the work is the same for all of them.

    since: when the load came; None is now.
    """
    look, others = {"load_id": load_id, "since": since}, []
    priority = wake.AGAIN if since else None
    try:
        with Session.begin() as session:
            others = take_along(
                session, Job.SEARCH_WAKE, most=TOGETHER - 1, priority=priority
            )
            _wake(supplies, session, [look, *others])
    except Exception:
        if not others:
            raise
        # Whichever of them it was: no load fails on account of another one.
        log().exception("search.wake_failed_together", loads=1 + len(others))
        with Session.begin() as session:
            _wake(supplies, session, [look])


def search_wake_each(supplies: Supplies, load_ids: list[str], since: str) -> None:
    """Wake waiting drivers for each of these loads, which came at once."""
    looks = [{"load_id": load_id, "since": since} for load_id in load_ids]
    for first in range(0, len(looks), TOGETHER):
        with Session.begin() as session:
            _wake(supplies, session, looks[first : first + TOGETHER])


def _wake(
    supplies: Supplies, session: OrmSession, looks: Sequence[Mapping[str, Any]]
) -> None:
    """Look at loads together. looks: the arguments of `search_wake` for each."""
    now = supplies.now()
    came: dict[UUID, datetime] = {}
    for look in looks:
        load_id, since = UUID(look["load_id"]), look.get("since")
        at = datetime.fromisoformat(since) if since else now
        # A load that came twice, as by an edit, is looked at anew.
        came[load_id] = max(came.get(load_id, at), at)
    rules = supplies.rules
    shared = rules.parameters, rules.offers, rules.roads
    wake.wake(session, *shared, came=came, now=now)


def search_woken(supplies: Supplies, driver_id: str) -> None:
    """Judge the loads that came for a waiting driver, and offer them."""
    with Session.begin() as session:
        run.search_woken(
            session, supplies.rules, driver_id=UUID(driver_id), now=supplies.now()
        )


JOBS: Handlers = {
    Job.SEARCH_RUN: search_run,
    Job.SEARCH_ARRIVED: search_arrived,
    Job.SEARCH_AFTER_END: search_after_end,
    Job.SEARCH_REQUESTED: search_requested,
    Job.SEARCHES_GIVE_UP: searches_give_up,
    Job.SEARCH_OFFER_NEXT: search_offer_next,
    Job.SEARCH_BEGIN_WAITING: search_begin_waiting,
    Job.SEARCH_WAKE: search_wake,
    Job.SEARCH_WAKE_EACH: search_wake_each,
    Job.SEARCH_WOKEN: search_woken,
}
