"""What people and the clock do to a load, as acts that a test can leave uncommitted."""

from functools import partial
from uuid import UUID

from models.booking.overrides import OverrideKind, OverrideReason
from models.offers.offers import DeclineReason
from services.booking import answer
from services.booking.force import force_assign, force_swap
from services.booking.overrides import Why
from services.booking.reassign import reassign
from services.booking.unassign import unassign
from services.booking.withdraw import withdraw_offer
from services.kernel.events import Cause
from services.kernel.versions import Precondition
from services.loads import cancellation, posting
from services.offers import ending
from tests.services.scene import (
    actor_of,
)
from tests.world import utcnow


def accepting(driver, offer_id):
    actor = actor_of(driver)
    return lambda session: answer.accept(session, actor, offer_id, now=utcnow())


def declining(driver, offer_id):
    return partial(
        answer.decline,
        actor=actor_of(driver),
        offer_id=offer_id,
        reason=DeclineReason.PRICE,
        note=None,
        now=utcnow(),
    )


def overriding(dispatcher, kind, assignment_id=None, **ids):
    if kind == OverrideKind.WITHDRAW_OFFER or assignment_id is not None:
        ids["assignment_id"] = assignment_id
    by_kind = {
        OverrideKind.REASSIGN: reassign,
        OverrideKind.UNASSIGN: unassign,
        OverrideKind.FORCE_ASSIGN: force_swap if assignment_id else force_assign,
        OverrideKind.WITHDRAW_OFFER: withdraw_offer,
    }
    return partial(
        by_kind[OverrideKind(kind)],
        actor=actor_of(dispatcher) if hasattr(dispatcher, "token") else dispatcher,
        why=Why(OverrideReason.SAFETY),
        now=utcnow(),
        **ids,
    )


def cancelling(shipper, load_id):
    return partial(
        cancellation.cancel,
        actor=actor_of(shipper),
        load_id=load_id,
        reason="sold",
        now=utcnow(),
    )


def editing(scene, load_id):
    seen = scene.shipper.get(f"/v1/loads/{load_id}").headers["ETag"].strip('"')
    return partial(
        posting.edit_load,
        actor=actor_of(scene.shipper),
        rules=scene.world.app.extensions["posting_rules"],
        load_id=load_id,
        precondition=Precondition(frozenset({seen})),
        fields={"price_cents": 1},
        stops=None,
        now=utcnow(),
    )


def expiring(session):
    return ending.expire(session, Cause(utcnow()))


def free_driver(scene):
    return UUID(scene.driver().driver_id)
