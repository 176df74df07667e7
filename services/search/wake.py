"""Wake drivers who wait: a load came to the market that may be worth more to them than
what they hold."""

# scope: a job, for loads that came.

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from sqlalchemy import ARRAY, Interval, Uuid, bindparam, func, select, text
from sqlalchemy.orm import Session

from freight.columns import Loads
from freight.situation import Parameters, Situation
from freight.waiting import may_take, most_gain_cents
from geo.roads import Roads
from jobs import Job, enqueue, enqueue_each
from models.offers.offers import IS_OPEN, Offer
from services.judging.candidates import candidates
from services.offers.offers import is_alive
from services.search import waiting, who_waits
from services.search.adding import floors
from services.search.offer import OfferRules
from services.search.who_waits import Waiting

SPARE = 3
"""So many more drivers than the load has free places for offers are woken: not every
one of them takes it, and some find that it is not worth it."""

URGENT = 4
"""The priority of a search for one driver of each load, the first who may be rung now:
before another load is looked at. If nothing comes of it, for the next one. So a phone
rings for each load before all of those whom one load woke are searched for, and for
these the loads that come meanwhile are judged together."""

AGAIN = 1
"""The priority of another look at a load: after all of those that have just come."""

NEXT_AFTER = timedelta(seconds=10)
"""When the next ones are woken, if the load has places left by then."""

WAKE = text(
    f"""
    with woken as (
        select driver_id, array_agg(load_id) as load_ids
        from unnest(:driver_ids, :load_ids) as pair (driver_id, load_id)
        group by driver_id
    ), before as (
        select driver_id, case when due_at > :now - interval '5 minutes' then due_at end
            as due_at
        from waiting_drivers where driver_id = any (:driver_ids)
        order by driver_id for update
    )
    update waiting_drivers w set load_ids = w.load_ids || woken.load_ids,
        due_at = coalesce(before.due_at, greatest(:now,
            {waiting.LAST_RING.format(driver_id="w.driver_id")} + :every))
    from before join woken using (driver_id) where before.driver_id = w.driver_id
    returning w.driver_id, w.due_at, before.due_at is null as is_first
    """
).bindparams(
    bindparam("driver_ids", type_=ARRAY(Uuid)),
    bindparam("load_ids", type_=ARRAY(Uuid)),
    bindparam("every", type_=Interval),
)
"""A search that is owed for five minutes was lost: its job failed too often."""

NEXT = text(
    f"""
    select distinct on (load_id) w.driver_id
    from unnest(:load_ids) as came (load_id)
    join waiting_drivers w on came.load_id = any (w.load_ids) and w.due_at <= :now
    where not exists (select from offers f
        where f.load_id = came.load_id and {IS_OPEN})
    order by load_id, w.due_at
    """
).bindparams(bindparam("load_ids", type_=ARRAY(Uuid)))
"""For each of these loads that nobody is offered, one driver whom it woke."""


def wake(
    session: Session,
    parameters: Parameters,
    rules: OfferRules,
    roads: Roads,
    *,
    came: Mapping[UUID, datetime],
    now: datetime,
) -> dict[UUID, list[UUID]]:
    """Queue searches of these loads for the waiting drivers to whom each may be worth
    most; return these drivers, by load (a job).

    As many as a load has free places for offers, and SPARE; if none of them may be rung
    now, one more who may. A driver with open offers is woken if the load may gain
    `better_by` more than the worst of them and of what stands by for them. A driver who
    was rung less than `ring_every` ago is searched for when that is over; loads that
    come meanwhile are judged together then. If a load may be worth something to more
    than it has places for, it is looked at again a little later; without a free place,
    when the first of its offers expires.

    came: when each load came; nobody is woken for it twice. Safe to repeat.

    Locks: the rows of the waiting drivers, in id order.
    """
    places = _places(session, came, rules)
    loads = candidates(session, places)
    waits = who_waits.for_loads(
        *(session, loads, came, roads),
        parameters=parameters,
        ring_every=rules.ring_every,
        rings_per_day=rules.rings_per_day,
    )
    listed = {load_id: Loads.of([loads[load_id]], roads) for load_id in waits}
    best = {
        load_id: _worth(listed[load_id], each, parameters, roads)
        for load_id, each in waits.items()
    }
    held = floors(session, set(chain(*best.values())), rules, with_standing=True)
    better = {
        load_id: [each for each in gains if gains[each] > held[each]]
        for load_id, gains in best.items()
    }
    most = {load_id: places[load_id] + SPARE for load_id in better}
    situations = _Situations(session)
    situations.of(set(chain(*(better[each][: most[each]] for each in better))))
    woken = {}
    for load_id, drivers in better.items():
        asked = drivers, parameters, most[load_id], situations
        first = _first_who_may(listed[load_id], *asked)
        if first and not waits[load_id].now & set(first):
            # The load need not wait until one of these may be rung.
            others = [each for each in drivers if each in waits[load_id].now]
            first += _first_who_may(listed[load_id], others, parameters, 1, situations)
        woken[load_id] = first
        if len(first) > places[load_id]:
            since = came[load_id].isoformat()
            look_again(session, load_id, now + NEXT_AFTER, since=since)
    _queue(session, woken, rules.ring_every, now)
    return woken


def _places(
    session: Session, came: Collection[UUID], rules: OfferRules
) -> dict[UUID, int]:
    """Return how many offers each may have yet; look at full ones again later."""
    found = {}
    for load_id, (free, full_until) in free_places(session, came, rules).items():
        if free:
            found[load_id] = free
        else:
            # Without `since`: drivers who found the load full are asked again.
            look_again(session, load_id, full_until)
    return found


def hurry(session: Session, load_ids: Collection[UUID], now: datetime) -> None:
    """Search next for another driver whom these loads woke, if nobody is offered one.

    load_ids: of a search that is done or put off. Its driver's row is flushed.
    """
    asked = {"load_ids": list(load_ids), "now": now}
    next_ones = set(session.scalars(NEXT, asked))
    jobs = [{"driver_id": str(driver_id)} for driver_id in next_ones]
    enqueue_each(session, Job.SEARCH_WOKEN, jobs, priority=URGENT)


def _worth(
    load: Loads, waits: Waiting, parameters: Parameters, roads: Roads
) -> dict[UUID, float]:
    """Return what the load can gain each driver at most, if anything; most first."""
    most = most_gain_cents(load, waits.trucks, parameters, roads).tolist()
    gains = {
        driver_id: gain
        for driver_id, gain in zip(waits.driver_ids, most, strict=True)
        if gain > 0
    }
    return dict(sorted(gains.items(), key=lambda each: (-each[1], each[0])))


class _Situations:
    """The situations of waiting drivers, each read once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[UUID, Situation] = {}
        self._asked: set[UUID] = set()

    def of(self, driver_ids: Collection[UUID]) -> Mapping[UUID, Situation]:
        """Return what is known, of these and of others."""
        new = set(driver_ids) - self._asked
        if new:
            self._asked |= new
            self._known |= who_waits.situations(self._session, new)
        return self._known


def _first_who_may(
    load: Loads,
    best: Sequence[UUID],
    parameters: Parameters,
    most: int,
    situations: _Situations,
) -> list[UUID]:
    """Return the first drivers who may carry the load and want such loads.

    Each statement asks for twice as many as the one before, since of a load that few
    may carry nearly all are refused.
    """
    found: list[UUID] = []
    at_once = most
    while best and len(found) < most:
        asked, best = best[:at_once], best[at_once:]
        known = situations.of(asked)
        found += [
            driver_id
            for driver_id in asked
            if driver_id in known and may_take(load, known[driver_id], parameters)
        ]
        at_once *= 2
    return found[:most]


def look_again(
    session: Session, load_id: UUID, at: datetime | None, since: str | None = None
) -> None:
    """Queue another look at who waits, once: an edited load has several looks."""
    enqueue(
        session,
        Job.SEARCH_WAKE,
        once=f"wake:{load_id}:{'since' if since else ''}",
        at=at,
        priority=AGAIN,
        load_id=str(load_id),
        **({"since": since} if since else {}),
    )


def free_places(
    session: Session, load_ids: Collection[UUID], rules: OfferRules
) -> dict[UUID, tuple[int, datetime | None]]:
    """Return how many more offers each load may have, and when one expires first."""
    open_offers = (
        select(Offer.load_id, func.count(), func.min(Offer.expires_at))
        .where(Offer.load_id.in_(load_ids), *is_alive())
        .group_by(Offer.load_id)
    )
    found: dict[UUID, tuple[int, datetime | None]]
    found = dict.fromkeys(load_ids, (rules.per_load, None))
    for load_id, number, first in session.execute(open_offers):
        found[load_id] = max(rules.per_load - number, 0), first
    return found


def _queue(
    session: Session,
    woken: Mapping[UUID, Sequence[UUID]],
    every: timedelta,
    now: datetime,
) -> None:
    pairs = [(driver_id, load_id) for load_id in woken for driver_id in woken[load_id]]
    if not pairs:
        return
    asked = {"driver_ids": [each[0] for each in pairs], "every": every, "now": now}
    asked |= {"load_ids": [each[1] for each in pairs]}
    rows = session.execute(WAKE, asked).all()
    at_once = {row.driver_id for row in rows if row.due_at <= now}
    urgent: set[UUID] = set()
    for driver_ids in woken.values():
        urgent.update([each for each in driver_ids if each in at_once][:1])
    jobs = defaultdict[tuple[datetime, bool], list[dict[str, str]]](list)
    for row in rows:
        # A search that is owed already may wait behind many.
        is_urgent = row.driver_id in urgent
        if row.is_first or is_urgent:
            jobs[row.due_at, is_urgent].append({"driver_id": str(row.driver_id)})
    for (at, is_urgent), each in jobs.items():
        priority = URGENT if is_urgent else None
        enqueue_each(session, Job.SEARCH_WOKEN, each, at=at, priority=priority)
