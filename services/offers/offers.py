"""Offers: who may see them, and whether they can still be accepted."""

from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import Session, joinedload

from freight.lifecycles import OPEN_OFFERS
from models.offers.offers import Offer
from runtime.errors import NotFound
from services.kernel.actors import Actor


def is_alive() -> list[ColumnElement[bool]]:
    """Return the conditions of an offer that can be accepted now."""
    return [is_open(), Offer.expires_at > func.now()]


def is_open() -> ColumnElement[bool]:
    """Return the condition of an open offer: neither answered nor ended.

    Its words are written into the statement: a plan that is kept for any values could
    not use the indexes of open offers.
    """
    words: BindParameter[Any] = bindparam(
        None, OPEN_OFFERS, expanding=True, literal_execute=True
    )
    return Offer.status.in_(words)


def is_visible(
    org_id: UUID | BindParameter[UUID],
    driver_id: UUID | BindParameter[UUID] | None,
    *,
    is_dispatcher: bool,
) -> list[ColumnElement[bool]]:
    """Return the conditions of the offers that a member may see.

    A dispatcher sees all of the company; another member those of their driver, and none
    without a driver.
    """
    of_the_company = Offer.org_id == org_id
    if is_dispatcher:
        return [of_the_company]
    return [of_the_company, Offer.driver_id == driver_id]


def visible_offers(actor: Actor) -> Select[Offer]:
    """Return the driver's offers, or the company's for a dispatcher; newest first."""
    seen = is_visible(actor.org_id, actor.driver_id, is_dispatcher=actor.is_dispatcher)
    query = select(Offer).where(*seen).order_by(Offer.id.desc())
    return query.options(joinedload(Offer.load))


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
