"""Offers: held out to a driver, seen, accepted by exactly one, declined freely."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload
from uuid_utils.compat import uuid7

from config import Settings, Strategy
from errors import Conflict, Gone, NotFound
from freight.lifecycles import OPEN_OFFERS, LoadAct, LoadStatus, OfferAct, OfferStatus
from freight.roles import Role
from jobs import Job, enqueue
from models.assignments import Assignment, AssignmentStatus
from models.drivers import Availability, Driver
from models.loads import Load
from models.offers import DeclineReason, Offer
from models.searches import BackhaulSearch
from notifications import outbox
from notifications.messages import MessageKind
from services import drivers, moves, open_offers, pushes
from services.actors import Actor
from services.events import Cause


class OfferTaken(Gone):
    """Another driver was quicker. `next_offer` is the best one still open."""

    code = "offer-taken"
    title = "Another driver has the load"


class OfferExpired(Gone):
    """Its time ran out, by the server's clock."""

    code = "offer-expired"
    title = "The offer has expired"


class OfferWithdrawn(Gone):
    """The load left the market, or something better replaced the offer."""

    code = "offer-withdrawn"
    title = "The offer was withdrawn"


class DriverHasBackhaul(Conflict):
    """One way home has one load."""

    code = "driver-busy"
    title = "The driver has a load"


@dataclass(frozen=True)
class OfferRules:
    """How many, how long, in which order. See `config.Settings` for the reasons."""

    strategy: Strategy
    per_driver: int
    per_load: int
    ttl: timedelta
    sequential_ttl: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "OfferRules":
        return cls(
            settings.OFFER_STRATEGY,
            settings.OFFERS_PER_DRIVER,
            settings.OFFERS_PER_LOAD,
            timedelta(seconds=settings.OFFER_TTL_S),
            timedelta(seconds=settings.SEQUENTIAL_OFFER_TTL_S),
        )

    @property
    def at_once(self) -> int:
        """How many offers of one search are open at the same time."""
        return self.per_driver if self.strategy is Strategy.BROADCAST else 1

    @property
    def lifetime(self) -> timedelta:
        is_chain = self.strategy is Strategy.SEQUENTIAL
        return self.sequential_ttl if is_chain else self.ttl


def visible_offers(actor: Actor) -> Select[Offer]:
    """Return the offers to the actor, or to his company's drivers, newest first."""
    seen = select(Offer).where(Offer.org_id == actor.org_id).order_by(Offer.id.desc())
    if not actor.is_dispatcher:
        seen = seen.where(Offer.driver_id == actor.driver_id)
    return seen.options(selectinload(Offer.load).selectinload(Load.stops))


def is_alive() -> list[ColumnElement[bool]]:
    """Return the conditions of an offer that can be accepted now."""
    return [Offer.status.in_(OPEN_OFFERS), Offer.expires_at > func.now()]


def get_offer(session: Session, actor: Actor, offer_id: UUID) -> Offer:
    """Return the offer.

    Raises: NotFound.
    """
    offer = session.scalar(
        visible_offers(actor)
        .where(Offer.id == offer_id)
        .execution_options(populate_existing=True)
    )
    if offer is None:
        raise NotFound(f"No offer {offer_id} for you.")
    return offer


def next_best(session: Session, driver_id: UUID, except_id: UUID) -> Offer | None:
    """Return the driver's best other offer that is still open."""
    return session.scalar(
        select(Offer)
        .where(Offer.driver_id == driver_id, Offer.id != except_id, *is_alive())
        .order_by(Offer.score_cents.desc(), Offer.id)
        .limit(1)
    )


def extend(session: Session, search: BackhaulSearch, rules: OfferRules) -> list[Offer]:
    """Offer the best of the search that were not offered yet, and wake the phones.

    As many as the strategy has open at once, skipping loads that are gone or in
    `per_load` hands already, and never beyond `per_driver` open offers. Safe to
    repeat: a load is offered once for a search, and only to an available driver.

    Locks: the loads in id order, then the driver.
    """
    wanted = _not_offered_yet(session, search, rules.at_once + rules.per_load)
    free = _lock_free_loads(session, [load_id for _, load_id, _ in wanted], rules)
    driver = session.get_one(
        Driver, search.driver_id, with_for_update=True, populate_existing=True
    )
    room = min(rules.at_once, rules.per_driver) - _count_open(session, driver.id)
    if driver.availability is not Availability.AVAILABLE:
        return []
    made: list[Offer] = []
    for place, load_id, record in wanted:
        if load_id in free and len(made) < room:
            offer = _insert(session, search, free[load_id], record, place, rules)
            made += [offer] if offer is not None else []
    for offer in made:
        moves.record_offer(
            session, offer, OfferAct.CREATE, pushes.server_cause(session), Role.SYSTEM
        )
        _wake(session, driver, offer)
    if made:
        enqueue(session, Job.OFFERS_EXPIRE, at=max(o.expires_at for o in made))
    return made


def _not_offered_yet(
    session: Session, search: BackhaulSearch, most: int
) -> list[tuple[int, UUID, dict[str, Any]]]:
    # A few more than needed: some may turn out to be in too many hands.
    offered = set(
        session.scalars(select(Offer.load_id).where(Offer.search_id == search.id))
    )
    places = [
        (place, UUID(record["candidate"]["load_id"]), record)
        for place, record in enumerate(search.ranked, start=1)
    ]
    return [it for it in places if it[1] not in offered][:most]


def _lock_free_loads(
    session: Session, load_ids: Sequence[UUID], rules: OfferRules
) -> dict[UUID, Load]:
    loads = session.scalars(
        select(Load)
        .where(
            Load.id.in_(load_ids),
            Load.status == LoadStatus.POSTED,
            Load.lease_expires_at > func.now(),
            Load.pickup_until > func.now(),
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
    hands = {load_id: number for load_id, number in counted}
    return {load.id: load for load in loads if hands.get(load.id, 0) < rules.per_load}


def _count_open(session: Session, driver_id: UUID) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(Offer)
            .where(Offer.driver_id == driver_id, *is_alive())
        )
        or 0
    )


def _insert(
    session: Session,
    search: BackhaulSearch,
    load: Load,
    record: dict[str, Any],
    place: int,
    rules: OfferRules,
) -> Offer | None:
    offer_id = session.scalar(
        insert(Offer)
        .values(
            id=uuid7(),
            org_id=search.org_id,
            search_id=search.id,
            load_id=load.id,
            driver_id=search.driver_id,
            strategy=rules.strategy,
            status=OfferStatus.CREATED,
            rank=place,
            score_cents=record["score_cents"],
            currency=load.currency,
            terms=record["terms"],
            figures=record["figures"],
            snapshot=record["candidate"] | {"load_number": load.load_number},
            expires_at=func.least(func.now() + rules.lifetime, load.pickup_until),
        )
        .on_conflict_do_nothing()
        .returning(Offer.id)
    )
    return session.get_one(Offer, offer_id) if offer_id is not None else None


def _wake(session: Session, driver: Driver, offer: Offer) -> None:
    owed = outbox.put(
        session,
        [driver.member_id],
        MessageKind.OFFER,
        offer.id,
        expires_at=offer.expires_at,
    )
    if owed == 0:
        pushes.tell_if_undeliverable(session, offer)


def see(session: Session, actor: Actor, offer_id: UUID, *, now: datetime) -> Offer:
    """Note that the driver looked at the offer: our own measure of delivery.

    Safe to repeat; an offer that has ended is returned as it is.

    Locks: the offer. Raises: NotFound.
    """
    offer = _locked(session, actor, offer_id)
    if offer.status in OPEN_OFFERS and offer.status is not OfferStatus.SEEN:
        moves.move_offer(session, offer, OfferAct.SEE, Cause(now, actor, "phone"))
        offer.seen_at = now
    return offer


def decline(
    session: Session,
    actor: Actor,
    offer_id: UUID,
    *,
    reason: DeclineReason,
    note: str | None,
    now: datetime,
) -> Offer:
    """Say no. It is free: no rank and no later search looks at it.

    In a sequential search the next best load is offered. Safe to repeat.

    Locks: the offer. Raises: NotFound, OfferMoveRefused.
    """
    offer = _locked(session, actor, offer_id)
    if offer.status is OfferStatus.DECLINED:
        return offer
    moves.move_offer(
        session, offer, OfferAct.DECLINE, Cause(now, actor, "phone", reason)
    )
    offer.decline_reason = reason
    offer.decline_note = note
    offer.responded_at = offer.ended_at = now
    ask_for_next(session, offer)
    return offer


def ask_for_next(session: Session, offer: Offer) -> None:
    """Enqueue the next offer of a sequential search."""
    if offer.strategy == Strategy.SEQUENTIAL:
        enqueue(
            session,
            Job.BACKHAUL_NEXT,
            once=f"next:{offer.search_id}",
            search_id=str(offer.search_id),
        )


def expire(session: Session, cause: Cause) -> int:
    """End the offers whose time is over; sequential searches go on (a job).

    Safe to repeat. Returns how many ended.
    """
    ended = open_offers.expire(session, cause)
    for offer in ended:
        ask_for_next(session, offer)
    return len(ended)


def _locked(session: Session, actor: Actor, offer_id: UUID) -> Offer:
    offer = session.scalar(
        visible_offers(actor)
        .where(Offer.id == offer_id, Offer.driver_id == actor.driver_id)
        .with_for_update(of=Offer)
        .execution_options(populate_existing=True)
    )
    if offer is None:
        raise NotFound(f"No offer {offer_id} for you.")
    return offer


ACCEPT = text(
    """
    with l as (
        select loads.id from loads join offers on offers.load_id = loads.id
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and loads.status = 'posted'
        for update of loads
    ), o as (
        update offers set status = 'accepted', responded_at = now(), ended_at = now()
        from l
        where offers.id = :offer_id and offers.driver_id = :driver_id
        and offers.load_id = l.id and offers.expires_at > now()
        and offers.status in ('created', 'sent', 'seen')
        returning offers.id, offers.load_id, offers.driver_id, offers.org_id
    ), a as (
        insert into assignments
            (id, org_id, load_id, driver_id, truck_id, offer_id, kind, status)
        select :assignment_id, o.org_id, o.load_id, o.driver_id, drivers.truck_id,
            o.id, 'backhaul', 'active'
        from o join drivers on drivers.id = o.driver_id
        on conflict do nothing
        returning id
    )
    select (select count(*) from o) as offers, (select count(*) from a) as assignments
    """
)
"""The whole decision: the load is locked first, as everywhere; then the addressee, the
status and the expiry (the database's clock) are checked, and the unique indexes on
active assignments judge. Whoever waited for the lock reads the world after it."""


def accept(
    session: Session, actor: Actor, offer_id: UUID, *, now: datetime
) -> Assignment:
    """Win the load, or learn why not; exactly one driver wins.

    The load is booked, the driver is on it, other drivers' offers of it are lost and
    their phones told, his own others superseded. Safe to repeat: the winner gets the
    same assignment again.

    Locks: the load, its offers, the driver. Raises: NotFound, OfferTaken,
    OfferExpired, OfferWithdrawn, OfferMoveRefused (declined), DriverHasBackhaul.
    """
    offer = get_offer(session, actor, offer_id)
    if offer.driver_id != actor.driver_id:
        raise NotFound(f"No offer {offer_id} for you.")
    assignment_id = uuid7()
    savepoint = session.begin_nested()
    offers, assignments = session.execute(
        ACCEPT,
        {
            "offer_id": offer_id,
            "driver_id": actor.driver_id,
            "assignment_id": assignment_id,
        },
    ).one()
    if not assignments:
        savepoint.rollback()
        return _not_won(session, actor, offer_id, was_open=bool(offers))
    savepoint.commit()
    _follow(session, actor, offer_id, now)
    return session.get_one(Assignment, assignment_id)


def _follow(session: Session, actor: Actor, offer_id: UUID, now: datetime) -> None:
    offer = session.get_one(Offer, offer_id, populate_existing=True)
    load = session.get_one(Load, offer.load_id, populate_existing=True)
    cause = Cause(now, actor, "phone")
    moves.record_offer(session, offer, OfferAct.ACCEPT, cause, Role.DRIVER)
    moves.move_load(
        session, load, LoadAct.BOOK, cause, body={"offer_id": str(offer_id)}
    )
    session.flush()
    server = Cause(now, reason="another offer was accepted")
    open_offers.end_for_load(
        session, load.id, OfferAct.LOSE, server, except_id=offer_id
    )
    open_offers.end_for_driver(
        session, offer.driver_id, OfferAct.SUPERSEDE, server, except_id=offer_id
    )
    session.flush()
    drivers.settle_availability(session, offer.driver_id)


def _not_won(
    session: Session, actor: Actor, offer_id: UUID, *, was_open: bool
) -> Assignment:
    offer = get_offer(session, actor, offer_id)
    if offer.status is OfferStatus.ACCEPTED:
        return session.scalars(
            select(Assignment).where(Assignment.offer_id == offer_id)
        ).one()
    if was_open and drivers.has_load(session, offer.driver_id):
        raise DriverHasBackhaul("You have a load already; finish it first.")
    if offer.status is OfferStatus.DECLINED:
        raise moves.OfferMoveRefused(
            "You declined this offer.", extra={"current_status": offer.status}
        )
    if offer.status in {OfferStatus.WITHDRAWN, OfferStatus.SUPERSEDED}:
        raise OfferWithdrawn("The offer was withdrawn.")
    if offer.status is OfferStatus.LOST or _is_taken(session, offer.load_id):
        raise OfferTaken(
            "Another driver accepted first.",
            extra={"next_offer": next_best(session, offer.driver_id, offer_id)},
        )
    if offer.status is OfferStatus.EXPIRED or _is_late(session, offer_id):
        raise OfferExpired(f"The offer was open until {offer.expires_at.isoformat()}.")
    raise OfferWithdrawn("The load left the market.")


def _is_late(session: Session, offer_id: UUID) -> bool:
    late = select(Offer.id).where(Offer.id == offer_id, Offer.expires_at <= func.now())
    return session.scalar(late) is not None


def _is_taken(session: Session, load_id: UUID) -> bool:
    taken = select(Assignment.id).where(
        Assignment.load_id == load_id, Assignment.status == AssignmentStatus.ACTIVE
    )
    return session.scalar(taken) is not None
