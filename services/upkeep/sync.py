"""What a phone holds, kept equal to the server: a full start, then what changes.

Somebody holds what is alive and concerns him: the loads he carries, is offered or, at
a desk, has posted; his assignments, his offers. What ends or is taken from him leaves.
An event concerns him if its load or offer does or ever did, whichever company the load
belongs to: so he hears of the change that takes it from him, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    and_,
    case,
    cast,
    exists,
    false,
    or_,
    select,
)
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import OPEN_OFFERS, LoadStatus
from freight.roles import POSTERS
from models.kernel.events import Event
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.errors import Gone
from services.kernel.actors import Actor
from services.upkeep import feed
from services.upkeep.feed import Position

KEPT = timedelta(days=30)
"""How long a place in the feed is good for."""

ENDED = (LoadStatus.DELIVERED, LoadStatus.CANCELLED)


class Resync(Gone):
    """The place in the feed is not to be found again."""

    code = "resync"
    title = "Begin anew"


class Kind(StrEnum):
    """What is held, in the order of a full start."""

    LOAD = "load"
    OFFER = "offer"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Change:
    """What is held from now on; `row` None: it is held no more."""

    kind: Kind
    id: UUID
    row: Load | Offer | Assignment | None


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody is.

    read_at: when the feed was at `position`.
    kind, last_id: within a full start, what was given last; no kind: it is over.
    roles: in which the rows were picked.
    """

    position: Position
    read_at: datetime
    roles: str
    kind: Kind | None = None
    last_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Changes, and the place behind them."""

    changes: Sequence[Change]
    place: Place
    has_more: bool


def begin(session: Session, actor: Actor, *, now: datetime) -> Place:
    """Return the place before everything. The feed's end is taken first: what changes
    during the full start comes again after it."""
    position = feed.horizon(session)
    return Place(position, now, _roles(actor), next(iter(Kind)))


def advance(
    session: Session, actor: Actor, place: Place, *, limit: int, now: datetime
) -> Step:
    """Return the next changes: the rest of the full start, then what happened since.

    Safe to repeat from the same place. A change may be given again with the same row,
    never left out.

    Raises: Resync.
    """
    if now - place.read_at > KEPT:
        raise Resync(f"The place is older than {KEPT.days} days.")
    if place.roles != _roles(actor):
        raise Resync("Your roles have changed, and what you hold with them.")
    if place.position > feed.horizon(session):
        raise Resync("The server has been restored from a copy.")
    if place.kind is not None:
        return _start(session, actor, place, limit)
    found, position = feed.read(session, place.position, concerns(actor), limit=limit)
    changes = _changes(session, actor, found)
    return Step(changes, Place(position, now, place.roles), len(found) == limit)


def followed(actor: Actor, kind: Kind) -> Select[Any]:
    """Return what the actor holds of this kind."""
    # scope: a door of its own: what is alive of what he may see.
    if kind is Kind.ASSIGNMENT:
        return select(Assignment).where(
            _is_his(actor, Assignment), Assignment.status == AssignmentStatus.ACTIVE
        )
    if kind is Kind.OFFER:
        return select(Offer).where(_is_his(actor, Offer), Offer.status.in_(OPEN_OFFERS))
    carried = followed(actor, Kind.ASSIGNMENT).where(Assignment.load_id == Load.id)
    offered = followed(actor, Kind.OFFER).where(Offer.load_id == Load.id)
    posted = and_(_is_posted(actor), Load.status.not_in(ENDED))
    return (
        select(Load)
        .where(or_(posted, exists(carried), exists(offered)))
        .options(selectinload(Load.stops))
    )


def concerns(actor: Actor) -> ColumnElement[bool]:
    """Return the condition of an event that the actor is to hear of.

    By the load, and not only by the event's `org_id`, the poster's: the carrier's
    people hear of a shipper's load from the first offer or assignment on.
    """
    # scope: the condition by which an actor hears of events.
    his_loads = or_(
        *(
            _load_id().in_(select(model.load_id).where(_is_his(actor, model)))
            for model in (Assignment, Offer)
        ),
        _is_posted(actor, Event),
    )
    offer_ids = select(Offer.id).where(_is_his(actor, Offer))
    return or_(
        and_(Event.subject.in_(["load", "stop"]), his_loads),
        and_(Event.subject == "offer", Event.subject_id.in_(offer_ids)),
    )


def _load_id() -> ColumnElement[UUID]:
    from_body = cast(Event.body["load_id"].astext, Uuid)
    return case((Event.subject == "load", Event.subject_id), else_=from_body)


def _is_his(actor: Actor, model: type[Assignment] | type[Offer]) -> ColumnElement[bool]:
    if actor.is_dispatcher:
        return model.org_id == actor.org_id
    return model.driver_id == actor.driver_id


def _is_posted(
    actor: Actor, model: type[Load] | type[Event] = Load
) -> ColumnElement[bool]:
    is_at_the_desk = actor.is_dispatcher or bool(POSTERS & actor.roles)
    return model.org_id == actor.org_id if is_at_the_desk else false()


def _roles(actor: Actor) -> str:
    return " ".join(sorted(actor.roles))


def _start(session: Session, actor: Actor, place: Place, limit: int) -> Step:
    kinds = list(Kind)
    changes: list[Change] = []
    last_id = place.last_id
    for kind in kinds[kinds.index(place.kind or kinds[0]) :]:
        model = MODELS[kind]
        query = followed(actor, kind).order_by(model.id).limit(limit - len(changes))
        if last_id is not None:
            query = query.where(model.id > last_id)
        changes += [Change(kind, row.id, row) for row in session.scalars(query)]
        if len(changes) == limit:
            here = replace(place, kind=kind, last_id=changes[-1].id)
            return Step(changes, here, has_more=True)
        last_id = None
    return Step(changes, replace(place, kind=None, last_id=None), has_more=False)


def _changes(session: Session, actor: Actor, found: Sequence[Event]) -> list[Change]:
    """Return what became of all that the events are about, each once."""
    # scope: only ids; `followed` picks the rows.
    offer_ids = {it.subject_id for it in found if it.subject == "offer"}
    load_ids = {it.subject_id for it in found if it.subject == "load"}
    load_ids |= {UUID(it.body["load_id"]) for it in found if it.subject == "stop"}
    # An offer that comes or goes may be why its load is held.
    load_ids |= set(
        session.scalars(select(Offer.load_id).where(Offer.id.in_(offer_ids)))
    )
    assignment_ids = set(
        session.scalars(
            select(Assignment.id).where(
                _is_his(actor, Assignment), Assignment.load_id.in_(load_ids)
            )
        )
    )
    ids = {
        Kind.LOAD: load_ids,
        Kind.OFFER: offer_ids,
        Kind.ASSIGNMENT: assignment_ids,
    }
    return [it for kind in Kind for it in _now(session, actor, kind, ids[kind])]


def _now(session: Session, actor: Actor, kind: Kind, ids: set[UUID]) -> list[Change]:
    query = followed(actor, kind).where(MODELS[kind].id.in_(ids))
    rows = {row.id: row for row in session.scalars(query)}
    return [Change(kind, it, rows.get(it)) for it in sorted(ids)]


MODELS: dict[Kind, type[Load] | type[Offer] | type[Assignment]] = {
    Kind.LOAD: Load,
    Kind.OFFER: Offer,
    Kind.ASSIGNMENT: Assignment,
}
