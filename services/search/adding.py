"""Offer loads that came to the market to a driver who waits, beside what they hold."""

# scope: called by jobs, for one search.

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferStatus
from freight.ranking import Ranked
from geo.roads import Roads
from models.loads.loads import Load
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from notifications.messages import MessageKind
from services.kernel import events
from services.offers import ending
from services.offers.offers import is_alive
from services.search import offer, standing, waiting
from services.search.judge import worth_taking
from services.search.offer import Chosen, OfferRules
from services.search.same_freight import Freight


def floors(
    session: Session,
    driver_ids: Collection[UUID],
    rules: OfferRules,
    *,
    with_standing: bool = False,
) -> dict[UUID, float]:
    """Return what a load must gain each of these drivers to be offered, in cents.

    `better_by` more than the worst offer that they can accept now; without any, more
    than nothing.

    with_standing: or more than the worst of what stands by for them.
    """
    held = session.execute(
        select(Offer.driver_id, func.min(Offer.score_cents))
        .where(Offer.driver_id.in_(driver_ids), *is_alive())
        .group_by(Offer.driver_id)
    )
    worst = {driver_id: score for driver_id, score in held}
    if with_standing:
        for driver_id, gain in standing.worst_of(session, driver_ids).items():
            worst[driver_id] = min(worst.get(driver_id, gain), gain)
    return {
        driver_id: worst[driver_id] + rules.better_by_cents
        if driver_id in worst
        else 0.0
        for driver_id in driver_ids
    }


def add(
    session: Session,
    search: BackhaulSearch,
    rules: OfferRules,
    roads: Roads,
    *,
    now: datetime | None = None,
) -> list[Offer]:
    """Offer the search's loads that are worth more than what the driver holds.

    Their open offers stay. A driver with as many as they may have loses the worst one
    for each better load. A driver whose phones rang `rings_per_day` times is offered
    nothing. If they may not be rung now, the loads stand by for them (`standing`). Else
    as `offer.extend`.

    Locks: the loads in id order, the driver, their last position, what stands by for
    them, the offers that make room.
    """
    wanted, _ = offer.worth_locking(session, search, rules)
    load_ids = [load_id for _, load_id in wanted]
    free = offer.lock_free_loads(session, search, load_ids, rules)
    its_driver = offer.lock_free_driver(session, search)
    if (
        its_driver is None
        or not free
        or waiting.rings(session, search.driver_id) >= rules.rings_per_day
    ):
        standing.leave(session, search)
        return []
    driver = its_driver.driver
    again = worth_taking(session, search, driver, free, roads, now=now)
    better = _better(session, driver.id, wanted, free, again, rules)
    found = [each.ranked for each in better]
    cause = events.server_cause(session)
    by, most = cause.occurred_at, rules.at_once
    if standing.holds_back(session, search, its_driver, found, most=most, now=by):
        return []
    room = min(rules.at_once, rules.per_driver) - offer.count_open(session, driver.id)
    made: list[Offer] = []
    for each in better:
        below = each.ranked.score_cents - rules.better_by_cents
        if room <= 0 and not ending.end_worst(
            session, driver.id, cause, below_cents=below
        ):
            break
        made += offer.insert_offers(session, search, [each], rules, cause)
        room -= 1
    offer.announce(session, driver, made, MessageKind.OFFER, cause)
    return made


def _better(
    session: Session,
    driver_id: UUID,
    wanted: Sequence[tuple[int, UUID]],
    free: Mapping[UUID, Load],
    again: Mapping[UUID, Ranked],
    rules: OfferRules,
) -> list[Chosen]:
    """Return the loads that are worth more than what the driver holds, best first."""
    known = _offered(session, driver_id, free.keys())
    floor = floors(session, [driver_id], rules)[driver_id]
    held = Freight.held(session, driver_id)
    return [
        Chosen(place, free[load_id], again[load_id])
        for place, load_id in wanted
        if load_id in again
        and load_id not in known
        and again[load_id].score_cents > floor
        and held.takes(free[load_id].org_id, again[load_id])
    ]


def _offered(
    session: Session, driver_id: UUID, load_ids: Collection[UUID]
) -> set[UUID]:
    """Return those of the loads that the driver was offered already: their own search
    may have found them too. An offer that was superseded does not count."""
    offered = select(Offer.load_id).where(
        Offer.driver_id == driver_id,
        Offer.load_id.in_(load_ids),
        Offer.status != OfferStatus.SUPERSEDED,
    )
    return set(session.scalars(offered))
