"""Withdraw: a dispatcher takes an offer back before its driver has answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from freight.lifecycles import OfferAct
from models.booking.overrides import Override, OverrideKind
from models.offers.offers import Offer
from runtime.errors import NotFound
from services.booking import overrides
from services.booking.overrides import Why
from services.kernel.actors import Actor
from services.offers import ending
from services.offers.offers import visible_offers


def withdraw_offer(
    session: Session,
    actor: Actor,
    why: Why,
    *,
    offer_id: UUID,
    assignment_id: UUID | None,
    now: datetime,
) -> Override:
    """End an open offer; its driver is told, and a sequential search offers the next.

    assignment_id: the company's assignment that the dispatcher named, kept with the
        override.

    Locks: the load, then the offer. Raises: NotFound, Invalid, OfferMoveRefused.
    """
    # scope: the offer is found by a scope, then locked by its id.
    why.check()
    if assignment_id is not None:
        overrides.load_id_of(session, actor, assignment_id)
    load_id = session.scalar(
        visible_offers(actor)
        .where(Offer.id == offer_id)
        .with_only_columns(Offer.load_id)
    )
    if load_id is None:
        raise NotFound(f"No offer {offer_id} in your company.")
    overrides.lock_loads(session, [load_id])
    offer = session.get_one(
        Offer, offer_id, with_for_update=True, populate_existing=True
    )
    before = {"offer_status": offer.status}
    ending.end_one(session, offer, OfferAct.WITHDRAW, why.cause(actor, now))
    ending.ask_for_next(session, offer)
    return overrides.keep(
        session,
        actor,
        OverrideKind.WITHDRAW_OFFER,
        why,
        assignment_id=assignment_id,
        before=before,
        after={"offer_status": offer.status, "offer_id": str(offer.id)},
        told=[overrides.member_of(session, offer.driver_id)],
        is_poster_told=False,
    )
