from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.lifecycles import (
    LOAD_MOVES,
    OFFER_MOVES,
    STOP_MOVES,
    LoadAct,
    LoadStatus,
    OfferAct,
    OfferStatus,
    StopAct,
    StopStatus,
)
from freight.roles import Role
from models.kernel.events import Event
from models.loads.loads import Load
from models.loads.stops import Stop, StopKind
from models.offers.offers import Offer
from models.people.organisations import OrganisationKind
from runtime.errors import Conflict, Forbidden
from services.kernel import moves
from services.kernel.actors import Actor
from services.kernel.events import Cause
from tests.world import World

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

Row = Load | Stop | Offer
Move = Callable[[OrmSession, Row, StrEnum, Cause], None]


def cause(role: Role, *, at: datetime = NOON) -> Cause:
    if role is Role.SYSTEM:
        return Cause(at)
    actor = Actor(uuid7(), uuid7(), OrganisationKind.CARRIER, frozenset({role}))
    return Cause(at, actor, "phone", "because")


def load_in(status: LoadStatus) -> Load:
    return Load(id=uuid7(), org_id=uuid7(), status=status)


def stop_in(status: StopStatus) -> Stop:
    return Stop(id=uuid7(), kind=StopKind.PICKUP, status=status)


def offer_in(status: OfferStatus) -> Offer:
    ids = {name: uuid7() for name in ("id", "org_id", "load_id", "driver_id")}
    return Offer(**ids, status=status)


def move_stop(session: OrmSession, stop: Stop, act: StopAct, why: Cause) -> None:
    moves.move_stop(session, stop, load_in(LoadStatus.AT_PICKUP), act, why)


TABLES: list[tuple[Any, Any, Any, Any, Any, str]] = [
    (LOAD_MOVES, LoadStatus, LoadAct, load_in, moves.move_load, "load-status"),
    (STOP_MOVES, StopStatus, StopAct, stop_in, move_stop, "stop-status"),
    (OFFER_MOVES, OfferStatus, OfferAct, offer_in, moves.move_offer, "offer-status"),
]

CROSS = [
    pytest.param(table, statuses, act, make, move, code, id=f"{code[:5]}-{act}")
    for table, statuses, acts, make, move, code in TABLES
    for act in acts
]
"""Every act; the tests try each in every status and every role."""


@pytest.mark.parametrize(("table", "statuses", "act", "make", "move", "code"), CROSS)
class TestEveryMove:
    def test_is_refused_and_writes_nothing_if_the_table_lacks_it(
        self, table: Any, statuses: Any, act: Any, make: Any, move: Move, code: str
    ) -> None:
        for status, role in product(statuses, Role):
            transition = table.get((status, act))
            if transition is not None and role in transition.roles:
                continue
            session, row = OrmSession(), make(status)

            with pytest.raises((Conflict, Forbidden)) as refused:
                move(session, row, act, cause(role))

            expected = (403, "missing-permission") if transition else (409, code)
            assert (refused.value.status, refused.value.code) == expected
            assert row.status is status
            assert not session.new
            if transition is None:
                assert refused.value.extra == {"current_status": status}

    def test_of_the_table_writes_one_event(
        self, table: Any, statuses: Any, act: Any, make: Any, move: Move, code: str
    ) -> None:
        for transition in (t for t in table.values() if t.act is act):
            for role in transition.roles:
                session, row, why = OrmSession(), make(transition.before), cause(role)

                move(session, row, act, why)

                (event,) = session.new
                assert isinstance(event, Event)
                assert row.status is transition.after
                assert event.body["before"] == transition.before
                assert event.body["after"] == transition.after
                assert event.kind == f"{code.removesuffix('-status')}.{act}"
                assert event.subject_id == row.id
                assert event.actor_role is role
                assert event.actor_id == (why.actor and why.actor.member_id)
                assert (event.source, event.reason) == (why.source, why.reason)
                assert event.occurred_at == NOON
                assert event.edi_214 == transition.edi_214


def test_an_event_keeps_when_it_happened_and_when_it_was_received(
    world: World, session: OrmSession
) -> None:
    shipper = world.shipper()
    load = session.get_one(Load, world.load(shipper)["id"])
    at = datetime.now(UTC) - timedelta(hours=3)
    why = cause(Role.SHIPPER, at=at)

    moves.move_load(session, load, LoadAct.WITHDRAW, why, body={"more": "words"})
    session.flush()

    event = session.scalars(
        select(Event).where(Event.subject_id == load.id, Event.kind == "load.withdraw")
    ).one()
    session.refresh(event)
    assert event.occurred_at == at
    assert timedelta() <= event.received_at - at - timedelta(hours=3)
    assert event.received_at - at < timedelta(hours=3, minutes=1)
    assert event.body == {"before": "posted", "after": "withdrawn", "more": "words"}
    assert event.org_id == shipper.org_id


def test_checking_a_move_changes_nothing() -> None:
    load = load_in(LoadStatus.DRAFT)

    moves.check_load(load, LoadAct.POST, cause(Role.SHIPPER))

    assert load.status is LoadStatus.DRAFT
