"""How much one request may carry: n is accepted and n + 1 refused."""

import gzip
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import sessionmaker
from uuid_utils.compat import uuid7

from api.app import create_app, make_posting_rules
from api.kernel import bodies
from api.kernel.bodies import MOST_ITEMS, MOST_LEVELS, MOST_SEPARATORS
from api.kernel.headers import MOST_HEADER_BYTES
from geo.drawings import MAX_VERTICES
from geo.roads import EstimatedRoads
from runtime.db import Session, make_engine
from tests import codes
from tests.api.kernel.test_problems import pointers, send
from tests.world import Caller, World, iso, utcnow

JSON = {"Content-Type": "application/json"}
GZIP = JSON | {"Content-Encoding": "gzip"}


def truck(size: int = 0) -> bytes:
    """Return a truck's body, padded with spaces to `size` bytes."""
    raw = b'{"unit_number": "T1", "equipment": "van"}'
    return raw[:-1] + b" " * (size - len(raw)) + b"}"


def put(caller: Caller, raw: bytes, **headers: str):
    sent = {"Authorization": f"Bearer {caller.token}"} | headers
    client = caller.app.test_client()
    return client.put(f"/v1/trucks/{uuid7()}", data=raw, headers=sent)


def trucks(caller: Caller) -> int:
    return len(caller.get("/v1/trucks")["data"])


class TestSize:
    @pytest.mark.parametrize("over", [0, 1])
    def test_a_body_has_a_limit(self, world: World, over: int) -> None:
        caller = world.company()

        answer = put(caller, truck(world.settings.MAX_BODY_BYTES + over), **JSON)

        assert answer.status_code == (413 if over else 200)
        assert trucks(caller) == (0 if over else 1)

    @pytest.mark.parametrize("over", [0, 1])
    def test_an_unpacked_body_has_a_limit(self, world: World, over: int) -> None:
        caller = world.company()
        raw = gzip.compress(truck(world.settings.MAX_BODY_BYTES + over))
        assert len(raw) < world.settings.MAX_BODY_BYTES

        answer = put(caller, raw, **GZIP)

        assert answer.status_code == (413 if over else 200)
        assert trucks(caller) == (0 if over else 1)

    @pytest.mark.parametrize("separator", [",", "[", "{"])
    @pytest.mark.parametrize("over", [0, 1])
    def test_a_body_has_a_limit_of_values(
        self, world: World, separator: str, over: int
    ) -> None:
        many = separator * (MOST_SEPARATORS - 1 + over)

        problem = send(
            world.company(),
            "PUT",
            f"/v1/trucks/{uuid7()}",
            f'{{"x": "{many}"}}'.encode(),
            **JSON,
        )

        assert problem["code"] == "invalid-request"
        assert ("Too many values." in str(problem)) == bool(over)
        assert ("#/x" in pointers(problem)) == (not over)

    def test_lists_of_nothing_are_refused_before_they_are_made(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = gzip.compress(b"[" + b"[]," * 300_000 + b"[]]")
        monkeypatch.setattr(bodies, "_parsed", None)

        answer = put(world.company(), many, **GZIP)

        assert answer.status_code == 422

    def test_a_gzip_bomb_is_refused(self, world: World) -> None:
        packer = zlib.compressobj(9, wbits=31)
        zeros = bytes(2**20)
        bomb = b"".join(packer.compress(zeros) for _ in range(512)) + packer.flush()
        assert len(bomb) < world.settings.MAX_BODY_BYTES

        assert put(world.company(), bomb, **GZIP).status_code == 413

    @pytest.mark.parametrize("over", [0, 1])
    def test_the_headers_have_a_limit(self, world: World, over: int) -> None:
        caller = Caller(world.app, "")
        known = {"Host": "localhost", "User-Agent": "x"}
        used = sum(len(k) + len(v) for k, v in known.items()) + len("/healthz?")
        padding = {"X-Padding": "x" * (MOST_HEADER_BYTES - used - 9 + over)}

        answer = caller.app.test_client().get("/healthz", headers=known | padding)

        assert answer.status_code == (431 if over else 200)
        if over:
            assert answer.get_json()["code"] == "headers-too-large"


class TestGzip:
    def test_a_gzip_body_is_read(self, world: World) -> None:
        assert put(world.company(), gzip.compress(truck()), **GZIP).status_code == 200

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"no gzip",
            gzip.compress(truck())[:-9],
            gzip.compress(truck()) + b"more",
            zlib.compress(truck()),
        ],
        ids=["empty", "plain", "cut", "tail", "zlib"],
    )
    def test_broken_gzip_is_malformed(self, world: World, raw: bytes) -> None:
        problem = send(world.company(), "PUT", f"/v1/trucks/{uuid7()}", raw, **GZIP)

        assert (problem["status"], problem["code"]) == (400, "malformed-request")

    @pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "x"])
    def test_another_coding_is_not_supported(self, world: World, coding: str) -> None:
        headers = JSON | {"Content-Encoding": coding}
        raw = gzip.compress(truck())

        problem = send(world.company(), "PUT", f"/v1/trucks/{uuid7()}", raw, **headers)

        assert (problem["status"], problem["code"]) == (415, "unsupported-media-type")


def nested(levels: int) -> Any:
    """Return lists and objects in turn, `levels` deep."""
    value: Any = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


def area(geometry: Any) -> dict[str, Any]:
    return {"kind": "operating", "name": "Home", "geometry": geometry}


def wheel(vertices: int) -> dict[str, Any]:
    """Return a polygon of `vertices` corners; the first is repeated at the end."""
    steps = vertices - 1
    ring = [[-90 + index * 2 / steps, 40.0] for index in range(steps)]
    ring = [*ring, [-89.0, 42.0], ring[0]]
    return {"type": "Polygon", "coordinates": [ring]}


def draw(caller: Caller, geometry: Any):
    return caller.put(f"/v1/areas/{uuid7()}", area(geometry))


class TestShape:
    @pytest.mark.parametrize("over", [0, 1])
    def test_nesting_has_a_limit(self, world: World, over: int) -> None:
        # The body and `geometry` are two levels themselves.
        answer = draw(world.company(), {"a": nested(MOST_LEVELS - 2 + over)})

        assert answer.status == 422
        is_deep = answer["errors"][0]["detail"] == f"More than {MOST_LEVELS} levels."
        assert is_deep is bool(over)

    @pytest.mark.parametrize("over", [0, 1])
    def test_fixes_of_a_batch_have_a_limit(self, world: World, over: int) -> None:
        driver = world.driver(world.company(), device=None)
        fixes = [
            {
                "fix_id": str(uuid7()),
                "fixed_at": iso(utcnow()),
                "lat": 41.0,
                "lon": -87.0,
            }
            for _ in range(MOST_ITEMS + over)
        ]

        answer = driver.post("/v1/positions", {"fixes": fixes})

        assert answer.status == (422 if over else 200)

    @pytest.mark.parametrize("over", [0, 1])
    def test_items_of_a_body_have_a_limit(self, world: World, over: int) -> None:
        answer = draw(world.company(), {"a": [1] * (MOST_ITEMS + over)})

        assert answer.status == 422
        said = answer["errors"][0]["detail"]
        assert (said == "More than 1000 items.") is bool(over)

    @pytest.mark.parametrize("over", [0, 1])
    def test_vertices_have_a_limit(self, world: World, over: int) -> None:
        caller = world.company()

        answer = draw(caller, wheel(MAX_VERTICES + over))

        assert answer.status == (422 if over else 200), answer.body
        assert len(caller.get("/v1/areas")["data"]) == (0 if over else 1)

    @pytest.mark.parametrize("over", [0, 1])
    def test_stops_of_a_load_have_a_limit(self, world: World, over: int) -> None:
        shipper = world.shipper()
        body = world.load_body()
        first, last = body["stops"]

        body["stops"] = [first] + [last] * (19 + over)
        answer = shipper.post("/v1/loads", body)

        assert answer.status == (422 if over else 201)
        if over:
            assert pointers(answer.body) == ["#/stops"]


class TestNamesGivenTwice:
    """One of two parsers would take the first value, the other the last."""

    @pytest.mark.parametrize(
        ("raw", "pointer"),
        [
            (
                b'{"unit_number": "T1", "equipment": "van", "unit_number": "T2"}',
                "/unit_number",
            ),
            (b'{"unit_number": "T1", "unit_number": "T1"}', "/unit_number"),
            # The same name, written in two ways.
            (b'{"equipment": "van", "e\\u0071uipment": "reefer"}', "/equipment"),
            (b'{"more": [1, {"a": [{"b~/": 1, "b~/": 2}]}]}', "/more/1/a/0/b~0~1"),
            (b'{"a": {"b": 1, "b": 1}, "a": 1}', "/a"),
        ],
        ids=["other", "equal", "escaped", "deep", "hidden by another"],
    )
    def test_are_malformed_at_any_depth(
        self, world: World, raw: bytes, pointer: str
    ) -> None:
        caller = world.company()

        problem = send(caller, "PUT", f"/v1/trucks/{uuid7()}", raw, **JSON)

        assert (problem["status"], problem["code"]) == (400, "malformed-request")
        assert pointers(problem) == [f"#{pointer}"]
        assert trucks(caller) == 0

    def test_of_a_fix_refuse_the_batch(self, world: World) -> None:
        driver = world.driver(world.company(), device=None)
        fix = (
            f'{{"fix_id": "{uuid7()}", "fixed_at": "{iso(utcnow())}",'
            ' "lat": 41.0, "lon": -87.0, "lat": 42.0}'
        )
        raw = f'{{"fixes": [{fix}]}}'.encode()
        kept = text("select count(*) from positions")
        with Session() as session:
            before = session.scalar(kept)

        problem = send(driver, "POST", "/v1/positions", raw, **JSON)

        assert (problem["status"], pointers(problem)) == (400, ["#/fixes/0/lat"])
        with Session() as session:
            assert session.scalar(kept) == before

    def test_in_two_objects_are_two_names(self, world: World) -> None:
        raw = b'{"kind": "operating", "name": "x", "geometry": {"name": 1, "kind": 2}}'

        problem = send(world.company(), "PUT", f"/v1/areas/{uuid7()}", raw, **JSON)

        assert problem["status"] == 422


class TestTime:
    @pytest.mark.parametrize("takes_s", [0.1, 60])
    def test_a_slow_statement_is_cut_off(self, world: World, takes_s: float) -> None:
        settings = replace(world.settings, STATEMENT_TIMEOUT_S=1)
        app = codes.watch(
            create_app(
                settings,
                world.keys,
                make_posting_rules(settings, EstimatedRoads()),
                schema_head="x",
            )
        )
        impatient = make_engine(settings)
        factory: sessionmaker[OrmSession] = sessionmaker(impatient)

        @app.get("/slow")
        def slow() -> str:
            with factory() as session:
                session.execute(text("select pg_sleep(:s)"), {"s": takes_s})
            return json.dumps("done")

        answer = app.test_client().get("/slow")

        impatient.dispose()
        if takes_s < 1:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 503
            assert answer.get_json()["code"] == "unavailable"
            assert int(answer.headers["Retry-After"]) > 0
        assert Session is not factory
