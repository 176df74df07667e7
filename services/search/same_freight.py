"""Duplicates: a poster's loads of the same freight, of which a driver is offered one.

Otherwise a poster could take all offers of a driver with one load posted many times. A
poster may have several equal loads: once the one offered is gone, the next is offered.
"""

# scope: called by jobs, for one search.

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from freight.candidates import Candidate
from freight.lifecycles import OPEN_OFFERS, OfferStatus
from freight.ranking import Ranked
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from models.search.waiting import WaitingDriver
from services.offers.offers import is_alive, is_open

LET_PASS = (*OPEN_OFFERS, OfferStatus.DECLINED, OfferStatus.EXPIRED)
"""The driver is not offered a duplicate of these; of one lost or withdrawn they are."""

LOCKED_OF_ONE = 2
"""So many duplicates are locked: the second is for a first that is gone by then."""

NEAR_LAT, NEAR_LON = 0.02, 0.03
WEIGHTS_DIFFER = 0.05
"""As `services/loads/duplicates.py` tells the same freight."""


def is_same_freight(one: Candidate, other: Candidate) -> bool:
    """Say whether two loads look like the same freight, whatever they pay.

    Both ends are near, the windows of both overlap, a type of truck may carry either,
    and the weights differ little or one is not known. Stops between the ends are not
    asked: one more would make a copy pass for other freight.
    """
    return (
        not one.equipment.isdisjoint(other.equipment)
        and abs(one.pickup.lat - other.pickup.lat) <= NEAR_LAT
        and abs(one.pickup.lon - other.pickup.lon) <= NEAR_LON
        and abs(one.delivery.lat - other.delivery.lat) <= NEAR_LAT
        and abs(one.delivery.lon - other.delivery.lon) <= NEAR_LON
        and one.pickup_from <= other.pickup_until
        and other.pickup_from <= one.pickup_until
        and one.delivery_from <= other.delivery_until
        and other.delivery_from <= one.delivery_until
        and _is_same_weight(one.weight_kg, other.weight_kg)
    )


def _is_same_weight(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return True
    return abs(one - other) <= WEIGHTS_DIFFER * max(one, other)


class Freight:
    """The freight of some loads, by their posters."""

    def __init__(self) -> None:
        self._loads: list[tuple[UUID, Candidate]] = []

    @classmethod
    def offered(
        cls,
        session: Session,
        search: BackhaulSearch,
        statuses: Collection[OfferStatus] = LET_PASS,
    ) -> Self:
        """Return the freight of the search's offers with these statuses."""
        query = select(Offer.load_org_id, Offer.snapshot).where(
            Offer.search_id == search.id, Offer.status.in_(statuses)
        )
        return cls._of(session, query)

    @classmethod
    def _of(cls, session: Session, query: Select[UUID, dict[str, Any]]) -> Self:
        found = cls()
        for org_id, snapshot in session.execute(query):
            found.add(org_id, Candidate.from_record(snapshot))
        return found

    @classmethod
    def held(cls, session: Session, driver_id: UUID) -> Self:
        """Return the freight of the driver's open offers, and of those that they have
        declined or let expire since they wait."""
        since = select(WaitingDriver.since).where(WaitingDriver.driver_id == driver_id)
        left = and_(
            Offer.status.in_(LET_PASS), Offer.created_at >= since.scalar_subquery()
        )
        query = select(Offer.load_org_id, Offer.snapshot).where(
            Offer.driver_id == driver_id, or_(is_open(), left)
        )
        return cls._of(session, query)

    @classmethod
    def open(cls, session: Session, driver_id: UUID) -> Self:
        """Return the freight of the driver's offers that they can accept now."""
        query = select(Offer.load_org_id, Offer.snapshot).where(
            Offer.driver_id == driver_id, *is_alive()
        )
        return cls._of(session, query)

    def add(self, org_id: UUID, load: Candidate) -> None:
        self._loads.append((org_id, load))

    def takes(self, org_id: UUID, load: Ranked) -> bool:
        """Add a load that is no duplicate of these; say whether it was added."""
        if self.count(org_id, load.candidate):
            return False
        self.add(org_id, load.candidate)
        return True

    def count(self, org_id: UUID, load: Candidate) -> int:
        """Return how many others of these are the same freight of the same poster."""
        return sum(
            poster == org_id
            and other.load_id != load.load_id
            and is_same_freight(load, other)
            for poster, other in self._loads
        )


def without_duplicates(
    ranked: Sequence[Mapping[str, Any]],
    posters: Mapping[UUID, UUID],
    offered: Freight,
    most: int,
) -> list[tuple[int, UUID]]:
    """Return place and id of the best loads that are not duplicates of one another.

    ranked: the records of a search, best first.
    posters: of those loads that may be taken, the companies that posted them.
    offered: what the driver was offered already.
    """
    taken = Freight()
    wanted: list[tuple[int, UUID]] = []
    for place, record in enumerate(ranked, start=1):
        load_id = UUID(record["candidate"]["load_id"])
        if len(wanted) == most:
            break
        if load_id not in posters:
            continue
        load, org_id = Candidate.from_record(record["candidate"]), posters[load_id]
        if offered.count(org_id, load) or taken.count(org_id, load) >= LOCKED_OF_ONE:
            continue
        taken.add(org_id, load)
        wanted.append((place, load_id))
    return wanted
