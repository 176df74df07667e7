"""The only way to change a load's, a stop's or an offer's status."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from freight.lifecycles import (
    LOAD_MOVES,
    OFFER_MOVES,
    STOP_MOVES,
    LoadAct,
    OfferAct,
    StopAct,
    Transition,
)
from freight.roles import POSTERS, Role
from models.loads.loads import Load
from models.loads.stops import Stop
from models.offers.offers import Offer
from runtime.errors import Conflict, Forbidden
from services.kernel import events
from services.kernel.events import Cause

Status = TypeVar("Status", bound=StrEnum)
Act = TypeVar("Act", bound=StrEnum)


class LoadMoveRefused(Conflict):
    """The load's status does not allow this."""

    code = "load-status"
    title = "The load's status does not allow this"


class StopMoveRefused(Conflict):
    """The stop's status does not allow this."""

    code = "stop-status"
    title = "The stop's status does not allow this"


class OfferMoveRefused(Conflict):
    """The offer's status does not allow this."""

    code = "offer-status"
    title = "The offer's status does not allow this"


def _find(
    table: Mapping[tuple[Status, Act], Transition[Status, Act]],
    status: Status,
    act: Act,
    cause: Cause,
    refusal: type[Conflict],
    noun: str,
) -> tuple[Transition[Status, Act], Role]:
    transition = table.get((status, act))
    if transition is None:
        raise refusal(
            f"'{act.replace('_', ' ')}' is not possible: the {noun} is {status}.",
            extra={"current_status": status},
        )
    role = cause.role(transition.roles)
    if role is None:
        names = ", ".join(sorted(transition.roles))
        raise Forbidden(
            f"While the {noun} is {status}, '{act.replace('_', ' ')}' needs one of the"
            f" roles: {names}."
        )
    return transition, role


def move_load(
    session: Session,
    load: Load,
    act: LoadAct,
    cause: Cause,
    *,
    body: dict[str, Any] | None = None,
) -> None:
    """Change the load's status as the table allows, and write the event.

    The caller has locked the load.
    Raises: LoadMoveRefused, Forbidden. Then nothing is written.
    """
    transition, role = _find(
        LOAD_MOVES, load.status, act, cause, LoadMoveRefused, "load"
    )
    load.status = transition.after
    _record_load(
        session,
        load,
        act,
        cause,
        role,
        edi_214=transition.edi_214,
        body={"before": transition.before, "after": transition.after} | (body or {}),
    )


def record_load(
    session: Session,
    load: Load,
    what: str,
    cause: Cause,
    roles: frozenset[Role],
    *,
    body: dict[str, Any] | None = None,
) -> None:
    """Write an event of the load that changes no status.

    what: the last part of its kind. roles: those that may act; the caller has checked
        that the cause has one of them.
    """
    role = cause.role(roles)
    assert role is not None
    _record_load(session, load, what, cause, role, body=body)


def _record_load(
    session: Session,
    load: Load,
    what: str,
    cause: Cause,
    role: Role,
    *,
    edi_214: str | None = None,
    body: dict[str, Any] | None = None,
) -> None:
    events.record(
        session,
        cause,
        role,
        org_id=load.org_id,
        subject="load",
        subject_id=load.id,
        kind=f"load.{what}",
        edi_214=edi_214,
        body=body,
    )


def record_draft(session: Session, load: Load, cause: Cause) -> None:
    """Write the event of a new draft.

    No move makes a draft, but phones that follow the company's loads must see it.
    """
    record_load(session, load, "draft", cause, POSTERS | {Role.DISPATCHER})


def check_load(load: Load, act: LoadAct, cause: Cause) -> None:
    """Raise what `move_load` would raise, and change nothing."""
    _find(LOAD_MOVES, load.status, act, cause, LoadMoveRefused, "load")


def move_stop(
    session: Session,
    stop: Stop,
    load: Load,
    act: StopAct,
    cause: Cause,
    *,
    body: dict[str, Any] | None = None,
) -> None:
    """Change the stop's status as the table allows, and write the event.

    The caller has locked the stop's load.
    Raises: StopMoveRefused, Forbidden. Then nothing is written.
    """
    transition, role = _find(
        STOP_MOVES, stop.status, act, cause, StopMoveRefused, "stop"
    )
    stop.status = transition.after
    events.record(
        session,
        cause,
        role,
        org_id=load.org_id,
        subject="stop",
        subject_id=stop.id,
        kind=f"stop.{act}",
        body={
            "load_id": str(load.id),
            "stop": stop.kind,
            "before": transition.before,
            "after": transition.after,
        }
        | (body or {}),
    )


def move_offer(
    session: Session,
    offer: Offer,
    act: OfferAct,
    cause: Cause,
    *,
    body: dict[str, Any] | None = None,
) -> None:
    """Change the offer's status as the table allows, and write the event.

    The caller has locked the offer.
    Raises: OfferMoveRefused, Forbidden. Then nothing is written.
    """
    transition, role = _find(
        OFFER_MOVES, offer.status, act, cause, OfferMoveRefused, "offer"
    )
    offer.status = transition.after
    record_offer(
        session,
        offer,
        act,
        cause,
        role,
        body={"before": transition.before} | (body or {}),
    )


def record_offer(
    session: Session,
    offer: Offer,
    act: OfferAct,
    cause: Cause,
    role: Role,
    *,
    body: dict[str, Any] | None = None,
) -> None:
    """Write an event of the offer; `act` is the last part of its kind."""
    events.record(
        session,
        cause,
        role,
        org_id=offer.org_id,
        subject="offer",
        subject_id=offer.id,
        kind=f"offer.{act}",
        body={
            "load_id": str(offer.load_id),
            "driver_id": str(offer.driver_id),
            "after": offer.status,
        }
        | (body or {}),
    )
