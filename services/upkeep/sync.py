"""Keep a phone up to date: first a full start, then only what changes.

A member follows what is alive and concerns them:
- a driver: their active assignments, their open offers, and the loads of both, and an
  interrupted load whose freight was last on their truck;
- a dispatcher: the same for all drivers of the company;
- a dispatcher, shipper or broker: the company's own loads, until they are delivered or
  cancelled.

A member of a suspended company follows only loads underway.

What ends, or is taken from the member, is no longer followed. An event concerns the
member if its load or offer concerns them, whichever company the load belongs to. They
also hear of the change that takes something from them, and of none after it: they may
not know when the next carrier arrives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, joinedload

from freight.lifecycles import UNFINISHED, LoadStatus
from freight.roles import POSTERS, Role
from models.kernel.events import Event
from models.loads.assignments import Assignment, AssignmentStatus
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.db import Built
from runtime.errors import Gone
from services.kernel.actors import Actor
from services.loads.interruptions import LEFT_WITH
from services.loads.loads import asks_if_carried
from services.offers.offers import is_open
from services.upkeep import feed
from services.upkeep.feed import Position

KEPT = timedelta(days=30)
"""How long a place in the feed can be used."""

FRESH = timedelta(minutes=1)
"""How old a place may be for `is_quiet` to look further."""

ENDED = (LoadStatus.DELIVERED, LoadStatus.CANCELLED)


class Resync(Gone):
    """The place in the feed cannot be used any more."""

    code = "resync"
    title = "Start again without a cursor"


class Kind(StrEnum):
    """What can be followed, in the order of a full start."""

    LOAD = "load"
    OFFER = "offer"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Change:
    """A row to follow from now on; if `row` is None, it is no longer followed."""

    kind: Kind
    id: UUID
    row: Load | Offer | Assignment | None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a phone has read.

    read_at: when the feed was at `position`.
    kind, last_id: the last row of the full start so far; `kind` is None after its end.
    roles: the actor's roles by which the rows were picked.
    """

    position: Position
    read_at: datetime
    roles: str
    kind: Kind | None = None
    last_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Changes, and the place after them."""

    changes: Sequence[Change]
    place: Place
    has_more: bool


def begin(session: Session, actor: Actor, *, now: datetime) -> Place:
    """Return the place from which a full start begins.

    It contains the present end of the feed: changes made during the full start are
    given after it.
    """
    position = feed.horizon(session)
    return Place(position, now, _roles(actor), next(iter(Kind)))


def advance(
    session: Session, actor: Actor, place: Place, *, limit: int, now: datetime
) -> Step:
    """Return the next changes: the rest of the full start, then what happened since.

    Safe to repeat from the same place. A change may be given again with the same row,
    but is never left out.

    Raises: Resync if the place is older than KEPT or after the end of the feed, or if
        the actor's roles have changed.
    """
    if now - place.read_at > KEPT:
        raise Resync(f"The cursor is older than {KEPT.days} days.")
    if place.roles != _roles(actor):
        raise Resync("Your roles have changed, and with them what you follow.")
    if place.position > feed.horizon(session):
        raise Resync("The server has been restored from a backup.")
    if place.kind is not None:
        return _start(session, actor, place, limit)
    found, position = feed.read(session, place.position, concerns(actor), limit=limit)
    changes = _changes(session, actor, found)
    return Step(changes, Place(position, now, place.roles), len(found) == limit)


def is_quiet(actor: Actor, place: Place, *, now: datetime) -> bool:
    """Say whether `advance` has nothing to say but a later place.

    Only for a place that is not older than FRESH: so the places of phones move on, and
    little of the feed is read again.
    """
    is_over = place.kind is None and now - place.read_at <= FRESH
    if not is_over or place.roles != _roles(actor):
        return False
    values: dict[str, Any] = {"org_id": actor.org_id, "driver_id": actor.driver_id}
    values |= {"xid": str(place.position.xid), "event_id": place.position.event_id}
    ((is_quiet,),) = _quiet(actor.roles).ask(values)
    return bool(is_quiet)


@cache
def _quiet(roles: frozenset[Role]) -> Built:
    ids = {name: bindparam(name, None, Uuid) for name in ("org_id", "driver_id")}
    # An actor whose ids are parameters.
    anyone = Actor(None, org_kind=None, roles=roles, **ids)  # type: ignore[arg-type]
    return Built.of(select(feed.is_quiet(concerns(anyone))))


def followed(actor: Actor, kind: Kind) -> Select[Any]:
    """Return the rows of this kind that the actor follows."""
    # scope: a door of its own: what is alive of all that the actor may see.
    if kind is Kind.ASSIGNMENT:
        return select(Assignment).where(
            _is_own(actor, Assignment), Assignment.status == AssignmentStatus.ACTIVE
        )
    if kind is Kind.OFFER:
        return select(Offer).where(_is_own(actor, Offer), is_open())
    carried = followed(actor, Kind.ASSIGNMENT).where(Assignment.load_id == Load.id)
    left_with = select(Assignment.id).where(
        _is_own(actor, Assignment), Assignment.id == Load.interrupted_assignment_id
    )
    offered = followed(actor, Kind.OFFER).where(Offer.load_id == Load.id)
    posted = and_(_is_posted(actor), Load.status.not_in(ENDED))
    alive = or_(posted, exists(carried), exists(left_with), exists(offered))
    if actor.is_suspended:
        alive = and_(alive, Load.status.in_(UNFINISHED))
    return (
        select(Load)
        .where(alive)
        .options(joinedload(Load.stops), asks_if_carried(actor))
    )


def concerns(actor: Actor) -> ColumnElement[bool]:
    """Return the condition of the events that concern the actor.

    It looks at the event's load or offer, and not only at its `org_id`, which is the
    poster's: the carrier's people hear of a shipper's load from the first offer or
    assignment on, until it ends. An offer's own event tells of its end; what cuts an
    assignment short has the time of its end, or names it (`LEFT_WITH`).
    """
    # scope: the condition by which an actor hears of events.
    own = select(Assignment.load_id).where(_is_own(actor, Assignment))
    was_cut_short = Assignment.status == AssignmentStatus.CANCELLED
    offered = select(Offer.load_id).where(_is_own(actor, Offer), is_open())
    own_loads = or_(
        _load_id().in_(own.where(not_(was_cut_short))),
        _load_id().in_(offered),
        tuple_(_load_id(), Event.occurred_at).in_(
            own.add_columns(Assignment.ended_at).where(was_cut_short)
        ),
        Event.body[LEFT_WITH].astext.in_(
            select(cast(Assignment.id, Text)).where(_is_own(actor, Assignment))
        ),
        _is_posted(actor, Event),
    )
    offer_ids = select(Offer.id).where(_is_own(actor, Offer))
    return or_(
        and_(Event.subject.in_(["load", "stop"]), own_loads),
        and_(Event.subject == "offer", Event.subject_id.in_(offer_ids)),
    )


def _load_id() -> ColumnElement[UUID]:
    from_body = cast(Event.body["load_id"].astext, Uuid)
    return case((Event.subject == "load", Event.subject_id), else_=from_body)


def _is_own(actor: Actor, model: type[Assignment] | type[Offer]) -> ColumnElement[bool]:
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
        changes += [
            Change(kind, row.id, row) for row in session.scalars(query).unique()
        ]
        if len(changes) == limit:
            here = replace(place, kind=kind, last_id=changes[-1].id)
            return Step(changes, here, has_more=True)
        last_id = None
    return Step(changes, replace(place, kind=None, last_id=None), has_more=False)


def _changes(session: Session, actor: Actor, found: Sequence[Event]) -> list[Change]:
    """Return the present state of everything the events are about, each row once."""
    # scope: only ids; `followed` picks the rows.
    offer_ids = {event.subject_id for event in found if event.subject == "offer"}
    load_ids = {event.subject_id for event in found if event.subject == "load"}
    load_ids |= {
        UUID(event.body["load_id"]) for event in found if event.subject == "stop"
    }
    # A load may be followed only because of an offer, which has come or gone.
    load_ids |= set(
        session.scalars(select(Offer.load_id).where(Offer.id.in_(offer_ids)))
    )
    assignment_ids = set(
        session.scalars(
            select(Assignment.id).where(
                _is_own(actor, Assignment), Assignment.load_id.in_(load_ids)
            )
        )
    )
    ids = {
        Kind.LOAD: load_ids,
        Kind.OFFER: offer_ids,
        Kind.ASSIGNMENT: assignment_ids,
    }
    return [change for kind in Kind for change in _now(session, actor, kind, ids[kind])]


def _now(session: Session, actor: Actor, kind: Kind, ids: set[UUID]) -> list[Change]:
    query = followed(actor, kind).where(MODELS[kind].id.in_(ids))
    rows = {row.id: row for row in session.scalars(query).unique()}
    return [Change(kind, row_id, rows.get(row_id)) for row_id in sorted(ids)]


MODELS: dict[Kind, type[Load] | type[Offer] | type[Assignment]] = {
    Kind.LOAD: Load,
    Kind.OFFER: Offer,
    Kind.ASSIGNMENT: Assignment,
}
