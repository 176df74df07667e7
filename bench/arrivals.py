"""The drivers of a board day at their drops, and the loads, posted over the API."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from bench.board import BoardLoad, Place, Trip
from bench.client import Client
from bench.crowd import Crowd, Person
from geo.points import Point
from models.people.organisations import OrganisationKind

AT_ONCE = 8
"""Concurrent calls while nothing is measured."""

PICKUP_WINDOW = timedelta(days=10)
DELIVERY_WINDOW = timedelta(days=20)
"""The board has no windows: these are so long that they exclude no load."""

TRUCKS_A_FLEET = 40

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass
class Driver:
    """A signed-in driver at the last delivery, with everything done but its completion.

    target: the push target of the driver's phone, as the fake FCM knows it.
    place: where they are, for `locate`.
    """

    trip: Trip
    person: Person
    target: str
    last_stop_id: str
    place: Place
    completed_at: float = 0.0
    answer_ms: float = 0.0
    search: dict[str, Any] = field(default_factory=dict)
    ranked: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: list[dict[str, Any]] = field(default_factory=list)
    won: dict[str, Any] | None = None

    @property
    def client(self) -> Client:
        return self.person.client

    def complete(self) -> None:
        """Report the drop as completed; this starts the search."""
        at = datetime.now(UTC)
        self.completed_at = at.timestamp()
        path = f"/v1/stops/{self.last_stop_id}/completion"
        self.client.need("PUT", path, {"occurred_at": at.isoformat()})
        self.answer_ms = (datetime.now(UTC) - at).total_seconds() * 1000

    def locate(self) -> None:
        """Report the truck's position, as accepting an offer needs a recent one."""
        lat, lon = self.place
        fix = {"fix_id": str(uuid4()), "fixed_at": datetime.now(UTC).isoformat()}
        fixes = [{**fix, "lat": lat, "lon": lon}]
        self.client.need("POST", "/v1/positions", {"fixes": fixes})


def at_once(make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """Call `make` for several items at a time; return its results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(make, items))


def post(poster: Client, load: BoardLoad) -> dict[str, Any]:
    """Post a load of the board, and confirm it if it is odd; return the server's
    representation."""
    body = {
        "load_number": f"B{load.seq}",
        "equipment": [load.equipment],
        "price_cents": load.price_cents,
        "stops": _stops(load.origin, load.destination),
    }
    posted: dict[str, Any] = poster.need("POST", "/v1/loads", body).body
    if posted["is_unconfirmed"]:
        poster.need("PUT", f"/v1/loads/{posted['id']}/confirmation")
    return posted


def hire(crowd: Crowd, trips: Sequence[Trip]) -> list[Driver]:
    """Return a driver for each trip, arrived at its drop with a load on board.

    They drive for companies of TRUCKS_A_FLEET trucks at most.
    """
    kind = OrganisationKind.PRIVATE_FLEET
    desks = [crowd.company(kind).desk for _ in range(0, len(trips), TRUCKS_A_FLEET)]
    hired = [
        _hire(crowd, desks[number % len(desks)], trip)
        for number, trip in enumerate(trips)
    ]
    crowd.settle()
    return hired


def _hire(crowd: Crowd, desk: Person, trip: Trip) -> Driver:
    home, drop = Point(*trip.home), Point(*trip.drop)
    person = crowd.driver(
        desk.org_id,
        "on_load",
        home=home,
        at=drop,
        has_area=False,
        unit_number=f"T{trip.truck}",
        equipment=trip.equipment,
        payload_kg=None,
        deck_length_m=None,
    )
    assert person.driver is not None
    load, (_, last) = crowd.load(
        desk,
        "at_delivery",
        visibility="private",
        stops=("departed", "arrived"),
        ends=(home, drop),
    )
    crowd.assign(person.driver, load)
    target = f"ok-{person.device_id}"
    return Driver(trip, person, target, str(last["id"]), trip.drop)


def _stops(start: Place, end: Place) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        {
            "kind": kind,
            "lat": lat,
            "lon": lon,
            "window_from": now.isoformat(),
            "window_until": (now + window).isoformat(),
            "zone": "America/Chicago",
        }
        for kind, (lat, lon), window in (
            ("pickup", start, PICKUP_WINDOW),
            ("delivery", end, DELIVERY_WINDOW),
        )
    ]
