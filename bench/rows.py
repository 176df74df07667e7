"""Makes records of rows and writes thousands of them into a bench's own database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

Record = dict[str, Any]
Point = tuple[float, float]

BATCH = 5_000
ZONE = "America/Chicago"
TABLES = (
    *("organisations", "members", "devices", "refresh_families", "trucks", "drivers"),
    *("areas", "invitations", "loads", "stops", "backhaul_searches", "offers"),
    *("assignments", "overrides", "events", "positions", "last_positions"),
)
"""Ordered so that a row is written after the rows it refers to."""


def write(database_url: str, rows: Mapping[str, Sequence[Record]]) -> None:
    """Insert the rows as a superuser, without row security and without the services.

    All records of one table must have the same columns.
    """
    with psycopg.connect(database_url) as connection:
        for table in TABLES:
            records = rows.get(table, ())
            for first in range(0, len(records), BATCH):
                batch = records[first : first + BATCH]
                columns = sql.SQL(", ").join(map(sql.Identifier, batch[0]))
                connection.execute(
                    sql.SQL(
                        "insert into {table} ({columns}) select {columns}"
                        " from jsonb_populate_recordset(null::{table}, %s)"
                    ).format(table=sql.Identifier(table), columns=columns),
                    [_json(batch)],
                )
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze")


def _json(batch: Sequence[Record]) -> Jsonb:
    return Jsonb([{k: _plain(v) for k, v in record.items()} for record in batch])


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def person(org_id: UUID, email: str, roles: Sequence[str], secret: str) -> Record:
    return {
        "id": uuid7(),
        "org_id": org_id,
        "name": email.partition("@")[0],
        "email": email,
        "password_hash": secret,
        "roles": list(roles),
        "locale": "en",
    }


def phone(member: Record) -> Record:
    now = datetime.now(UTC)
    device_id = uuid7()
    return {
        "id": device_id,
        "org_id": member["org_id"],
        "member_id": member["id"],
        "enrolment": "approved",
        "enrolment_at": now,
        "platform": "android",
        "target_kind": "fid",
        "target": f"ok-{device_id}",
        "app_version": "1.0",
        "locale": "en",
        "registered_at": now,
    }


def family(member: Record, device: Record | None) -> Record:
    now = datetime.now(UTC)
    return {
        "id": uuid7(),
        "org_id": member["org_id"],
        "member_id": member["id"],
        "device_id": device["id"] if device else None,
        "seed": uuid7().hex,
        "generation": 0,
        "last_used_at": now,
        "expires_at": now + timedelta(days=1),
    }


def truck(org_id: UUID, number: int) -> Record:
    return {
        "id": uuid7(),
        "org_id": org_id,
        "unit_number": f"T{number}",
        "equipment": "van",
        "payload_kg": 20_000,
        "deck_length_m": 16.15,
        "is_hazmat_allowed": False,
    }


def driver(member: Record, truck_id: UUID, home: Point, availability: str) -> Record:
    return {
        "id": uuid7(),
        "org_id": member["org_id"],
        "member_id": member["id"],
        "truck_id": truck_id,
        "home_lat": home[0],
        "home_lon": home[1],
        "has_hazmat_endorsement": False,
        "availability": availability,
    }


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


def invitation(admin: Record) -> Record:
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
        "expires_at": datetime.now(UTC) + timedelta(days=1),
    }


def load(
    poster: Record, start: Point, end: Point, *, status: str, visibility: str
) -> Record:
    """Return a load whose lease and windows stay open longer than a bench runs."""
    now, load_id = datetime.now(UTC), uuid7()
    is_new = status == "draft"
    return {
        "id": load_id,
        "org_id": poster["org_id"],
        "posted_by": poster["id"],
        "status": status,
        "visibility": visibility,
        "load_number": load_id.hex,
        "version": 1,
        "references": [],
        "commodity": "Paper",
        "equipment": ["van"],
        "weight_kg": 15_000,
        "pieces": 20,
        "has_hazmat": False,
        "price_cents": 250_000,
        "currency": "USD",
        "rate_type": "all_in",
        "loaded_m": 1_270_000.0,
        "distance_source": "estimate",
        "posted_at": None if is_new else now,
        "lease_expires_at": None if is_new else now + timedelta(days=1),
        "stop_count": 2,
        "pickup_lat": start[0],
        "pickup_lon": start[1],
        "pickup_from": now,
        "pickup_until": now + timedelta(days=2),
        "delivery_lat": end[0],
        "delivery_lon": end[1],
        "delivery_from": now,
        "delivery_until": now + timedelta(days=4),
    }


def stops(load: Record, pickup_status: str, delivery_status: str) -> list[Record]:
    return [
        _stop(load, 1, "pickup", pickup_status),
        _stop(load, 2, "delivery", delivery_status),
    ]


def _stop(load: Record, sequence: int, kind: str, status: str) -> Record:
    now = datetime.now(UTC)
    order = ("pending", "arrived", "completed", "departed")
    done = order.index(status)
    return {
        "id": uuid7(),
        "org_id": load["org_id"],
        "load_id": load["id"],
        "sequence": sequence,
        "kind": kind,
        "status": status,
        "address": {"city": "Newark" if kind == "pickup" else "Chicago"},
        "lat": load[f"{kind}_lat"],
        "lon": load[f"{kind}_lon"],
        "window_from": load[f"{kind}_from"],
        "window_until": load[f"{kind}_until"],
        "zone": ZONE,
        "contact": {},
        "arrived_at": now if done > 0 else None,
        "completed_at": now if done > 1 else None,
        "departed_at": now if done > 2 else None,
        "confirmed_at": now if done > 1 and kind == "pickup" else None,
        "confirmed_by": "Dock 4" if done > 1 and kind == "pickup" else None,
    }


def search(driver: Record, stop: Record) -> Record:
    """Return the record of a search that made offers."""
    return {
        "id": uuid7(),
        "org_id": driver["org_id"],
        "driver_id": driver["id"],
        "stop_id": stop["id"],
        "trigger": "drop_completed",
        "outcome": "offered",
        "searched_at": datetime.now(UTC),
        "strategy": "broadcast",
        **{key: {} for key in ("situation", "parameters", "area", "map", "counts")},
        "ranked": [],
        "timings": {},
    }


def offer(search: Record, load: Record, rank: int, status: str = "sent") -> Record:
    now = datetime.now(UTC)
    ended = None if status in {"created", "sent", "seen"} else now
    return {
        "id": uuid7(),
        "org_id": search["org_id"],
        "search_id": search["id"],
        "load_org_id": load["org_id"],
        "load_id": load["id"],
        "driver_id": search["driver_id"],
        "strategy": "broadcast",
        "status": status,
        "rank": rank,
        "score_cents": 100_000 - rank,
        "currency": "USD",
        "terms": [{"name": "price", "unit": "cents", "value": 100_000 - rank}],
        "figures": {"deadhead_m": 15_000.0},
        "snapshot": {"load_number": load["load_number"]},
        "expires_at": now + timedelta(hours=20),
        "sent_at": now,
        "ended_at": ended,
        "responded_at": ended,
    }


def assignment(
    driver: Record, load: Record, *, status: str, offer: Record | None = None
) -> Record:
    return {
        "id": uuid7(),
        "org_id": driver["org_id"],
        "load_org_id": load["org_id"],
        "load_id": load["id"],
        "driver_id": driver["id"],
        "truck_id": driver["truck_id"],
        "offer_id": offer["id"] if offer else None,
        "kind": "backhaul" if offer else "planned",
        "status": status,
        "ended_at": None if status == "active" else datetime.now(UTC),
    }


def override(actor: Record, assignment: Record) -> Record:
    return {
        "id": uuid7(),
        "org_id": actor["org_id"],
        "kind": "unassign",
        "reason": "safety",
        "note": "",
        "actor_id": actor["id"],
        "assignment_id": assignment["id"],
        "before": {},
        "after": {},
        "notified": [],
    }


def event(load: Record, subject: Record, noun: str, kind: str) -> Record:
    """Return an event about a load or about one of its stops or offers."""
    about = {"load_id": str(load["id"])}
    return {
        "org_id": load["org_id"],
        "subject": noun,
        "subject_id": subject["id"],
        "kind": kind,
        "occurred_at": datetime.now(UTC),
        "actor_role": "system",
        "source": "server",
        "body": about | ({"after": load["status"]} if noun == "load" else {}),
    }


def position(driver: Record, number: int) -> Record:
    now = datetime.now(UTC) - timedelta(minutes=number)
    return {
        "driver_id": driver["id"],
        "fix_id": uuid7(),
        "fixed_at": now,
        "corrected_at": now,
        "received_at": now,
        "lat": 41.0 + number / 100,
        "lon": -80.0,
    }


def last_position(position: Record) -> Record:
    return {k: v for k, v in position.items() if k not in {"fix_id", "fixed_at"}}
