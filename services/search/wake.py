"""Wake drivers who wait: a load came to the market that may be worth more to them than
what they hold."""

# scope: a job, for one load.

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Interval, Uuid, bindparam, func, select, text
from sqlalchemy.orm import Session

from freight.columns import Loads
from freight.situation import Parameters
from freight.waiting import may_take, most_gain_cents
from geo.roads import Roads
from jobs import Job, enqueue
from models.offers.offers import Offer
from services.judging.candidates import candidate
from services.offers.offers import is_alive
from services.search import waiting, who_waits
from services.search.adding import floors
from services.search.offer import OfferRules

SPARE = 3
"""So many more drivers than the load has free places for offers are woken: not every
one of them takes it, and some find that it is not worth it."""

NEXT_AFTER = timedelta(seconds=10)
"""When the next ones are woken, if the load has places left by then."""

WAKE = text(
    f"""
    with before as (
        select driver_id, case when due_at > :now - interval '5 minutes' then due_at end
            as due_at
        from waiting_drivers where driver_id = any (:driver_ids)
        order by driver_id for update
    )
    update waiting_drivers w set load_ids = w.load_ids || :load_id,
        due_at = coalesce(before.due_at, greatest(:now,
            {waiting.LAST_RING.format(driver_id="w.driver_id")} + :every))
    from before where before.driver_id = w.driver_id
    returning w.driver_id, w.due_at, before.due_at is null as is_first
    """
).bindparams(
    bindparam("driver_ids", type_=ARRAY(Uuid)),
    bindparam("load_id", type_=Uuid),
    bindparam("every", type_=Interval),
)
"""A search that is owed for five minutes was lost: its job failed too often."""


def wake(
    session: Session,
    parameters: Parameters,
    rules: OfferRules,
    roads: Roads,
    *,
    load_id: UUID,
    since: datetime,
    now: datetime,
) -> list[UUID]:
    """Queue searches of this load for the waiting drivers to whom it may be worth most;
    return these (a job).

    As many as the load has free places for offers, and SPARE. A driver with open offers
    is woken if the load may gain `better_by` more than the worst of them and of what
    stands by for them. A driver who was rung less than `ring_every` ago is searched for
    when that is over; loads that come meanwhile are judged together then. If the load
    may be worth something to more than it has places for, it looks again a little
    later; without a free place, when the first of its offers expires.

    since: when the load came; nobody is woken for it twice. Safe to repeat.

    Locks: the rows of the waiting drivers, in id order.
    """
    load = candidate(session, load_id)
    places, full_until = _free_places(session, load_id, rules)
    if load is None:
        return []
    if not places:
        # Without `since`: drivers who found the load full are asked again.
        _look_again(session, load_id, full_until)
        return []
    waits = who_waits.for_load(
        session,
        load,
        roads,
        since=since,
        max_deadhead_m=parameters.max_deadhead_m,
        rings_per_day=rules.rings_per_day,
    )
    if not waits.driver_ids:
        return []
    listed = Loads.of([load], roads)
    most = most_gain_cents(listed, waits.trucks, parameters, roads)
    worth = {
        driver_id: gain
        for driver_id, gain in zip(waits.driver_ids, most.tolist(), strict=True)
        if gain > 0
    }
    held = floors(session, worth, rules, with_standing=True)
    best = sorted(
        (driver_id for driver_id, gain in worth.items() if gain > held[driver_id]),
        key=lambda driver_id: (-worth[driver_id], driver_id),
    )
    woken = _first_who_may(session, listed, best, parameters, places + SPARE)
    _queue(session, woken, load_id, rules.ring_every, now)
    if len(woken) > places:
        later = now + NEXT_AFTER
        _look_again(session, load_id, later, since=since.isoformat())
    return woken


def _first_who_may(
    session: Session,
    load: Loads,
    best: Sequence[UUID],
    parameters: Parameters,
    most: int,
) -> list[UUID]:
    """Return the first drivers who may carry the load and want such loads.

    Each statement asks for twice as many as the one before, since of a load that few
    may carry nearly all are refused.
    """
    found: list[UUID] = []
    at_once = most
    while best and len(found) < most:
        asked, best = best[:at_once], best[at_once:]
        known = who_waits.situations(session, asked)
        found += [
            driver_id
            for driver_id in asked
            if driver_id in known and may_take(load, known[driver_id], parameters)
        ]
        at_once *= 2
    return found[:most]


def _look_again(
    session: Session, load_id: UUID, at: datetime | None, **since: str
) -> None:
    """Queue another look at who waits, once: an edited load has several looks."""
    once = f"wake:{load_id}:{' '.join(since)}"
    enqueue(session, Job.SEARCH_WAKE, once=once, at=at, load_id=str(load_id), **since)


def _free_places(
    session: Session, load_id: UUID, rules: OfferRules
) -> tuple[int, datetime | None]:
    """Return how many more offers the load may have, and when its first one expires."""
    open_offers = select(func.count(), func.min(Offer.expires_at)).where(
        Offer.load_id == load_id, *is_alive()
    )
    number, first = session.execute(open_offers).one()
    return max(rules.per_load - number, 0), first


def _queue(
    session: Session,
    driver_ids: Sequence[UUID],
    load_id: UUID,
    every: timedelta,
    now: datetime,
) -> None:
    asked = {"driver_ids": list(driver_ids), "load_id": load_id}
    rows = session.execute(WAKE, asked | {"every": every, "now": now}).all()
    for row in rows:
        if row.is_first:
            enqueue(
                session, Job.SEARCH_WOKEN, at=row.due_at, driver_id=str(row.driver_id)
            )
