"""The route of an offer: from the drop through the load's stops home."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.candidates import Candidate
from freight.lifecycles import OPEN_OFFERS
from geo.points import Point
from models.loads.stops import Stop
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from services.kernel.actors import Actor
from services.loads.routes import Place, Visit, visits_of
from services.offers.offers import get_offer


class Offered(NamedTuple):
    """The places of an offer's route. drop, home: None once they were erased."""

    drop: Visit | None
    stops: list[Visit]
    home: Visit | None


def offered_route(session: Session, actor: Actor, offer_id: UUID) -> Offered:
    """Return the places of an offer's route.

    While the offer is open, the stops of the load as it is now; afterwards those that
    were offered.

    Raises: NotFound.
    """
    offer = get_offer(session, actor, offer_id)
    # scope: the search of an offer that the actor may see.
    search = session.get(BackhaulSearch, offer.search_id)
    known = search.situation if search is not None else {}
    return Offered(
        _visit(Place.DROP, known.get("drop")),
        _stops(session, offer),
        _visit(Place.HOME, known.get("home")),
    )


def _stops(session: Session, offer: Offer) -> list[Visit]:
    if offer.status in OPEN_OFFERS:
        # scope: the load of an open offer that the actor may see.
        asked = select(Stop).where(Stop.load_id == offer.load_id)
        return visits_of(session.scalars(asked.order_by(Stop.sequence)).all())
    if "pickup" not in offer.snapshot:
        return []
    return [
        Visit(Place.PICKUP if stop.is_pickup else Place.DELIVERY, stop.point)
        for stop in Candidate.from_record(offer.snapshot).route
    ]


def _visit(place: Place, kept: dict[str, float] | None) -> Visit | None:
    return Visit(place, Point(**kept)) if kept else None
