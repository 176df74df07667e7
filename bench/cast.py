"""The fleets, drivers and loads of a board day, made over the public API."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from bench.board import BoardLoad, Place, Trip
from bench.client import Client
from bench.rig import PASSWORD, Rig

AT_ONCE = 8
"""Concurrent calls while nothing is measured."""

PICKUP_WINDOW = timedelta(days=10)
DELIVERY_WINDOW = timedelta(days=20)
"""The board has no windows: these are so long that they exclude no load."""

OWN_LOAD_CENTS = 100_000
"""The price of the load a truck comes with; no figure uses it."""

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass
class Driver:
    """A signed-in driver at the last delivery, with everything done but its completion.

    target: the push target of the driver's phone, as the fake FCM knows it.
    """

    trip: Trip
    client: Client
    target: str
    last_stop_id: str
    completed_at: float = 0.0
    answer_ms: float = 0.0
    search: dict[str, Any] = field(default_factory=dict)
    ranked: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: list[dict[str, Any]] = field(default_factory=list)
    won: dict[str, Any] | None = None

    def complete(self) -> None:
        """Report the drop as completed; this starts the search."""
        at = datetime.now(UTC)
        self.completed_at = at.timestamp()
        path = f"/v1/stops/{self.last_stop_id}/completion"
        self.client.need("PUT", path, {"occurred_at": at.isoformat()})
        self.answer_ms = (datetime.now(UTC) - at).total_seconds() * 1000

    def locate(self) -> None:
        """Report the truck's position, as accepting an offer needs a recent one."""
        lat, lon = self.trip.drop
        fix = {"fix_id": str(uuid4()), "fixed_at": datetime.now(UTC).isoformat()}
        fixes = [{**fix, "lat": lat, "lon": lon}]
        self.client.need("POST", "/v1/positions", {"fixes": fixes})


def at_once(make: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """Call `make` for several items at a time; return its results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(make, items))


def post(poster: Client, load: BoardLoad) -> dict[str, Any]:
    """Post a load of the board; return the server's representation."""
    body = {
        "load_number": f"B{load.seq}",
        "equipment": [load.equipment],
        "price_cents": load.price_cents,
        "stops": _stops(load.origin, load.destination),
    }
    posted: dict[str, Any] = poster.need("POST", "/v1/loads", body).body
    return posted


def hire(rig: Rig, fleets: Sequence[Client], trips: Sequence[Trip]) -> list[Driver]:
    """Return a driver for each trip, arrived at its drop with a load on board.

    Raises: Refused.
    """

    def one(numbered: tuple[int, Trip]) -> Driver:
        number, trip = numbered
        return _hire(rig.web, fleets[number % len(fleets)], trip)

    return at_once(one, enumerate(trips))


def _hire(web: Client, desk: Client, trip: Trip) -> Driver:
    login = f"driver{trip.truck}@example.com"
    person = {"name": f"Driver {trip.truck}", "email": login, "roles": ["driver"]}
    token = desk.need("POST", "/v1/invitations", person)["token"]
    place = {"token": token, "password": PASSWORD}
    tokens = web.need("POST", "/v1/invitations/acceptance", place)
    client = Client(web.url, tokens["access_token"])
    driver_id = client.need("GET", "/v1/me")["driver"]["id"]

    truck_id = str(uuid4())
    truck = {"unit_number": f"T{trip.truck}", "equipment": trip.equipment}
    desk.need("PUT", f"/v1/trucks/{truck_id}", truck)
    lat, lon = trip.home
    known = {"truck_id": truck_id, "home_lat": lat, "home_lon": lon}
    driver = f"/v1/drivers/{driver_id}"
    desk.need("PATCH", driver, known, If_Match=desk.need("GET", driver).tag)

    target = f"ok-truck{trip.truck}"
    phone = {
        "platform": "android",
        "target_kind": "fid",
        "target": target,
        "app_version": "1.0",
        "locale": "en",
    }
    client.need("PUT", f"/v1/devices/{uuid4()}", phone)
    stop_id = _bring(desk, client, driver_id, trip)
    return Driver(trip, client, target, stop_id)


def _bring(desk: Client, driver: Client, driver_id: str, trip: Trip) -> str:
    """Give the driver a private load and bring it to the drop; return the drop's id."""
    body = {
        "load_number": f"H{trip.truck}",
        "visibility": "private",
        "equipment": [trip.equipment],
        "price_cents": OWN_LOAD_CENTS,
        "stops": _stops(trip.home, trip.drop),
    }
    load = desk.need("POST", "/v1/loads", body)
    given = {"load_id": load["id"], "driver_id": driver_id}
    desk.need("POST", "/v1/assignments", given)
    pickup, delivery = (f"/v1/stops/{stop['id']}" for stop in load["stops"])
    for fact in ("arrival", "completion"):
        driver.need("PUT", f"{pickup}/{fact}", _now())
    desk.need("PUT", f"{pickup}/pickup-confirmation", {"confirmed_by": "Dock 4"})
    driver.need("PUT", f"{pickup}/departure", _now())
    driver.need("PUT", f"{delivery}/arrival", _now())
    return str(load["stops"][1]["id"])


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


def _now() -> dict[str, str]:
    return {"occurred_at": datetime.now(UTC).isoformat()}
