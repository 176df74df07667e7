"""Rows of companies, their people, phones and trucks, as the product writes them."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from geo.points import Point
from market.rows import Record
from models.fleet.drivers import Availability
from models.people.devices import Enrolment

DAY = timedelta(days=1)


def organisation(kind: str, name: str, usdot_number: str | None) -> Record:
    return {"id": uuid7(), "kind": kind, "name": name, "usdot_number": usdot_number}


def member(org_id: UUID, name: str, roles: Sequence[str], password_hash: str) -> Record:
    """Return a member who signs in with an e-mail."""
    member_id = uuid7()
    return {
        "id": member_id,
        "org_id": org_id,
        "name": name,
        "email": f"{member_id}@example.com",
        "phone": None,
        "password_hash": password_hash,
        "roles": sorted(roles),
        "locale": "en",
    }


def device(member: Record, now: datetime, *, is_approved: bool = True) -> Record:
    """Return a phone with a live push target.

    is_approved: the member has signed in on it.
    """
    device_id = uuid7()
    return {
        "id": device_id,
        "org_id": member["org_id"],
        "member_id": member["id"],
        "enrolment": Enrolment.APPROVED if is_approved else Enrolment.UNKNOWN,
        "enrolment_at": now if is_approved else None,
        "platform": "android",
        "target_kind": "fid",
        "target": f"ok-{device_id}",
        "app_version": "1.0",
        "locale": "en",
        "registered_at": now,
    }


def family(member: Record, device_id: UUID | None, now: datetime) -> Record:
    """Return a sign-in; None for the device is a browser."""
    return {
        "id": uuid7(),
        "org_id": member["org_id"],
        "member_id": member["id"],
        "device_id": device_id,
        "seed": secrets.token_hex(32),
        "generation": 0,
        "last_used_at": now,
        "expires_at": now + DAY,
    }


def truck(org_id: UUID, unit_number: str) -> Record:
    return {
        "id": uuid7(),
        "org_id": org_id,
        "unit_number": unit_number,
        "equipment": "van",
        "payload_kg": 20_000,
        "deck_length_m": 16.15,
        "is_hazmat_allowed": False,
    }


def new_driver(member: Record) -> Record:
    """Return the row that a driver gets with their account."""
    return {
        "id": uuid7(),
        "org_id": member["org_id"],
        "member_id": member["id"],
        "has_hazmat_endorsement": False,
        "availability": Availability.OFF_DUTY,
    }


def driver(member: Record, truck_id: UUID | None, home: Point) -> Record:
    """Return an available driver."""
    return new_driver(member) | {
        "truck_id": truck_id,
        "home_lat": home.lat,
        "home_lon": home.lon,
        "availability": Availability.AVAILABLE,
    }


def position(driver_id: UUID, place: Point, at: datetime) -> Record:
    """Return a fix by a phone whose clock is right."""
    return {
        "driver_id": driver_id,
        "fix_id": uuid7(),
        "fixed_at": at,
        "corrected_at": at,
        "lat": place.lat,
        "lon": place.lon,
    }


def last_position(position: Record) -> Record:
    return {k: v for k, v in position.items() if k not in {"fix_id", "fixed_at"}}


def area(org_id: UUID, driver_id: UUID | None) -> Record:
    ring = [[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]
    return {
        "id": uuid7(),
        "org_id": org_id,
        "driver_id": driver_id,
        "kind": "no_go",
        "name": "Waco",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def invitation(admin: Record, now: datetime) -> Record:
    """Return an open invitation whose token nobody knows."""
    invitation_id = uuid7()
    return {
        "id": invitation_id,
        "org_id": admin["org_id"],
        "invited_by": admin["id"],
        "name": "Newcomer",
        "email": f"{invitation_id}@example.com",
        "roles": ["admin"],
        "locale": "en",
        "token_hash": invitation_id.hex,
        "expires_at": now + DAY,
    }
