"""What people and the clock do to a load, as an act that a race can hold open."""

from functools import partial
from uuid import UUID

from models.assignments import OverrideReason
from models.offers import DeclineReason
from services import loads, offers, overrides
from services.events import Cause
from services.overrides import Decision
from services.versions import Precondition
from tests.services.stage import (
    HALF_AN_HOUR,
    actor_of,
)
from tests.world import utcnow


def accepting(driver, offer_id):
    actor = actor_of(driver)
    return lambda session: offers.accept(
        session, actor, offer_id, now=utcnow(), position_max_age=HALF_AN_HOUR
    )


def declining(driver, offer_id):
    return partial(
        offers.decline,
        actor=actor_of(driver),
        offer_id=offer_id,
        reason=DeclineReason.PRICE,
        note=None,
        now=utcnow(),
    )


def overriding(dispatcher, kind, assignment_id=None, **ids):
    return partial(
        overrides.override,
        actor=actor_of(dispatcher),
        decision=Decision(kind=kind, reason=OverrideReason.SAFETY, **ids),
        assignment_id=assignment_id,
        now=utcnow(),
    )


def cancelling(shipper, load_id):
    return partial(
        loads.cancel,
        actor=actor_of(shipper),
        load_id=load_id,
        reason="sold",
        now=utcnow(),
    )


def editing(stage, load_id):
    seen = stage.shipper.get(f"/v1/loads/{load_id}").headers["ETag"].strip('"')
    return partial(
        loads.edit_load,
        actor=actor_of(stage.shipper),
        market=stage.world.app.extensions["market"],
        load_id=load_id,
        precondition=Precondition(frozenset({seen})),
        fields={"price_cents": 1},
        stops=None,
        now=utcnow(),
    )


def expiring(session):
    return offers.expire(session, Cause(utcnow()))


def free_driver(stage):
    return UUID(stage.driver().driver_id)
