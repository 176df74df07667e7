"""Makes up requests: ids of own rows, of foreign rows and of no row, and bodies."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from bench.crowd import CHICAGO, NEW_YORK, Crowd, Person
from bench.rig import PASSWORD
from geo.points import Point

Body = dict[str, Any]

TABLE_OF = {
    "search_id": "backhaul_searches",
    **{
        f"{noun}_id": f"{noun}s"
        for noun in (
            *("area", "assignment", "device", "driver", "flag", "invitation", "load"),
            *("offer", "stop", "truck"),
        )
    },
}
"""The table that the id in a parameter belongs to."""

OWN, FOREIGN, MISSING = 0.6, 0.3, 0.05
"""Shares of the ids: of the caller's company, of another company, of no row. The rest
are ids of another table."""

SHOWN = 0.4
"""Share of the ids that are taken from those an answer showed to the caller, such as a
stop of the caller's load. It is part of OWN."""


@dataclass
class Memory:
    """All ids in the database, and what the answers so far have shown: ids by member,
    cursors, invitation tokens."""

    ids: Mapping[str, Mapping[UUID, list[UUID]]]
    shown: dict[tuple[UUID, str], list[UUID]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cursors: dict[str, dict[UUID, str]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    invited: dict[UUID, str] = field(default_factory=dict)
    _table_of: dict[UUID, str] = field(default_factory=dict)

    def renew(self, ids: Mapping[str, Mapping[UUID, list[UUID]]]) -> None:
        """Replace the known ids by those that are in the database now."""
        self.ids = ids
        self._table_of = {
            row_id: table
            for table, by_owner in ids.items()
            for found in by_owner.values()
            for row_id in found
        }

    def learn(self, member_id: UUID, ids: Iterable[UUID]) -> None:
        """Note the ids that this member was shown."""
        for row_id in sorted(ids):
            if row_id in self._table_of:
                self.shown[member_id, self._table_of[row_id]].append(row_id)


@dataclass
class Asking:
    """Makes one request of `person`: the ids, the query and the body."""

    crowd: Crowd
    memory: Memory
    rng: Random
    person: Person

    def id_of(self, table: str) -> str:
        """Return an id of this table: own, foreign, missing or of another table."""
        luck = self.rng.random()
        if luck >= OWN + FOREIGN + MISSING:
            table = self.rng.choice(list(self.memory.ids))
        by_owner = self.memory.ids[table]
        mine = self.person.org_id
        others = [owner for owner in by_owner if owner != mine]
        known = self.memory.shown[self.person.member["id"], table]
        if luck < SHOWN and known:
            return str(self.rng.choice(known))
        if luck < OWN and mine in by_owner:
            return str(self.rng.choice(by_owner[mine]))
        if luck < OWN + FOREIGN and others:
            return str(self.rng.choice(by_owner[self.rng.choice(others)]))
        return str(uuid4())

    def path(self, template: str) -> str:
        """Fill the parameters of a path."""

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            return self.id_of(TABLE_OF[name]) if name in TABLE_OF else "not-found"

        return re.sub(r"\{(\w+)\}", fill, template)

    def query(self, path: str, names: set[str]) -> str:
        """Return a query of some of these parameters, with its question mark."""
        given: dict[str, object] = {}
        if "limit" in names and self.rng.random() < 0.7:
            given["limit"] = self.rng.choice([1, 3, 20, 200])
        if "cursor" in names and self.rng.random() < 0.3:
            cursors = self.memory.cursors[path]
            # Those of other members too: a cursor contains an id.
            if cursors:
                given["cursor"] = self.rng.choice(list(cursors.values()))
        if "load_id" in names:
            given["load_id"] = self.id_of("loads")
        if "driver_id" in names and self.rng.random() < 0.5:
            given["driver_id"] = self.id_of("drivers")
        if "is_open" in names and self.rng.random() < 0.5:
            given["is_open"] = "true"
        return f"?{urlencode(given)}" if given else ""

    def body(self, operation: str) -> Body | None:
        """Return a plausible body; None where none is sent.

        operation: method and path as the document has them.
        """
        make = BODIES.get(operation)
        return make(self) if make else None

    def maybe(self, name: str, table: str) -> Body:
        return {name: self.id_of(table)} if self.rng.random() < 0.5 else {}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _stop(asking: Asking, kind: str, city: Point, hours: int) -> Body:
    place = asking.crowd.near(city)
    return {
        "kind": kind,
        "lat": place.lat,
        "lon": place.lon,
        "window_from": _now(),
        "window_until": (datetime.now(UTC) + timedelta(hours=hours)).isoformat(),
        "zone": "America/Chicago",
    }


def _load(asking: Asking) -> Body:
    return {
        "equipment": ["van"],
        "price_cents": 250_000,
        "visibility": asking.rng.choice(["network", "network", "private"]),
        "stops": [
            _stop(asking, "pickup", NEW_YORK, 48),
            _stop(asking, "delivery", CHICAGO, 96),
        ],
    } | asking.maybe("id", "loads")


def _report(asking: Asking) -> Body:
    return {"occurred_at": _now()}


def _departure(asking: Asking) -> Body:
    release = {"release_reason": "safety", "release_note": "ice"}
    return _report(asking) | (release if asking.rng.random() < 0.5 else {})


def _override(asking: Asking) -> Body:
    kinds = (
        *("reassign", "unassign", "abandon", "take_over"),
        *("force_assign", "withdraw_offer"),
    )
    return {
        "kind": asking.rng.choice(kinds),
        "reason": "safety",
        **asking.maybe("driver_id", "drivers"),
        **asking.maybe("load_id", "loads"),
        **asking.maybe("offer_id", "offers"),
    }


def _fixes(asking: Asking) -> Body:
    fix = {"fixed_at": _now(), "lat": 41.0, "lon": -80.0}
    return {"fixes": [fix | {"fix_id": str(uuid4())} for _ in range(3)]}


def _refresh(asking: Asking) -> Body:
    """The caller's own token, or one that names another member's sign-in."""
    own = asking.crowd.refresh_token(asking.person)
    _, generation, tail = own.split(".")
    stranger = asking.crowd.rng.choice(asking.crowd.people).family["id"]
    forged = f"{stranger}.{generation}.{tail}"
    device_id = asking.person.device_id
    return {
        "refresh_token": own if asking.rng.random() < 0.7 else forged,
        "device_id": str(device_id) if device_id else None,
    }


def _area(asking: Asking) -> Body:
    ring = [[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]
    return {
        "kind": "no_go",
        "name": "Waco",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    } | asking.maybe("driver_id", "drivers")


def _device(asking: Asking) -> Body:
    return {
        "platform": "android",
        "target_kind": "fid",
        "target": f"ok-{uuid4()}",
        "app_version": "1.0",
        "locale": "en",
    }


BODIES: Mapping[str, Callable[[Asking], Body]] = {
    "POST /v1/sessions": lambda asking: {
        "login": asking.person.member["email"],
        "password": PASSWORD,
    },
    "POST /v1/sessions/refresh": _refresh,
    "POST /v1/invitations": lambda asking: {
        "name": "Newcomer",
        "email": f"{uuid4()}@example.com",
        "roles": [asking.rng.choice(["driver", "dispatcher", "shipper", "broker"])],
    },
    "POST /v1/invitations/acceptance": lambda asking: {
        "token": asking.memory.invited.pop(asking.person.org_id, "none"),
        "password": PASSWORD,
    },
    "POST /v1/password-resets": lambda asking: {"login": asking.person.member["email"]},
    "POST /v1/password-resets/completion": lambda asking: {
        "token": str(uuid4()),
        "new_password": PASSWORD,
    },
    "PUT /v1/me/password": lambda asking: {
        "current_password": PASSWORD,
        "new_password": PASSWORD,
    },
    "POST /v1/me/second-factor": lambda asking: {"current_password": PASSWORD},
    "PUT /v1/me/second-factor/confirmation": lambda asking: {"code": "123456"},
    "POST /v1/me/second-factor/removal": lambda asking: {"code": "123456"},
    "PATCH /v1/organisation": lambda asking: {"hour_cents": 1_500},
    "PUT /v1/trucks/{truck_id}": lambda asking: {
        "unit_number": f"N{uuid4()}"[:20],
        "equipment": "van",
    },
    "PATCH /v1/drivers/{driver_id}": lambda asking: {
        "home_label": "Gary, IN",
        **asking.maybe("truck_id", "trucks"),
    },
    "PUT /v1/areas/{area_id}": _area,
    "PUT /v1/devices/{device_id}": _device,
    "POST /v1/positions": _fixes,
    "POST /v1/loads": _load,
    "PATCH /v1/loads/{load_id}": lambda asking: {"price_cents": 260_000},
    "PUT /v1/flags/{flag_id}/end": lambda asking: {"word": "seen"},
    "PUT /v1/loads/{load_id}/cancellation": lambda asking: {"reason": "sold"},
    "PUT /v1/loads/{load_id}/interruption": lambda asking: {"reason": "recall"},
    "PUT /v1/loads/{load_id}/return": lambda asking: {"note": "back"},
    "PUT /v1/loads/{load_id}/delivery": lambda asking: {"note": "by another truck"},
    "PUT /v1/assignments/{assignment_id}/hand-back": lambda asking: {"reason": "hours"},
    "POST /v1/assignments": lambda asking: {
        "load_id": asking.id_of("loads"),
        "driver_id": asking.id_of("drivers"),
        **asking.maybe("id", "assignments"),
        "reason": "customer_request",
    },
    "POST /v1/assignments/{assignment_id}/override": _override,
    "POST /v1/overrides": _override,
    "POST /v1/backhaul-searches": lambda asking: {
        **asking.maybe("driver_id", "drivers"),
        "is_dry_run": asking.rng.random() < 0.5,
    },
    "POST /v1/offers": lambda asking: {
        "search_id": asking.id_of("backhaul_searches"),
        "load_id": asking.id_of("loads"),
    },
    "PUT /v1/offers/{offer_id}/decline": lambda asking: {"reason": "price"},
    "PUT /v1/stops/{stop_id}/arrival": _report,
    "PUT /v1/stops/{stop_id}/completion": _report,
    "PUT /v1/stops/{stop_id}/departure": _departure,
    "PUT /v1/stops/{stop_id}/pickup-confirmation": lambda asking: {
        "confirmed_by": "Dock"
    },
}
"""Makes a body, by operation. `bench.tenants` stops at an operation that takes a body
and is missing here."""
