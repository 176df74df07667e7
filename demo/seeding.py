"""The people, trucks and freight of the play. All but companies are made over HTTP."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

from uuid_utils.compat import uuid7

from demo.client import Caller, Person, sign_in
from demo.rig import Rig
from geo.points import Point
from market import MarketLoad, MarketTruck, transit
from places.cities import City
from runtime.errors import CannotStart

PASSWORD = "the long way home"
AT_ONCE = 6
"""Requests in flight while the market is posted."""


@dataclass(frozen=True)
class Company:
    """A company with its admin and the person at its desk."""

    name: str
    kind: str
    admin: Person
    desk: Person


@dataclass(frozen=True)
class Trucker:
    """A driver with a truck; `phone` is the driver's signed-in app."""

    phone: Person
    driver_id: str
    truck: MarketTruck
    company: Company

    @property
    def name(self) -> str:
        return self.truck.driver_name


@dataclass(frozen=True)
class Middle:
    """A delivery before a load's last one. `window`: from and until, aware."""

    city: City
    window: tuple[datetime, datetime]


@dataclass(frozen=True)
class Posted:
    """A load on the market: `load` as made up, `body` as the server answered."""

    load: MarketLoad
    body: dict[str, Any]
    shipper: Company

    @property
    def id(self) -> str:
        return str(self.body["id"])


CARRIERS = (
    ("Prairie Line Carriers", "carrier", "dispatcher"),
    ("Blue Ridge Trucking", "carrier", "dispatcher"),
    ("Lakeside Grocers' Fleet", "private_fleet", "dispatcher"),
)
SHIPPERS = (
    ("Hudson Paper", "shipper", "shipper"),
    ("Lone Star Foods", "shipper", "shipper"),
    ("Crossroads Brokerage", "broker", "broker"),
)
# Desk people in the order of the companies above.
DESKS = (
    *("Dana Ortiz", "Ruth Keller", "Priya Nair"),
    *("Sam Whitfield", "Lupe Garza", "Theo Banks"),
)


def found_companies(rig: Rig) -> tuple[list[Company], list[Company]]:
    """Make the companies as an operator does, and their desks as their admins do.

    Returns the carriers and the shippers with the broker. Raises: CannotStart.
    """
    wanted = [*CARRIERS, *SHIPPERS]
    with ThreadPoolExecutor(2) as pool:
        made = list(
            pool.map(
                lambda pair: _found(rig, *pair[0], desk_name=pair[1]),
                zip(wanted, DESKS, strict=True),
            )
        )
    return made[: len(CARRIERS)], made[len(CARRIERS) :]


def _found(rig: Rig, name: str, kind: str, role: str, *, desk_name: str) -> Company:
    domain = "".join(c for c in name.lower() if c.isalpha()) + ".example"
    email = f"admin@{domain}"
    command = [sys.executable, "cli.py", "create-org", "--name", name, "--kind", kind]
    command += ["--admin-name", f"Admin of {name}", "--admin-email", email]
    command += ["--password", PASSWORD]
    command += ["--usdot", str(1_000_000 + len(name))]
    made = subprocess.run(
        command,
        env={**rig.operator},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if made.returncode != 0:
        last = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotStart(f"`cli.py create-org` failed: {last}")
    admin = sign_in(rig.url, name=f"Admin of {name}", login=email, password=PASSWORD)
    login = f"{desk_name.split()[0].lower()}@{domain}"
    return Company(name, kind, admin, hire(admin, desk_name, login, role))


def hire(
    admin: Person, name: str, login: str, role: str, *, target: str = ""
) -> Person:
    """Invite a person, accept on their phone and register it; return the person.

    target: where pushes to the phone go; if left out, a live one is made up.
    """
    body = {"name": name, "email": login, "roles": [role]}
    token = admin.post("/v1/invitations", body)["token"]
    device_id = str(uuid7())
    tokens = Caller(admin.url).post(
        "/v1/invitations/acceptance",
        {"token": token, "password": PASSWORD, "device_id": device_id},
    )
    person = Person(admin.url, tokens["access_token"], name, login, tokens["member_id"])
    target = target or f"phone-{person.member_id}"
    person.put(
        f"/v1/devices/{device_id}",
        {
            "platform": "android",
            "target_kind": "fid",
            "target": target,
            "app_version": "1.0",
            "locale": "en-US",
        },
    )
    return replace(person, target=target)


def hire_trucker(company: Company, truck: MarketTruck, *, target: str = "") -> Trucker:
    """Add a driver with truck, home and phone; the driver is available."""
    domain = company.desk.login.partition("@")[2]
    login = f"truck{truck.unit_number}@{domain}"
    phone = hire(company.admin, truck.driver_name, login, "driver", target=target)
    driver_id = phone.get("/v1/me")["driver"]["id"]
    truck_id = str(uuid7())
    company.desk.put(
        f"/v1/trucks/{truck_id}",
        {
            "unit_number": truck.unit_number,
            "equipment": truck.equipment.value,
            "payload_kg": truck.payload_kg,
            "deck_length_m": truck.deck_length_m,
            "is_hazmat_allowed": truck.has_hazmat,
        },
    )
    company.desk.patch(
        f"/v1/drivers/{driver_id}",
        {
            "truck_id": truck_id,
            "home_label": f"{truck.home.name}, {truck.home.state}",
            "home_lat": truck.home_point.lat,
            "home_lon": truck.home_point.lon,
            "has_hazmat_endorsement": truck.has_hazmat,
        },
    )
    phone.patch(f"/v1/drivers/{driver_id}", {"availability": "available"})
    return Trucker(phone, driver_id, truck, company)


def post(shipper: Company, load: MarketLoad, *middle: Middle) -> Posted:
    """Put a load on the market, with deliveries on its way."""
    body = load_body(load, *middle)
    return Posted(load, shipper.desk.post("/v1/loads", body), shipper)


def post_all(
    shippers: Sequence[Company], loads: Iterable[MarketLoad]
) -> Iterator[Posted]:
    """Put many loads on the market, the shippers in turns, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(post, cycle(shippers), loads)


def load_body(load: MarketLoad, *middle: Middle) -> dict[str, Any]:
    """Return the load as a shipper's system would post it."""
    first = (load.pickup_from, load.pickup_until)
    last = (load.delivery_from, load.delivery_until)
    low, high = load.temperature_c or (None, None)
    return {
        "load_number": load.reference,
        "references": [{"qualifier": "PO", "value": f"PO-{load.reference}"}],
        "commodity": load.commodity,
        "equipment": sorted(kind.value for kind in load.equipment),
        "weight_kg": load.weight_kg,
        "length_m": load.length_m,
        "pieces": load.pieces,
        "has_hazmat": load.has_hazmat,
        "temperature_min_c": low,
        "temperature_max_c": high,
        "price_cents": load.price_cents,
        "stops": [
            _stop("pickup", load.origin, load.pickup, *first),
            *(
                _stop("delivery", stop.city, stop.city.point, *stop.window)
                for stop in middle
            ),
            _stop("delivery", load.destination, load.delivery, *last),
        ],
    }


def _stop(
    kind: str, city: City, at: Point, window_from: datetime, window_until: datetime
) -> dict[str, Any]:
    return {
        "kind": kind,
        "facility": f"{city.name} warehouse",
        "address": {"city": city.name, "state": city.state},
        "lat": at.lat,
        "lon": at.lon,
        "window_from": window_from.isoformat(),
        "window_until": window_until.isoformat(),
        "zone": city.zone,
    }


def dispatch(trucker: Trucker, shipper: Company, load: MarketLoad) -> Posted:
    """Post a load and assign it to the trucker, as their dispatcher does."""
    posted = post(shipper, load)
    trucker.company.desk.post(
        "/v1/assignments", {"load_id": posted.id, "driver_id": trucker.driver_id}
    )
    return posted


def due_now(load: MarketLoad, now: datetime) -> MarketLoad:
    """Return the load with windows so that its truck is at the delivery now.

    The windows are still open, and long enough for a truck that is at home: only then
    may the load be posted, and planned without a reason.
    """
    loaded_at = now - transit(load.loaded_m)
    hour, day = timedelta(hours=1), timedelta(days=1)
    return replace(
        load,
        pickup_from=loaded_at - 4 * hour,
        pickup_until=now + 4 * day,
        delivery_from=now - 2 * hour,
        delivery_until=now + 10 * day,
    )
