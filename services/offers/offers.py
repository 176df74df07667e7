"""Offers: who may see them, and whether they can still be accepted."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import OPEN_OFFERS
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.errors import NotFound
from services.kernel.actors import Actor


def is_alive() -> list[ColumnElement[bool]]:
    """Return the conditions of an offer that can be accepted now."""
    return [Offer.status.in_(OPEN_OFFERS), Offer.expires_at > func.now()]


def is_open() -> ColumnElement[bool]:
    """Return the condition of an open offer: neither answered nor ended."""
    return Offer.status.in_(OPEN_OFFERS)


def visible_offers(actor: Actor) -> Select[Offer]:
    """Return the driver's offers, or the company's for a dispatcher; newest first."""
    seen = select(Offer).where(Offer.org_id == actor.org_id).order_by(Offer.id.desc())
    if not actor.is_dispatcher:
        seen = seen.where(Offer.driver_id == actor.driver_id)
    return seen.options(selectinload(Offer.load).selectinload(Load.stops))


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
        raise NotFound(f"No offer {offer_id} that you may see.")
    return offer


def next_best(session: Session, driver_id: UUID, *, except_id: UUID) -> UUID | None:
    """Return the id of the driver's best other offer that can be accepted, or None."""
    # scope: offers to this driver only.
    return session.scalar(
        select(Offer.id)
        .where(Offer.driver_id == driver_id, Offer.id != except_id, *is_alive())
        .order_by(Offer.score_cents.desc(), Offer.id)
        .limit(1)
    )
