"""A load's posting: post a load, edit it, renew its lease, withdraw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload
from uuid_utils.compat import uuid7

from freight.lifecycles import UNFINISHED, LoadAct, LoadStatus, OfferAct
from geo.roads import Roads
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from runtime.errors import Conflict, IdTaken, Invalid
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.versions import Precondition
from services.loads import (
    duplicates,
    figures,
    hours,
    market,
    measuring,
    places_of_stops,
)
from services.loads.figures import Warned
from services.loads.loads import lock_own
from services.offers import ending


class PickupWindowClosed(Conflict):
    """It is too late to pick this load up."""

    code = "pickup-window-closed"
    title = "The last pickup window has closed"


class NoRoad(Invalid):
    """Two stops of a load are on no common road, as on two islands."""

    code = "no-road"
    title = "No road leads from one stop to the next"


class NumberTaken(Conflict):
    """The company already has a load with this number."""

    code = "load-number-taken"
    title = "That load number is in use"


CONSENT = {"may_be_rebrokered": True}
"""The only change of a load that is carried. Its poster cannot take it back, as the
carrier may have relied on it."""


@dataclass(frozen=True)
class PostingRules:
    """What posting needs: how long a posting lives, and the distances by road."""

    lease: timedelta
    roads: Roads


@dataclass(frozen=True, slots=True)
class Posted:
    """A load that was put on the market or changed.

    alike: a warning for each active load of the company that looks the same, beside the
        load's own warnings. Empty if the load is not active, or was not changed.
    """

    load: Load
    alike: Sequence[Warned] = ()

    @property
    def tag(self) -> str:
        """The load's ETag."""
        return self.load.tag


def post_load(
    session: Session,
    actor: Actor,
    rules: PostingRules,
    *,
    fields: Mapping[str, Any],
    stops: Sequence[Mapping[str, Any]],
    now: datetime,
    load_id: UUID | None = None,
    is_draft: bool = False,
) -> Posted:
    """Put a load with its stops on the market, or keep it as a draft.

    Figures that are odd are the load's `warnings`, and must be confirmed before it is
    offered. Safe to repeat with the same `load_id`: the load is returned unchanged.

    Raises: Invalid, IdTaken, NumberTaken, PickupWindowClosed, LoadRebrokered.
    """
    load_id = load_id or uuid7()
    known = _posted_before(session, actor, load_id)
    if known is not None:
        return Posted(known)
    number = fields.get("load_number") or f"L{str(load_id).replace('-', '')[-10:]}"
    load = Load(
        id=load_id,
        org_id=actor.org_id,
        posted_by=actor.member_id,
        status=LoadStatus.DRAFT,
        **{**fields, "load_number": number},
    )
    _set_stops(load, stops, rules.roads)
    figures.settle(load, fields, {*fields, "stops"}, now=now)
    try:
        with session.begin_nested():
            session.add(load)
            session.flush()
    except IntegrityError as error:
        # The same request was sent twice at once, and the other one was quicker.
        known = _posted_before(session, actor, load_id)
        if known is None:
            raise _taken(error, number) from None
        return Posted(known)
    if is_draft:
        moves.record_draft(session, load, _cause(actor, now))
        return Posted(load)
    return _post(session, load, LoadAct.POST, _cause(actor, now), rules, now)


def edit_load(
    session: Session,
    actor: Actor,
    rules: PostingRules,
    load_id: UUID,
    precondition: Precondition,
    *,
    fields: Mapping[str, Any],
    stops: Sequence[Mapping[str, Any]] | None,
    now: datetime,
) -> Posted:
    """Change the given fields of a load that no driver carries yet.

    While a driver carries it, its poster can only consent that the carrier posts the
    freight again, and cannot take that back.

    stops: the new stops, which replace all old ones; None keeps them.

    Open offers are superseded: they show the old figures. Odd figures must be confirmed
    before the load is offered again. An edit that changes nothing does nothing.

    Locks: the load, then its offers. Raises: NotFound, LoadMoveRefused, Invalid,
    NumberTaken, LoadRebrokered, PreconditionRequired, VersionMismatch.
    """
    load = lock_own(session, actor, load_id)
    precondition.check_given()
    cause = _cause(actor, now)
    is_carried = load.status in UNFINISHED
    is_consent = is_carried and stops is None and fields == CONSENT
    act = LoadAct.CONSENT if is_consent else LoadAct.EDIT
    moves.check_load(load, act, cause)
    precondition.check(load)
    if stops is None and not figures.are_changed(load, fields):
        return Posted(load)
    moves.move_load(session, load, act, cause, body={"fields": sorted(fields)})
    before = figures.claims_of(load, now)
    figures.check_rate_type(load, fields)
    for name, value in fields.items():
        setattr(load, name, value)
    figures.check_temperature(load)
    if stops is None and not is_consent:  # A consent changes no figure.
        # Before the savepoint, which flushes: one edit makes one version.
        figures.settle(load, fields, fields.keys(), before, now=now)
    try:
        with session.begin_nested():
            if stops is not None:
                load.stops.clear()
                session.flush()
                _set_stops(load, stops, rules.roads)
                figures.settle(load, fields, {*fields, "stops"}, before, now=now)
            session.flush()
    except IntegrityError as error:
        raise _taken(error, fields.get("load_number", "")) from None
    is_posted = load.status is LoadStatus.POSTED
    alike = duplicates.check(session, load) if is_posted else ()
    end_offers(session, load, OfferAct.SUPERSEDE, "the load was edited", now)
    if is_posted:
        market.came(session, load)
    return Posted(load, alike)


def renew(
    session: Session, actor: Actor, rules: PostingRules, load_id: UUID, *, now: datetime
) -> Posted:
    """Post a draft, bring a held load back, or prolong the lease of a posted one.

    Safe to repeat. Locks: the load. Raises: NotFound, LoadMoveRefused,
    PickupWindowClosed, LoadRebrokered.
    """
    load = lock_own(session, actor, load_id)
    is_new = load.status in {LoadStatus.DRAFT, LoadStatus.WITHDRAWN}
    act = LoadAct.POST if is_new else LoadAct.RENEW
    return _post(session, load, act, _cause(actor, now), rules, now)


def withdraw(session: Session, actor: Actor, load_id: UUID, *, now: datetime) -> Load:
    """Take the load off the market; it can be posted again.

    Safe to repeat. Locks: the load, then its offers. Raises: NotFound,
    LoadMoveRefused.
    """
    load = lock_own(session, actor, load_id)
    if load.status is LoadStatus.WITHDRAWN:
        return load
    moves.move_load(session, load, LoadAct.WITHDRAW, _cause(actor, now))
    load.lease_expires_at = None
    end_offers(session, load, OfferAct.WITHDRAW, "the load was withdrawn", now)
    return load


def _cause(actor: Actor, now: datetime) -> Cause:
    return Cause(now, actor, "desk")


def _post(
    session: Session,
    load: Load,
    act: LoadAct,
    cause: Cause,
    rules: PostingRules,
    now: datetime,
) -> Posted:
    moves.check_load(load, act, cause)
    if load.pickup_until <= now:
        raise PickupWindowClosed("Give the pickup a window that is still open.")
    lease_until = load.lease_expires_at
    # A lease that is over is noticed by a job, up to a minute later.
    was_listed = load.status is LoadStatus.POSTED and (
        lease_until is None or lease_until > now
    )
    load.posted_at = load.posted_at or now
    load.lease_expires_at = now + rules.lease
    lease = {"lease_expires_at": load.lease_expires_at.isoformat()}
    moves.move_load(session, load, act, cause, body=lease)
    if not was_listed:
        market.came(session, load)
    return Posted(load, duplicates.check(session, load))


def _posted_before(session: Session, actor: Actor, load_id: UUID) -> Load | None:
    # scope: compared with the poster's company.
    known = session.get(Load, load_id, options=[selectinload(Load.stops)])
    if known is not None and known.org_id != actor.org_id:
        raise IdTaken("Make a new load id.")
    return known


def _taken(error: IntegrityError, number: str) -> Exception:
    """Return the problem that fits the violated index, or the unexpected error."""
    if "pk_loads" in str(error.orig):
        # It may belong to a company that the caller may not know of.
        return IdTaken("Make a new load id.")
    if "uq_loads_org_id_load_number" not in str(error.orig):
        return error
    return NumberTaken(f"Your company has a load {number} already.")


def end_offers(
    session: Session, load: Load, act: OfferAct, reason: str, now: datetime
) -> None:
    """End the open offers of a load that its poster has changed.

    Locks: the offers; the caller has locked the load.
    """
    ending.end_for_load(session, load.id, act, Cause(now, reason=reason))


def _set_stops(load: Load, stops: Sequence[Mapping[str, Any]], roads: Roads) -> None:
    figures.check_temperature(load)
    kinds = [stop["kind"] for stop in stops]
    if kinds[0] is not StopKind.PICKUP or kinds[-1] is not StopKind.DELIVERY:
        raise Invalid("#/stops", "The first stop is a pickup, the last a delivery.")
    rows = [
        Stop(org_id=load.org_id, sequence=i, **stop) for i, stop in enumerate(stops)
    ]
    for i, (before, after) in enumerate(pairwise(rows), start=1):
        if after.window_until < before.window_from:
            raise Invalid(
                f"#/stops/{i}/window_until",
                "This window ends before the window of the previous stop begins.",
            )
    for i, row in enumerate(rows):
        hours.settle(row, f"#/stops/{i}/opening_hours")
    load.stops.extend(rows)
    places_of_stops.settle(load)
    first, last = rows[0], rows[-1]
    load.stop_count = len(rows)
    load.pickup_lat, load.pickup_lon = first.lat, first.lon
    load.pickup_from, load.pickup_until = first.window_from, first.window_until
    load.delivery_lat, load.delivery_lon = last.lat, last.lon
    load.pickup_place, load.delivery_place = _place(first), _place(last)
    load.delivery_from, load.delivery_until = last.window_from, last.window_until
    without_road = measuring.measure(load, roads)
    if without_road is not None:
        raise NoRoad(
            f"#/stops/{without_road}",
            "No road that we know leads here from the previous stop.",
        )


def _place(stop: Stop) -> str | None:
    """Return a line for the driver to read: city and state, or None without them.

    Never the facility, whose name tells the market who the customer is.
    """
    parts = [(stop.address or {}).get(name) for name in ("city", "state")]
    return ", ".join(part for part in parts if part) or None
