"""Every mistake in a request about a load is a problem, and nothing is written."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from tests.world import CHICAGO, NEW_YORK, Answer, Caller, World, iso, utcnow

TABLES = ("loads", "stops", "events", "procrastinate_jobs", "overrides")

NAN, INF = float("nan"), float("inf")

FIELDS: list[tuple[str, Any, str]] = [
    ("commodity", "", "commodity"),
    ("commodity", "a\0b", "commodity"),
    ("commodity", "\ud800", "commodity"),
    ("commodity", "bell\a", "commodity"),
    ("commodity", "x" * 201, "commodity"),
    ("commodity", 5, "commodity"),
    ("load_number", None, "load_number"),
    ("load_number", "", "load_number"),
    ("id", "7", "id"),
    ("is_draft", "perhaps", "is_draft"),
    ("weight_kg", -1, "weight_kg"),
    ("weight_kg", 1.5, "weight_kg"),
    ("weight_kg", "15000", "weight_kg"),
    ("weight_kg", True, "weight_kg"),
    ("weight_kg", 2**31, "weight_kg"),
    ("weight_kg", 10**400, "weight_kg"),
    ("pieces", -1, "pieces"),
    ("length_m", -0.1, "length_m"),
    ("length_m", NAN, "length_m"),
    ("length_m", INF, "length_m"),
    ("length_m", 10**400, "length_m"),
    ("length_m", "16", "length_m"),
    ("price_cents", None, "price_cents"),
    ("price_cents", -1, "price_cents"),
    ("price_cents", NAN, "price_cents"),
    ("currency", "usd", "currency"),
    ("currency", ["USD"], "currency"),
    ("visibility", "secret", "visibility"),
    ("visibility", {}, "visibility"),
    ("rate_type", 5, "rate_type"),
    ("equipment", [], "equipment"),
    ("equipment", None, "equipment"),
    ("equipment", "van", "equipment"),
    ("equipment", ["rocket"], "equipment/0"),
    ("equipment", ["van", {}], "equipment/1"),
    ("temperature_min_c", -101, "temperature_min_c"),
    ("temperature_max_c", "cold", "temperature_max_c"),
    ("references", [{"qualifier": "PO"}], "references/0/value"),
    ("references", [{"qualifier": "PO", "value": "\0"}], "references/0/value"),
    ("has_hazmat", [], "has_hazmat"),
    ("takes_reefers", "yes", "takes_reefers"),
    ("takes_reefers", 1, "takes_reefers"),
    ("wings", 2, "wings"),
    ("a/b~c", 1, "a~1b~0c"),
    ("stops", None, "stops"),
    ("stops", [], "stops"),
    ("stops", {"0": {}}, "stops"),
]

STOP: list[tuple[dict[str, Any], str]] = [
    ({"lat": -87.6, "lon": 41.9}, "lat"),
    ({"lat": 0, "lon": 0}, "lat"),
    ({"lat": NAN}, "lat"),
    ({"lat": INF}, "lat"),
    ({"lat": "41.9"}, "lat"),
    ({"lat": True}, "lat"),
    ({"lat": None}, "lat"),
    ({"lon": 180.5}, "lon"),
    ({"kind": "party"}, "kind"),
    ({"zone": "Mars/Base"}, "zone"),
    ({"zone": "localtime"}, "zone"),
    ({"zone": ["UTC"]}, "zone"),
    ({"window_from": "2040-01-02T00:00:00Z"}, "window_until"),
    ({"window_from": "2026-07-01T12:00:00"}, "window_from"),
    ({"window_from": 1_780_000_000}, "window_from"),
    ({"window_from": "soon"}, "window_from"),
    ({"window_from": "0001-01-01T00:00:00+14:00"}, "window_from"),
    ({"window_until": "9999-12-31T23:59:59Z"}, "window_until"),
    ({"address": {"country": "usa"}}, "address/country"),
    ({"address": {"city": "\0"}}, "address/city"),
    ({"contact": {"phone": 5}}, "contact/phone"),
    ({"instructions": "\ud800"}, "instructions"),
    ({"gate": 4}, "gate"),
    ({"status": "completed"}, "status"),
]


@pytest.fixture
def shipper(world: World) -> Caller:
    return world.shipper()


@pytest.fixture
def rows(session: OrmSession) -> Callable[[], list[int]]:
    def count() -> list[int]:
        return [
            session.scalar(text(f"select count(*) from {table}")) or 0
            for table in TABLES
        ]

    return count


def pointers(answer: Answer) -> list[str]:
    assert (answer.status, answer.code) == (422, "invalid-request"), answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    return [error["pointer"].removeprefix("#/") for error in answer["errors"]]


def test_every_bad_field_is_named_and_nothing_is_written(
    world: World, shipper: Caller, rows: Callable[[], list[int]]
) -> None:
    load, before = world.load(shipper), rows()
    before = rows()

    for name, value, pointer in FIELDS:
        body = world.load_body() | {name: value}
        assert pointers(shipper.post("/v1/loads", body)) == [pointer], (name, value)
        if name not in {"id", "is_draft"}:
            edited = shipper.patch(f"/v1/loads/{load['id']}", {name: value})
            assert pointers(edited) == [pointer], (name, value)

    assert rows() == before
    assert shipper.get(f"/v1/loads/{load['id']}").body == load


def test_every_bad_part_of_a_stop_is_named(
    world: World, shipper: Caller, rows: Callable[[], list[int]]
) -> None:
    before, (first, last) = rows(), world.load_body()["stops"]

    for fields, pointer in STOP:
        stops = [first, last | fields]
        answer = shipper.post("/v1/loads", world.load_body(stops=stops))
        assert pointers(answer) == [f"stops/1/{pointer}"], fields

    assert rows() == before


@pytest.mark.parametrize(
    ("kinds", "pointer"),
    [
        ("p", "stops"),
        ("pp", "stops"),
        ("dd", "stops"),
        ("dp", "stops"),
        ("p" + "d" * 20, "stops"),
    ],
)
def test_a_route_goes_from_a_pickup_to_a_delivery(
    world: World, shipper: Caller, kinds: str, pointer: str
) -> None:
    words = {"p": "pickup", "d": "delivery"}
    stops = [world.stop_body(words[kind], CHICAGO) for kind in kinds]

    answer = shipper.post("/v1/loads", world.load_body(stops=stops))

    assert pointers(answer) == [pointer]


def test_a_window_cannot_end_before_the_one_before_it_begins(
    world: World, shipper: Caller, rows: Callable[[], list[int]]
) -> None:
    before = rows()
    stops = [
        world.stop_body("pickup", NEW_YORK, 10, 20),
        world.stop_body("delivery", CHICAGO, 1, 9),
    ]

    answer = shipper.post("/v1/loads", world.load_body(stops=stops))

    assert pointers(answer) == ["stops/1/window_until"]
    assert rows() == before


def test_temperatures_are_given_from_low_to_high(
    world: World, shipper: Caller, rows: Callable[[], list[int]]
) -> None:
    load = world.load(
        shipper, equipment=["reefer"], temperature_min_c=2, temperature_max_c=8
    )
    before = rows()

    posted = shipper.post(
        "/v1/loads", world.load_body(temperature_min_c=9, temperature_max_c=8)
    )
    edited = shipper.patch(f"/v1/loads/{load['id']}", {"temperature_min_c": 9})

    for answer in (posted, edited):
        assert pointers(answer) == ["temperature_min_c"]
    assert rows() == before


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 422, "invalid-request"),
        (b"null", 422, "invalid-request"),
        (b"[]", 422, "invalid-request"),
        (b'"text"', 422, "invalid-request"),
        (b"{", 400, "malformed-request"),
        (b"\xff\xfe{}", 400, "malformed-request"),
        (b'{"price_cents": ' + b"9" * 5_000 + b"}", 400, "malformed-request"),
        (b"[" * 10_000, 400, "malformed-request"),
        # More than a body may have, so it is not parsed.
        (b"[" * 100_000, 422, "invalid-request"),
        (b'{"commodity": "raw \x00 nul"}', 400, "malformed-request"),
    ],
    ids=lambda body: repr(body)[:20],
)
def test_a_body_that_cannot_be_read_is_a_problem(
    shipper: Caller, raw: bytes, status: int, code: str
) -> None:
    answer = send(shipper, raw, "application/json")

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"


def test_a_body_that_is_not_json_is_a_problem(shipper: Caller) -> None:
    answer = send(shipper, b"a=1", "application/x-www-form-urlencoded")

    assert (answer.status_code, answer.json["code"]) == (415, "unsupported-media-type")


def send(caller: Caller, raw: bytes, content_type: str) -> Any:
    with caller.app.test_client() as client:
        return client.post(
            "/v1/loads",
            data=raw,
            headers={
                "Authorization": f"Bearer {caller.token}",
                "Content-Type": content_type,
                "Idempotency-Key": "1",
            },
        )


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "\0"}, {"reason": 5}])
def test_a_load_is_cancelled_with_a_reason_only(
    world: World, shipper: Caller, body: dict[str, Any]
) -> None:
    load = world.load(shipper)

    answer = shipper.put(f"/v1/loads/{load['id']}/cancellation", body)

    assert pointers(answer) == ["reason"]
    assert shipper.get(f"/v1/loads/{load['id']}")["status"] == "posted"


def test_every_bad_part_of_a_report_is_named_and_nothing_is_written(
    world: World, shipper: Caller, rows: Callable[[], list[int]]
) -> None:
    carrier = world.company()
    driver, load = world.driver(carrier, device=None), world.load(shipper)
    world.assign(carrier, driver, load)
    stop_id, at, before = load["stops"][0]["id"], iso(utcnow()), rows()
    bad: list[tuple[dict[str, Any], str]] = [
        ({"occurred_at": None}, "occurred_at"),
        ({"occurred_at": "2026-07-01T12:00:00"}, "occurred_at"),
        ({"occurred_at": "9999-12-31 Z"}, "occurred_at"),
        ({"occurred_at": {"$date": 5}}, "occurred_at"),
        ({"sent_at": "0001-01-01T00:00:00"}, "sent_at"),
        ({"sent_at": 5}, "sent_at"),
        ({"position": [-90.1, 41.9]}, "position/_schema"),
        ({"position": {"lat": "NaN", "lon": 1}}, "position/lat"),
        ({"position": {"lat": 41.9, "lon": []}}, "position/lon"),
        ({"position": {"lat": True, "lon": None}}, "position/lat"),
        ({"position": {"lat": 1, "lon": 1, "accuracy_m": ""}}, "position/accuracy_m"),
        ({"position": {"lat": None, "speed_mps": "x"}}, "position/speed_mps"),
        ({"driver_id": stop_id}, "driver_id"),
    ]

    for fact in ("arrival", "completion", "departure"):
        for fields, pointer in bad:
            answer = driver.put(
                f"/v1/stops/{stop_id}/{fact}", {"occurred_at": at} | fields
            )
            assert pointers(answer) == [pointer], (fact, fields)
    for fields, pointer in [
        ({"release_reason": "mood"}, "release_reason"),
        ({"release_note": "\0"}, "release_note"),
        ({"release_note": "\ud800"}, "release_note"),
        ({"release_note": "x" * 2001}, "release_note"),
    ]:
        answer = world.report(carrier, stop_id, "departure", **fields)
        assert pointers(answer) == [pointer], fields
    for fields, pointer in [
        ({"confirmed_by": None}, "confirmed_by"),
        ({"confirmed_by": "\0"}, "confirmed_by"),
        ({"pieces": -1}, "pieces"),
        ({"weight_kg": 2**31}, "weight_kg"),
        ({"weight_kg": "15000"}, "weight_kg"),
        ({"seal_number": "x" * 61}, "seal_number"),
        ({"bol_number": []}, "bol_number"),
        ({"confirmed_at": "2026-07-01T12:00:00"}, "confirmed_at"),
    ]:
        answer = world.confirm(shipper, stop_id, **fields)
        assert pointers(answer) == [pointer], fields

    assert rows() == before
