from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from api.kernel.limits import STATE_HEADER
from freight.roles import Role
from models.fleet.positions import Position
from runtime.db import Session
from tests.api.kernel.conftest import Limited
from tests.world import Caller, World, iso, utcnow


def fix(**fields: Any) -> dict[str, Any]:
    return {
        "fix_id": str(uuid7()),
        "fixed_at": iso(utcnow()),
        "lat": 41.9,
        "lon": -87.6,
    } | fields


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in fix().items() if k != name}


def test_a_batch_is_answered_fix_by_fix_in_its_order(driver: Caller) -> None:
    good, known, nowhere = fix(), fix(), fix(lat=0, lon=0)
    driver.post("/v1/positions", {"fixes": [known]})

    answer = driver.post("/v1/positions", {"fixes": [nowhere, known, good, {}]})

    assert answer.status == 200
    results = answer["results"]
    assert [r["index"] for r in results] == [0, 1, 2, 3]
    assert [r["fix_id"] for r in results] == [
        nowhere["fix_id"],
        known["fix_id"],
        good["fix_id"],
        None,
    ]
    assert [(r["status"], r["reason"]) for r in results] == [
        ("rejected", "no-position"),
        ("duplicate", None),
        ("created", None),
        ("rejected", "invalid-fix"),
    ]
    assert abs(utcnow().timestamp() - _seconds(answer["server_time"])) < 60


def _seconds(text: str) -> float:
    return type(utcnow()).fromisoformat(text).timestamp()


def test_a_batch_has_at_most_a_thousand_fixes(driver: Caller) -> None:
    fixes = [fix() for _ in range(1_000)]

    taken = driver.post("/v1/positions", {"fixes": fixes})
    refused = driver.post("/v1/positions", {"fixes": [*fixes, fix()]})

    assert {r["status"] for r in taken["results"]} == {"created"}
    assert len(taken["results"]) == 1_000
    assert (refused.status, refused.code) == (422, "invalid-request")
    assert refused["errors"][0]["pointer"] == "#/fixes"


class TestTheFixesOfADriver:
    def test_have_a_quota_of_their_own(self, driver: Caller, limited: Limited) -> None:
        phone = replace(driver, app=limited(LIMIT_FIXES_PER_HOUR=10))
        batches = [{"fixes": [fix() for _ in range(n)]} for n in (6, 5, 4)]

        first, refused, last = (phone.post("/v1/positions", b) for b in batches)

        assert (first.status, refused.status, last.status) == (200, 429, 200)
        assert (refused.code, refused["detail"][:26]) == (
            "rate-limited",
            "At most 10 fixes in 3600 s",
        )
        # Until one more is free, each six minutes.
        assert 300 < int(refused.headers["Retry-After"]) <= 360
        assert '"fixes";r=0;' in last.headers[STATE_HEADER]
        assert phone.get("/v1/me").status == 200
        with Session() as session:
            kept = {str(fix_id) for fix_id in session.scalars(select(Position.fix_id))}
        assert [batch["fixes"][0]["fix_id"] in kept for batch in batches] == [
            *(True, False, True)
        ]

    def test_a_batch_above_the_quota_is_taken_alone(
        self, driver: Caller, limited: Limited
    ) -> None:
        phone = replace(driver, app=limited(LIMIT_FIXES_PER_HOUR=2))
        body = {"fixes": [fix() for _ in range(3)]}

        assert [phone.post("/v1/positions", body).status for _ in range(2)] == [
            200,
            429,
        ]


BAD: dict[str, Any] = {
    "swapped": fix(lat=-87.6, lon=41.9),
    "north of all roads": fix(lat=75.1),
    "off the map": fix(lon=180.1),
    "nan": fix(lat=float("nan")),
    "infinity": fix(lon=float("inf")),
    "huge integer": fix(lat=10**400),
    "text": fix(lat="41.9"),
    "boolean": fix(lat=True),
    "null": fix(lat=None),
    "accuracy below 0": fix(accuracy_m=-2),
    "accuracy nan": fix(accuracy_m=float("nan")),
    "speed below 0": fix(speed_mps=-0.1),
    "heading beyond the circle": fix(heading_deg=361),
    "naive": fix(fixed_at="2026-07-01T12:00:00"),
    "epoch": fix(fixed_at=1_780_000_000),
    "no time": fix(fixed_at="yesterday"),
    "beyond time": fix(fixed_at="9999-12-31T23:59:59-12:00"),
    "before time": fix(fixed_at="0001-01-01T00:00:00+14:00"),
    "no uuid": fix(fix_id="7"),
    "lone surrogate": fix(fix_id="\ud800"),
    "nul": fix(fix_id="\0"),
    "unknown field": fix(mood="\0good"),
    "no id": without("fix_id"),
    "no time at all": without("fixed_at"),
    "no fix": None,
    "a list": [],
    "a number": 5,
}


def test_a_bad_fix_is_rejected_and_its_neighbours_are_kept(driver: Caller) -> None:
    fixes = [each for bad in BAD.values() for each in (fix(), bad)]

    answer = driver.post("/v1/positions", {"fixes": [*fixes, fix()]})

    assert answer.status == 200, answer.body
    results = answer["results"]
    assert {r["status"] for r in results[::2]} == {"created"}
    rejected = dict(zip(BAD, results[1::2], strict=True))
    assert {k for k, r in rejected.items() if r["status"] != "rejected"} == set()
    assert all(r["reason"] for r in rejected.values())


def test_a_bad_batch_is_a_problem(driver: Caller) -> None:
    bodies: list[tuple[Any, str]] = [
        ({}, "#/fixes"),
        ({"fixes": []}, "#/fixes"),
        ({"fixes": None}, "#/fixes"),
        ({"fixes": {"0": fix()}}, "#/fixes"),
        ({"fixes": [fix()], "sent_at": "2026-07-01T12:00:00"}, "#/sent_at"),
        ({"fixes": [fix()], "sent_at": 5}, "#/sent_at"),
        ({"fixes": [fix()], "sent_at": "yesterday"}, "#/sent_at"),
        ({"fixes": [fix()], "driver_id": str(uuid7())}, "#/driver_id"),
        ([], "#"),
    ]
    for body, pointer in bodies:
        answer = driver.post("/v1/positions", body)

        assert (answer.status, answer.code) == (422, "invalid-request"), body
        assert [error["pointer"] for error in answer["errors"]] == [pointer]


def test_a_wrong_clock_is_corrected(world: World) -> None:
    carrier = world.company()
    driver = world.driver(carrier, device=None)
    wrong = utcnow() + timedelta(hours=26)

    answer = driver.post(
        "/v1/positions",
        {"sent_at": iso(wrong), "fixes": [fix(fixed_at=iso(wrong))]},
    )

    assert answer["results"][0]["status"] == "created"


@pytest.mark.parametrize("name", ["accuracy_m", "speed_mps", "heading_deg"])
@pytest.mark.parametrize("unknown", [-1, -1.0])
def test_minus_one_is_how_phones_say_unknown(
    driver: Caller, session: OrmSession, name: str, unknown: float
) -> None:
    sent = fix(accuracy_m=5, speed_mps=5, heading_deg=5) | {name: unknown}

    (result,) = driver.post("/v1/positions", {"fixes": [sent]})["results"]

    assert (result["status"], result["reason"]) == ("created", None)
    kept = session.scalars(
        select(Position).where(Position.fix_id == UUID(sent["fix_id"]))
    ).one()
    figures = (kept.accuracy_m, kept.speed_mps, kept.heading_deg)
    assert figures.count(None) == 1
    assert getattr(kept, name) is None


@pytest.mark.parametrize(
    "sent_at",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "+010000-01-01T00:00:00.000Z",
        "1899-12-31T23:59:59Z",
    ],
)
def test_a_batch_sent_by_a_clock_out_of_range_is_kept_as_if_without_it(
    driver: Caller, sent_at: str
) -> None:
    fixes = [fix(), fix(fixed_at="0001-01-01T00:00:00Z"), fix(fixed_at=sent_at)]

    answer = driver.post("/v1/positions", {"sent_at": sent_at, "fixes": fixes})

    assert answer.status == 200, answer.body
    assert [r["status"] for r in answer["results"]] == ["created", *["rejected"] * 2]


def test_only_a_driver_reports_positions(world: World) -> None:
    carrier = world.company()

    for caller in (carrier, world.shipper(), world.member(carrier, Role.DISPATCHER)):
        answer = caller.post("/v1/positions", {"fixes": [fix()]})
        assert (answer.status, answer.code) == (403, "missing-permission")
