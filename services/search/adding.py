"""Offer loads beside what the driver holds: those that came to the market while they
wait, those that they asked for, and those after a drop before which some were offered.
"""

# scope: called by jobs, for one search.

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freight.lifecycles import OfferStatus
from geo.roads import Roads
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch, SearchOutcome, SearchTrigger
from notifications.messages import MessageKind
from services.judging.judge import worth_taking
from services.kernel import events
from services.offers import ending
from services.offers.offers import is_alive
from services.search import done, offer, standing, waiting
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
    is_asked_for: bool = False,
) -> list[Offer]:
    """Offer the search's loads that are worth more than what the driver holds.

    Their open offers stay. A driver with as many as they may have loses the worst one
    for each better load. A driver whose phones rang `rings_per_day` times is offered
    nothing. If they may not be rung now, the loads stand by for them (`standing`). Else
    as `offer.extend`.

    is_asked_for: the driver or their desk has just asked: as long as there is room, any
        gain is enough, also of a load whose offer expired, and rings are not counted.

    Locks: the loads in id order, the driver, their last position, what stands by for
    them, the offers that make room.
    """
    if not search.ranked:
        standing.leave(session, search)
        return []
    wanted, _ = offer.worth_locking(session, search, rules)
    load_ids = [load_id for _, load_id in wanted]
    free = offer.lock_free_loads(session, search, load_ids, rules)
    its_driver = offer.lock_free_driver(session, search)
    rings = 0 if is_asked_for else waiting.rings(session, search.driver_id)
    if its_driver is None or not free or rings >= rules.rings_per_day:
        standing.leave(session, search)
        return []
    driver = its_driver.driver
    again = worth_taking(session, search, driver, free, roads, now=now)
    room = min(rules.at_once, rules.per_driver) - offer.count_open(session, driver.id)
    ranked = [
        Chosen(place, free[load_id], again[load_id])
        for place, load_id in wanted
        if load_id in again
    ]
    better = _better(
        *(session, driver.id, ranked, rules), is_asked_for=is_asked_for, room=room
    )
    found = [each.ranked for each in better]
    cause = events.server_cause(session)
    by, most = cause.occurred_at, rules.at_once
    if standing.holds_back(session, search, its_driver, found, most=most, now=by):
        return []
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


def extend(
    session: Session,
    search: BackhaulSearch,
    rules: OfferRules,
    roads: Roads,
    *,
    now: datetime | None = None,
) -> list[Offer]:
    """Offer the loads of a search of all loads: as `offer.extend`, in place of earlier
    ones, or beside those that were offered before the same drop, as by `add`.

    Beside those, the first ones as if they were asked for, and none to a driver who was
    done for today. Before the drop, none to a driver whose phones rang `rings_per_day`
    times.

    Locks: as those do.
    """
    if search.trigger is SearchTrigger.ARRIVED:
        rings = waiting.rings(session, search.driver_id)
        if rings >= rules.rings_per_day:
            standing.leave(session, search)
            return []
    if not _was_offered_before_the_drop(session, search):
        return offer.extend(session, search, rules, roads, now=now)
    if done.is_done_for_today(session, search):
        standing.leave(session, search)
        return []
    is_first = now is None or search.outcome is SearchOutcome.STANDS_BY
    return add(session, search, rules, roads, now=now, is_asked_for=is_first)


def _was_offered_before_the_drop(session: Session, search: BackhaulSearch) -> bool:
    """Say whether loads were offered to the driver before the drop of this search."""
    if search.trigger is not SearchTrigger.DROP_COMPLETED:
        return False
    offered = (
        select(Offer.id)
        .join(BackhaulSearch, BackhaulSearch.id == Offer.search_id)
        .where(
            BackhaulSearch.stop_id == search.stop_id,
            BackhaulSearch.driver_id == search.driver_id,
            BackhaulSearch.trigger == SearchTrigger.ARRIVED,
        )
    )
    return session.scalar(offered.limit(1)) is not None


def _better(
    session: Session,
    driver_id: UUID,
    ranked: Sequence[Chosen],
    rules: OfferRules,
    *,
    is_asked_for: bool,
    room: int,
) -> list[Chosen]:
    """Return the loads that are worth more than what the driver holds, best first."""
    load_ids = [each.load.id for each in ranked]
    known = _offered(session, driver_id, load_ids, is_asked_for=is_asked_for)
    floor = floors(session, [driver_id], rules)[driver_id]
    held = Freight.held(session, driver_id)
    better: list[Chosen] = []
    for each in ranked:
        least = 0 if is_asked_for and len(better) < room else floor
        if each.load.id in known or each.ranked.score_cents <= least:
            continue
        if held.takes(each.load.org_id, each.ranked):
            better.append(each)
    return better


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
