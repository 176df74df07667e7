"""Rows of loads, assignments, searches and offers, as the product writes them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from freight.borders import crossings, domestic_country
from freight.lifecycles import OPEN_OFFERS, LoadStatus, OfferAct, StopStatus
from freight.opening import Hours, spans
from freight.roles import POSTERS, Role
from geo.points import Point
from geo.roads import EstimatedRoads
from market.rows import Record
from models.loads.assignments import AssignmentKind, AssignmentStatus
from places.regions import region_of

LEASE = timedelta(days=1)
"""How long a posting lives, as the setting POSTING_LEASE_S says by default."""

ADDRESS = dict.fromkeys(("street", "city", "state", "postal_code")) | {"country": "US"}
CONTACT = dict.fromkeys(("name", "phone", "email"))

_ROADS = EstimatedRoads()
_REPORTED = [*StopStatus]


def stop(
    kind: str,
    place: Point,
    opens: datetime,
    closes: datetime,
    **of_stop: Any,  # noqa: ANN401 - columns
) -> Record:
    """Return a stop for `load`, which sets what depends on the load.

    of_stop: columns that differ; of an address and a contact only what is known.
    """
    made = {
        "kind": kind,
        "status": StopStatus.PENDING,
        "facility": None,
        "address": {},
        "lat": place.lat,
        "lon": place.lon,
        "window_from": opens,
        "window_until": closes,
        "zone": "America/Chicago",
        "opening_hours": None,
        "contact": {},
        "instructions": None,
    } | of_stop
    for name, whole in (("address", ADDRESS), ("contact", CONTACT)):
        made[name] = (whole | made[name]) if made[name] else {}
    region = region_of(Point(made["lat"], made["lon"]), made["address"])
    return made | region._asdict() | {"opening_spans": _spans(made)}


def _spans(stop: Record) -> list[int] | None:
    if stop["opening_hours"] is None:
        return None
    hours = [Hours.from_record(each) for each in stop["opening_hours"]]
    window = [stop[end] for end in ("window_from", "window_until")]
    begin, end = (
        datetime.fromisoformat(at) if isinstance(at, str) else at for at in window
    )
    return spans(hours, stop["zone"], begin, end)


def report(stop: Record, status: str, now: datetime) -> None:
    """Set the stop's status, and the times of the reports up to it."""
    done = _REPORTED.index(StopStatus(status))
    stop["status"] = status
    for number, fact in enumerate(("arrived_at", "completed_at", "departed_at"), 1):
        stop[fact] = now if done >= number else None
    if stop["kind"] == "pickup" and done > 1:
        stop |= {"confirmed_at": now, "confirmed_by": "Dock 4"}


def load(
    poster: Record,
    stops: Sequence[Record],
    now: datetime,
    **of_load: Any,  # noqa: ANN401 - columns
) -> Record:
    """Return a load with these stops, posted on the network; complete the stops.

    of_load: columns that differ.
    """
    load_id = UUID(str(of_load.get("id") or uuid7()))
    first, *_, last = stops
    countries = [stop["country"] for stop in stops]
    points = [Point(stop["lat"], stop["lon"]) for stop in stops]
    made: Record = {
        "id": load_id,
        "org_id": poster["org_id"],
        "posted_by": poster["id"],
        "status": LoadStatus.POSTED,
        "visibility": "network",
        "load_number": f"L{load_id.hex[-10:]}",
        # The product makes a draft, then posts it.
        "version": 2,
        "references": [],
        "commodity": None,
        "equipment": ["van"],
        "weight_kg": 15_000,
        "length_m": None,
        "pieces": 20,
        "has_hazmat": False,
        "temperature_min_c": None,
        "temperature_max_c": None,
        "price_cents": 250_000,
        "currency": "USD",
        "rate_type": "all_in",
        "loaded_m": sum(_ROADS.distance_m(a, b) for a, b in pairwise(points)),
        "loaded_access_m": 0.0,
        "distance_source": _ROADS.source,
        "posted_at": now,
        "lease_expires_at": now + LEASE,
        "stop_count": len(stops),
        "takes_reefers": None,
        "crossings": crossings(countries),
        "domestic_country": domestic_country(countries),
    }
    for end, at in (("pickup", first), ("delivery", last)):
        made |= {f"{end}_lat": at["lat"], f"{end}_lon": at["lon"]}
        made |= {f"{end}_from": at["window_from"], f"{end}_until": at["window_until"]}
        made[f"{end}_place"] = _place(at)
    made |= of_load | {"id": load_id}
    made["equipment"] = sorted(made["equipment"])
    if made["status"] == LoadStatus.DRAFT:
        made |= {"version": 1, "posted_at": None, "lease_expires_at": None}
    ids = {"org_id": made["org_id"], "load_id": made["id"]}
    for sequence, (each, measured) in enumerate(
        zip(stops, _measured(points), strict=True)
    ):
        each |= {"id": uuid7(), "sequence": sequence, **ids, **measured}
    return made


def _measured(points: Sequence[Point]) -> Iterator[Record]:
    """Yield what the product measures of each stop."""
    ways = [None, *(_ROADS.way(a, b) for a, b in pairwise(points))]
    for place, way in zip(_ROADS.places(points).to_bytes(), ways, strict=True):
        yield {
            # As PostgreSQL reads bytes from JSON.
            "road_place": f"\\x{place.hex()}",
            "road_version": _ROADS.version,
            "leg_m": way and way.metres,
            "leg_access_m": way and way.access_m,
        }


def _place(stop: Record) -> str | None:
    parts = [stop["address"].get(name) for name in ("city", "state")]
    return ", ".join(part for part in parts if part) or None


def posting(load: Record, poster: Record, now: datetime) -> Record:
    """Return the event of the posting, or of the draft."""
    allowed = POSTERS | {Role.DISPATCHER}
    is_draft = load["status"] == LoadStatus.DRAFT
    body = {
        "before": LoadStatus.DRAFT,
        "after": LoadStatus.POSTED,
        "lease_expires_at": load["lease_expires_at"],
    }
    return {
        "org_id": load["org_id"],
        "subject": "load",
        "subject_id": load["id"],
        "kind": "load.draft" if is_draft else "load.post",
        "occurred_at": now,
        "actor_id": poster["id"],
        "actor_role": min(Role(role) for role in poster["roles"] if role in allowed),
        "source": "desk",
        "body": {} if is_draft else body,
    }


def assignment(driver: Record, load: Record, *, offer: Record | None = None) -> Record:
    """Return the driver's active assignment to the load."""
    kind = AssignmentKind.BACKHAUL if offer else AssignmentKind.PLANNED
    return {
        "id": uuid7(),
        "org_id": driver["org_id"],
        "load_org_id": load["org_id"],
        "load_id": load["id"],
        "driver_id": driver["id"],
        "truck_id": driver["truck_id"],
        "offer_id": offer["id"] if offer else None,
        "kind": kind,
        "status": AssignmentStatus.ACTIVE,
        "ended_at": None,
    }


def search(driver: Record, stop: Record, now: datetime) -> Record:
    """Return a search that made offers; its figures are empty."""
    return {
        "id": uuid7(),
        "org_id": driver["org_id"],
        "driver_id": driver["id"],
        "stop_id": stop["id"],
        "trigger": "drop_completed",
        "outcome": "offered",
        "searched_at": now,
        "strategy": "broadcast",
        **{key: {} for key in ("situation", "parameters", "area", "map", "counts")},
        "ranked": [],
        "timings": {},
    }


METRES = (
    *("deadhead_m", "loaded_m", "home_deadhead_m", "baseline_m", "detour_m"),
    *("empty_before_m", "empty_after_m"),
)


def offer(
    search: Record, load: Record, rank: int, now: datetime, *, status: str = "sent"
) -> Record:
    """Return an offer of the load to the search's driver; its figures are made up."""
    ended = None if status in OPEN_OFFERS else now
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
        "figures": {
            **dict.fromkeys(METRES, 15_000.0),
            **dict.fromkeys(("pickup_eta", "delivery_eta", "home_eta"), now),
            "added_duty_s": 0.0,
            "pay_cents_per_km": None,
        },
        "snapshot": {"load_number": load["load_number"]},
        "expires_at": now + timedelta(hours=20),
        "sent_at": now,
        "ended_at": ended,
        "responded_at": ended,
    }


def offering(offer: Record, now: datetime) -> Record:
    """Return the event of the offer's creation."""
    return {
        "org_id": offer["org_id"],
        "subject": "offer",
        "subject_id": offer["id"],
        "kind": f"offer.{OfferAct.CREATE}",
        "occurred_at": now,
        "actor_role": Role.SYSTEM,
        "source": "server",
        "body": {
            "load_id": offer["load_id"],
            "driver_id": offer["driver_id"],
            "after": "created",
        },
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
