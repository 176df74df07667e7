"""Offer a search's best loads to its driver."""

# scope: called by jobs, for one search.

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from freight.lifecycles import OfferAct, OfferStatus
from freight.ranking import Ranked
from freight.roles import Role
from geo.roads import Roads
from jobs import Job, enqueue
from models.fleet.drivers import Availability, Driver
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.offers.offers import Offer
from models.search.searches import OF_ALL, BackhaulSearch, SearchTrigger
from notifications import outbox
from notifications.messages import MessageKind
from runtime.config import Settings, Strategy
from services.judging.judge import worth_taking
from services.judging.start import is_unloading
from services.kernel import events, moves
from services.kernel.events import Cause
from services.kernel.standing import is_suspended
from services.loads.market import is_on_the_market
from services.offers import ending, pushes
from services.offers.offers import is_alive, is_open
from services.search import standing
from services.search.same_freight import Freight, without_duplicates
from services.search.standing import FreeDriver


@dataclass(frozen=True)
class OfferRules:
    """How many offers to make, in which order, and how long they live.

    `config.Settings` gives the reasons.
    """

    strategy: Strategy
    per_driver: int
    per_load: int
    ttl: timedelta
    sequential_ttl: timedelta
    better_by_cents: int
    ring_every: timedelta
    rings_per_day: int

    @classmethod
    def of(cls, settings: Settings) -> "OfferRules":
        return cls(
            settings.OFFER_STRATEGY,
            settings.OFFERS_PER_DRIVER,
            settings.OFFERS_PER_LOAD,
            timedelta(seconds=settings.OFFER_TTL_S),
            timedelta(seconds=settings.SEQUENTIAL_OFFER_TTL_S),
            settings.OFFER_BETTER_BY_CENTS,
            timedelta(seconds=settings.RING_EVERY_S),
            settings.RINGS_PER_DAY,
        )

    @property
    def at_once(self) -> int:
        """How many offers of one search are open at the same time."""
        return self.per_driver if self.strategy is Strategy.BROADCAST else 1

    @property
    def lifetime(self) -> timedelta:
        is_chain = self.strategy is Strategy.SEQUENTIAL
        return self.sequential_ttl if is_chain else self.ttl


class Chosen(NamedTuple):
    """A load to be offered. place: its rank in the search."""

    place: int
    load: Load
    ranked: Ranked


def extend(
    session: Session,
    search: BackhaulSearch,
    rules: OfferRules,
    roads: Roads,
    *,
    now: datetime | None = None,
) -> list[Offer]:
    """Offer the search's best loads that were not offered yet, and queue the pushes.

    Opens as many offers as the strategy allows at once, at most `per_driver`. Skips
    loads that left the market or have `per_load` open offers. Judges each load again
    under its lock: it may have been edited, or time may have passed. Supersedes the
    driver's open offers of earlier searches. Offers nothing if the driver is not
    available or has a newer search, or if the company is suspended. Of a poster's loads
    of the same freight it offers one. Safe to repeat: a search offers each load once.

    If no offer of the search is open then, and loads of it were skipped because they
    had enough offers, a job goes on when the first of those expires.

    If the driver may not be rung now, the loads stand by for them instead (`standing`).

    now: what the driver has and wants by then counts; None right after the search.

    Locks: the loads in id order, the driver, the driver's offers that are not locked,
    their last position, what stands by for them.
    """
    wanted, full = worth_locking(session, search, rules)
    load_ids = [load_id for _, load_id in wanted]
    free = lock_free_loads(session, search, load_ids, rules)
    its_driver = lock_free_driver(session, search)
    if its_driver is None:
        standing.leave(session, search)
        return []
    driver = its_driver.driver
    cause = events.server_cause(session)
    ending.end_for_driver(
        session,
        driver.id,
        OfferAct.SUPERSEDE,
        replace(cause, reason="a newer search"),
        before_search_id=search.id,
    )
    room = min(rules.at_once, rules.per_driver) - count_open(session, driver.id)
    chosen: list[Chosen] = []
    if free and room > 0:
        chosen = _worth_offering(session, search, driver, wanted, free, roads, now)
    found = [each.ranked for each in chosen[: max(room, 0)]]
    by, most = cause.occurred_at, rules.at_once
    if standing.holds_back(session, search, its_driver, found, most=most, now=by):
        return []
    made: list[Offer] = []
    while chosen and len(made) < room:
        at_once, chosen = chosen[: room - len(made)], chosen[room - len(made) :]
        made += insert_offers(session, search, at_once, rules, cause)
    announce(session, driver, made, MessageKind.OFFER, cause)
    if skipped := full | (set(load_ids) - set(free)):
        _go_on_when_there_is_room(session, search, skipped)
    return made


def _worth_offering(
    session: Session,
    search: BackhaulSearch,
    driver: Driver,
    wanted: Sequence[tuple[int, UUID]],
    free: Mapping[UUID, Load],
    roads: Roads,
    now: datetime | None,
) -> list[Chosen]:
    again = worth_taking(session, search, driver, free.keys(), roads, now=now)
    offered = Freight.offered(session, search)
    return [
        Chosen(place, free[load_id], again[load_id])
        for place, load_id in wanted
        if load_id in again and offered.takes(free[load_id].org_id, again[load_id])
    ]


def _go_on_when_there_is_room(
    session: Session, search: BackhaulSearch, full: Collection[UUID]
) -> None:
    """Unless an offer of the search is open, let it go on when one of these loads'
    offers expires (a job); at once if they have none by now.

    The caller has locked the driver, so that two jobs do not wait for each other's key.
    """
    still_open = select(Offer.id).where(Offer.search_id == search.id, is_open())
    if session.scalar(still_open.limit(1)) is not None:
        return
    first = select(func.min(Offer.expires_at))
    enqueue(
        session,
        Job.SEARCH_OFFER_NEXT,
        once=f"room:{search.id}",
        at=session.scalar(first.where(Offer.load_id.in_(full), *is_alive())),
        search_id=str(search.id),
        once_all_ended=True,
    )


def announce(
    session: Session,
    driver: Driver,
    made: Sequence[Offer],
    kind: MessageKind,
    cause: Cause,
    *,
    by_whom: Role = Role.SYSTEM,
) -> None:
    """Record new offers of the driver, queue their pushes and the job that ends them.

    kind: what the pushes say.
    """
    if not made:
        return
    for offer in made:
        moves.record_offer(session, offer, OfferAct.CREATE, cause, by_whom)
    ends = {offer.id: offer.expires_at for offer in made}
    if outbox.put_expiring(session, driver.member_id, kind, ends) == 0:
        for offer in made:
            pushes.tell_if_undeliverable(session, offer)
    enqueue(session, Job.OFFERS_EXPIRE, at=max(ends.values()))


def lock_free_driver(session: Session, search: BackhaulSearch) -> FreeDriver | None:
    """Lock and return the search's driver, if they can be offered loads of it.

    None if the driver is not available (of a search before a drop: unloads no more) or
    has a newer search, or if the company is suspended. Locks: the driver.
    """
    # Read again under the lock: the row may have changed since it was first read.
    driver, may_be_silent, has_standing = session.execute(
        select(Driver, standing.MAY_BE_SILENT, standing.HAS_STANDING)
        .where(Driver.id == search.driver_id)
        .with_for_update(of=Driver, key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if (
        not _is_free(session, search, driver)
        or is_outdated(session, search)
        or is_suspended(session, search.org_id)
    ):
        return None
    return FreeDriver(driver, may_be_silent, has_standing)


def _is_free(session: Session, search: BackhaulSearch, driver: Driver) -> bool:
    if search.trigger is SearchTrigger.ARRIVED:
        return is_unloading(session, driver.id, search.stop_id)
    return driver.availability is Availability.AVAILABLE


def is_outdated(session: Session, search: BackhaulSearch) -> bool:
    """Say whether the driver has a newer drop or loss of a load."""
    newer = select(BackhaulSearch.id).where(
        BackhaulSearch.driver_id == search.driver_id,
        BackhaulSearch.id > search.id,
        BackhaulSearch.trigger.in_(OF_ALL),
    )
    return session.scalar(newer.limit(1)) is not None


def worth_locking(
    session: Session, search: BackhaulSearch, rules: OfferRules
) -> tuple[list[tuple[int, UUID]], set[UUID]]:
    """Return place and id of the best loads that look free and were not offered yet,
    and the ids of those that have enough offers.

    Of the free ones a few more than needed, because they are checked again under their
    locks. Not more than that, because every other transaction that wants one of them
    has to wait.
    """
    load_ids = [UUID(record["candidate"]["load_id"]) for record in search.ranked]
    of_load = select(Offer.id).where(Offer.load_id == Load.id)
    offer_count = select(func.count()).where(Offer.load_id == Load.id, *is_alive())
    found = session.execute(
        select(
            Load.id, Load.org_id, offer_count.scalar_subquery() < rules.per_load
        ).where(
            Load.id.in_(load_ids),
            is_on_the_market(search.org_id),
            ~was_given_up_by(search.driver_id),
            ~exists(of_load.where(Offer.search_id == search.id)),
        )
    ).all()
    free = without_duplicates(
        search.ranked,
        {load_id: org_id for load_id, org_id, has_room in found if has_room},
        Freight.offered(session, search),
        rules.at_once + rules.per_load,
    )
    return free, {load_id for load_id, _, has_room in found if not has_room}


def was_given_up_by(driver_id: UUID) -> ColumnElement[bool]:
    """Return the condition that the driver had the load and handed it back."""
    had = select(Assignment.id).join(Driver, Driver.id == Assignment.driver_id)
    return exists(
        had.where(
            Assignment.load_id == Load.id,
            Assignment.driver_id == driver_id,
            Assignment.ended_by == Driver.member_id,
        )
    )


def lock_free_loads(
    session: Session,
    search: BackhaulSearch,
    load_ids: Sequence[UUID],
    rules: OfferRules,
) -> dict[UUID, Load]:
    """Lock these loads; return those on the market with room for one more offer.

    Leaves out those that the search's driver once handed back.

    Locks: the loads, in id order.
    """
    loads = session.scalars(
        select(Load)
        .where(
            Load.id.in_(load_ids),
            is_on_the_market(search.org_id),
            ~was_given_up_by(search.driver_id),
        )
        .order_by(Load.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    counted = session.execute(
        select(Offer.load_id, func.count())
        .where(Offer.load_id.in_(load_ids), *is_alive())
        .group_by(Offer.load_id)
    )
    offer_counts = {load_id: number for load_id, number in counted}
    return {
        load.id: load for load in loads if offer_counts.get(load.id, 0) < rules.per_load
    }


def count_open(session: Session, driver_id: UUID) -> int:
    """Return how many offers the driver can accept now."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Offer)
            .where(Offer.driver_id == driver_id, *is_alive())
        )
        or 0
    )


def insert_offers(
    session: Session,
    search: BackhaulSearch,
    chosen: Sequence[Chosen],
    rules: OfferRules,
    cause: Cause,
    *,
    renews_id: UUID | None = None,
) -> list[Offer]:
    """Return new offers of these locked loads, best first; none of a load that the
    driver is or was offered already.

    renews_id: the offer that fell, which this one replaces.
    """
    rows = [
        _row(search, each, rules, cause.occurred_at) | {"renews_id": renews_id}
        for each in chosen
    ]
    # The rows beside the statement, not in it: else it is compiled anew each time.
    made = session.scalars(
        insert(Offer).on_conflict_do_nothing().returning(Offer), rows
    )
    return sorted(made, key=lambda offer: offer.rank)


def _row(
    search: BackhaulSearch, chosen: Chosen, rules: OfferRules, now: datetime
) -> dict[str, Any]:
    load, record = chosen.load, chosen.ranked.to_record()
    return {
        "id": uuid7(),
        "org_id": search.org_id,
        "search_id": search.id,
        "load_org_id": load.org_id,
        "load_id": load.id,
        "driver_id": search.driver_id,
        "strategy": rules.strategy,
        "status": OfferStatus.CREATED,
        "rank": chosen.place,
        "score_cents": chosen.ranked.score_cents,
        "currency": load.currency,
        "terms": record["terms"],
        "figures": record["figures"],
        "snapshot": record["candidate"]
        | {
            "load_number": load.load_number,
            "pickup_place": load.pickup_place,
            "delivery_place": load.delivery_place,
        },
        "created_at": now,
        "expires_at": min(now + rules.lifetime, load.pickup_until),
    }
