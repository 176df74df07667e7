"""Trucks of the generated market, each at its last delivery, and their completions."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from bench.crowd import Crowd, Person
from geo.points import Point
from market import MarketTruck, fleet, headhaul
from market.rows import Record
from models.people.organisations import OrganisationKind

DRIVERS_A_COMPANY = 50
HANDS = 96
"""Most completions at a time. A truck that is due while all are busy is late."""


@dataclass(frozen=True)
class Truck:
    """A driver at the last delivery, with everything done but its completion."""

    person: Person
    stop_id: str
    target: str


@dataclass(frozen=True)
class Drop:
    """A completion, by this machine's clock, seconds since the epoch.

    due_at: when the schedule wanted the completion; all figures count from here.
    """

    truck: Truck
    due_at: float
    sent_at: float
    answered_at: float
    status: int

    @property
    def answer_ms(self) -> float:
        return (self.answered_at - self.due_at) * 1000


def hire(crowd: Crowd, number: int, *, seed: int, now: datetime) -> list[Truck]:
    """Return `number` trucks with the market's homes and deliveries, and settle.

    Each has a company, a driver with a phone, and a load that ends far from home.
    """
    poster = crowd.company(OrganisationKind.SHIPPER).desk
    carriers = [
        crowd.company(OrganisationKind.CARRIER).id
        for _ in range(-(-number // DRIVERS_A_COMPANY))
    ]
    hired = []
    for count, truck in enumerate(fleet(number, seed=seed)):
        haul = headhaul(truck, seed, now)
        org_id = carriers[count % len(carriers)]
        person = _driver(crowd, org_id, truck, haul.delivery)
        assert person.driver is not None
        ends = haul.pickup, haul.delivery
        load, (_, delivery) = crowd.load(
            poster, "at_delivery", stops=("departed", "arrived"), ends=ends
        )
        crowd.assign(person.driver, load)
        # The same target as `market.people.device` gives.
        target = f"ok-{person.device_id}"
        hired.append(Truck(person, str(delivery["id"]), target))
    crowd.settle()
    return hired


def _driver(crowd: Crowd, org_id: UUID, truck: MarketTruck, at: Point) -> Person:
    of_truck: Record = {
        "unit_number": truck.unit_number,
        "equipment": truck.equipment.value,
        "payload_kg": truck.payload_kg,
        "deck_length_m": truck.deck_length_m,
        "is_hazmat_allowed": truck.has_hazmat,
    }
    return crowd.driver(org_id, "on_load", home=truck.home_point, at=at, **of_truck)


def complete_steadily(trucks: Sequence[Truck], per_s: float) -> list[Drop]:
    """Complete all drops, `per_s` a second; the schedule does not wait for answers."""
    started = time.time() + 0.1

    def complete(numbered: tuple[int, Truck]) -> Drop:
        number, truck = numbered
        due_at = started + number / per_s
        time.sleep(max(due_at - time.time(), 0))
        sent_at = time.time()
        body = {"occurred_at": datetime.fromtimestamp(sent_at, UTC).isoformat()}
        path = f"/v1/stops/{truck.stop_id}/completion"
        status = truck.person.client.call("PUT", path, body).status
        return Drop(truck, due_at, sent_at, time.time(), status)

    # A free thread takes the next truck and sleeps until it is due.
    with ThreadPoolExecutor(HANDS) as pool:
        return list(pool.map(complete, enumerate(trucks)))
