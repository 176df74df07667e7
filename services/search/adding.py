"""Offer loads that came to the market to a driver who waits, beside what they hold."""

# scope: called by jobs, for one search.

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferStatus
from geo.roads import Roads
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from notifications.messages import MessageKind
from services.kernel import events
from services.offers import ending
from services.offers.offers import is_alive
from services.search import offer, waiting
from services.search.judge import worth_taking
from services.search.offer import Chosen, OfferRules
from services.search.same_freight import Freight


def floors(
    session: Session, driver_ids: Collection[UUID], rules: OfferRules
) -> dict[UUID, float]:
    """Return what a load must gain each of these drivers to be offered, in cents.

    `better_by` more than the worst offer that they can accept now; without any, more
    than nothing.
    """
    worst = session.execute(
        select(Offer.driver_id, func.min(Offer.score_cents))
        .where(Offer.driver_id.in_(driver_ids), *is_alive())
        .group_by(Offer.driver_id)
    )
    held = {driver_id: score + rules.better_by_cents for driver_id, score in worst}
    return {driver_id: held.get(driver_id, 0.0) for driver_id in driver_ids}


def add(
    session: Session,
    search: BackhaulSearch,
    rules: OfferRules,
    roads: Roads,
    *,
    now: datetime | None = None,
    is_asked_for: bool = False,
) -> list[Offer]:
    """Offer the search's loads that are worth more than what the driver holds.

    Their open offers stay. A driver with as many as they may have loses the worst one
    for each better load. A driver whose phones rang `rings_per_day` times is offered
    nothing. Else as `offer.extend`.

    is_asked_for: the driver or their desk has just asked: as long as there is room, any
        gain is enough, also of a load whose offer expired, and rings are not counted.

    Locks: the loads in id order, the driver, the offers that make room.
    """
    wanted, _ = offer.worth_locking(session, search, rules)
    load_ids = [load_id for _, load_id in wanted]
    free = offer.lock_free_loads(session, search, load_ids, rules)
    driver = offer.lock_free_driver(session, search)
    if driver is None or not free:
        return []
    rings = 0 if is_asked_for else waiting.rings(session, driver.id)
    if rings >= rules.rings_per_day:
        return []
    known = _offered(session, driver.id, load_ids, is_asked_for=is_asked_for)
    floor = floors(session, [driver.id], rules)[driver.id]
    again = worth_taking(session, search, driver, free, roads, now=now)
    held = Freight.held(session, driver.id)
    cause = events.server_cause(session)
    room = min(rules.at_once, rules.per_driver) - offer.count_open(session, driver.id)
    made: list[Offer] = []
    for place, load_id in wanted:
        found = again.get(load_id)
        if load_id in known or found is None:
            continue
        least = 0 if is_asked_for and room > 0 else floor
        if found.score_cents <= least:
            continue
        if not held.takes(free[load_id].org_id, found):
            continue
        below = found.score_cents - rules.better_by_cents
        if room <= 0 and not ending.end_worst(
            session, driver.id, cause, below_cents=below
        ):
            break
        chosen = [Chosen(place, free[load_id], found)]
        made += offer.insert_offers(session, search, chosen, rules, cause)
        room -= 1
    offer.announce(session, driver, made, MessageKind.OFFER, cause)
    return made


def _offered(
    session: Session,
    driver_id: UUID,
    load_ids: Collection[UUID],
    *,
    is_asked_for: bool,
) -> set[UUID]:
    """Return those of the loads that the driver was offered already: their own search
    may have found them too. An offer that was superseded does not count, nor does one
    that expired for who has just asked."""
    open_again = {OfferStatus.SUPERSEDED}
    open_again |= {OfferStatus.EXPIRED} if is_asked_for else set()
    offered = select(Offer.load_id).where(
        Offer.driver_id == driver_id,
        Offer.load_id.in_(load_ids),
        Offer.status.not_in(open_again),
    )
    return set(session.scalars(offered))
