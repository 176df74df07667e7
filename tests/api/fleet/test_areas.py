"""Areas: GeoJSON polygons, the reasons for refusing one, and how many there may be."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from geo.areas import MAX_DRAWN_VERTICES
from geo.drawings import MAX_VERTICES
from runtime.config import Settings
from runtime.db import Session
from services.fleet import areas
from services.fleet.areas import MOST_AREAS, MOST_VERTICES
from tests.world import Answer, Caller, World

SQUARE = [[-88.0, 41.0], [-87.0, 41.0], [-87.0, 42.0], [-88.0, 42.0], [-88.0, 41.0]]
HOLE = [[-87.6, 41.4], [-87.6, 41.6], [-87.4, 41.6], [-87.4, 41.4], [-87.6, 41.4]]


def polygon(*rings: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(ring) for ring in rings]}


def wheel(corners: int) -> dict[str, Any]:
    """Return a ring of `corners` corners; its first is repeated at the end."""
    turns = [2 * math.pi * i / corners for i in range(corners)]
    ring = [[-88 + math.cos(t), 41 + math.sin(t)] for t in turns]
    return polygon([*ring, ring[0]])


def put(
    caller: Caller, geometry: Any = None, area_id: str | None = None, **fields: Any
) -> Answer:
    body = {"kind": "operating", "name": "Home", "geometry": geometry} | fields
    if geometry is None:
        body["geometry"] = polygon(SQUARE)
    return caller.put(f"/v1/areas/{area_id or uuid7()}", body)


def listed(caller: Caller) -> list[str]:
    return [row["id"] for row in caller.get("/v1/areas?limit=200")["data"]]


def fill(caller: Caller, count: int) -> list[str]:
    """Copy an area until the company has so many."""
    first = put(caller)["id"]
    with Session.begin() as session:
        session.execute(
            text(
                "insert into areas (id, org_id, kind, name, geometry)"
                " select gen_random_uuid(), org_id, kind, name, geometry"
                " from areas, generate_series(2, :count) where id = :first"
            ),
            {"first": first, "count": count},
        )
    return listed(caller)


class TestPutArea:
    @pytest.mark.parametrize(
        "geometry",
        [
            polygon(SQUARE),
            polygon(SQUARE, HOLE),
            {
                "type": "MultiPolygon",
                "coordinates": [[SQUARE], [[[x + 5, y] for x, y in SQUARE]]],
            },
        ],
        ids=["polygon", "hole", "two parts"],
    )
    def test_is_shown_as_it_was_drawn(self, boss: Caller, geometry: Any) -> None:
        made = put(boss, geometry)

        assert made.status == 200
        assert made["geometry"] == geometry
        assert made["driver_id"] is None

    def test_rings_are_turned_to_the_right_hand_rule(self, boss: Caller) -> None:
        made = put(boss, polygon(SQUARE[::-1]))

        corners = made["geometry"]["coordinates"][0]
        assert [tuple(c) for c in corners[:2]] != [tuple(c) for c in SQUARE[::-1][:2]]
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(corners))
        assert area > 0

    @pytest.mark.parametrize(
        "foreign",
        [{"crs": {"a": 1}}, {"x": "\0"}, {"x": float("nan")}, {"bbox": [0, 0, 1, 1]}],
        ids=str,
    )
    def test_foreign_members_are_refused_or_not_kept(
        self, boss: Caller, foreign: dict[str, Any]
    ) -> None:
        made = put(boss, polygon(SQUARE) | foreign)

        if made.status == 422:
            assert made["errors"][0]["pointer"].startswith("#/geometry")
        else:
            assert (made.status, made["geometry"]) == (200, polygon(SQUARE))

    @pytest.mark.parametrize(
        ("geometry", "words"),
        [
            ({}, "Polygon"),
            ({"type": "Point", "coordinates": [0, 0]}, "Polygon"),
            ({"type": [], "coordinates": []}, "Polygon"),
            ({"type": "Polygon"}, "lists"),
            ({"type": "Polygon", "coordinates": []}, "empty"),
            ({"type": "Polygon", "coordinates": "x"}, "lists"),
            ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "number"),
            (polygon(SQUARE[:-1]), "not closed"),
            (polygon(SQUARE[:2]), "three corners"),
            (polygon([[y, x] for x, y in SQUARE[:-1]] + [[0, 0]]), "closed"),
            (polygon([[x, y + 60] for x, y in SQUARE]), "[longitude, latitude]"),
            (polygon([[x - 180, y] for x, y in SQUARE]), "[longitude, latitude]"),
            (polygon([[y, x + 10] for x, y in SQUARE]), "swapped"),
            (polygon([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]), "not simple"),
            (polygon([[0, 0], [0, 0], [0, 0], [0, 0]]), "not simple"),
            (polygon([[179, 0], [-179, 0], [-179, 1], [179, 0]]), "antimeridian"),
            (polygon([[0, 0], [1, float("nan")], [1, 1], [0, 0]]), "number"),
            (polygon([[0, 0], [1, float("inf")], [1, 1], [0, 0]]), "Latitude"),
            (polygon([[0, 0], [10**400, 0], [1, 1], [0, 0]]), "Longitude"),
            (polygon([[0, 0], [1, True], [1, 1], [0, 0]]), "number"),
            (wheel(MAX_VERTICES + 1), "at most 500"),
        ],
    )
    def test_a_bad_polygon_is_refused_with_a_pointer_and_a_sentence(
        self, boss: Caller, geometry: Any, words: str
    ) -> None:
        answer = put(boss, geometry)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert [error["pointer"] for error in answer["errors"]] == ["#/geometry"]
        assert words in answer["detail"]
        assert listed(boss) == []

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"kind": "moat"}, "#/kind"),
            ({"name": ""}, "#/name"),
            ({"name": "\0"}, "#/name"),
            ({"geometry": []}, "#/geometry"),
            ({"geometry": "x"}, "#/geometry"),
            ({"driver_id": "7"}, "#/driver_id"),
        ],
        ids=str,
    )
    def test_a_wrong_field_is_pointed_at(
        self, boss: Caller, fields: dict[str, Any], pointer: str
    ) -> None:
        answer = put(boss, **fields)

        assert (answer.status, answer.code) == (422, "invalid-request")
        assert [error["pointer"] for error in answer["errors"]] == [pointer]

    def test_may_be_repeated_and_redrawn(self, boss: Caller) -> None:
        area_id = str(uuid7())
        put(boss, area_id=area_id)
        put(boss, area_id=area_id)

        redrawn = put(boss, polygon(SQUARE, HOLE), area_id, kind="no_go", name="Not")

        assert (redrawn["kind"], redrawn["name"]) == ("no_go", "Not")
        assert redrawn["geometry"] == polygon(SQUARE, HOLE)
        assert listed(boss) == [area_id]

    def test_an_unknown_driver_is_not_found(self, boss: Caller) -> None:
        assert put(boss, driver_id=str(uuid7())).code == "not-found"


class TestWhose:
    def test_a_driver_draws_only_their_own_areas(
        self, world: World, boss: Caller
    ) -> None:
        driver = world.driver(boss, device=None)
        colleague = world.driver(boss, device=None)

        made = put(driver, driver_id=colleague.driver_id)

        assert made["driver_id"] == driver.driver_id
        assert listed(colleague) == []
        assert listed(boss) == listed(driver) == [made["id"]]

    def test_a_driver_sees_shared_areas_and_changes_none(
        self, world: World, boss: Caller
    ) -> None:
        driver = world.driver(boss, device=None)
        shared = put(boss)["id"]

        assert listed(driver) == [shared]
        assert put(driver, area_id=shared).code == "not-found"
        assert driver.delete(f"/v1/areas/{shared}").code == "not-found"

    def test_a_dispatcher_draws_for_a_driver_and_erases(
        self, world: World, boss: Caller
    ) -> None:
        driver = world.driver(boss, device=None)
        made = put(boss, driver_id=driver.driver_id)

        assert listed(driver) == [made["id"]]
        assert boss.delete(f"/v1/areas/{made['id']}").status == 204
        assert boss.delete(f"/v1/areas/{made['id']}").code == "not-found"
        assert listed(driver) == []


class TestRoom:
    def test_a_company_has_a_limit_of_shared_areas(
        self, world: World, boss: Caller
    ) -> None:
        ids = fill(boss, MOST_AREAS)
        driver = world.driver(boss, device=None)

        over = put(boss)

        assert (over.status, over.code) == (409, "too-many-areas")
        # An existing area can be redrawn, and a driver's own areas count separately.
        assert put(boss, area_id=ids[0]).status == 200
        assert put(driver).status == 200
        boss.delete(f"/v1/areas/{ids[0]}")
        assert put(boss).status == 200

    def test_all_areas_of_one_driver_fit_into_a_search(
        self, world: World, boss: Caller, settings: Settings
    ) -> None:
        driver = world.driver(boss, device=None)
        # A ring repeats its first corner: two of 499 corners are 1,000 vertices.
        for caller in (boss, boss, driver, driver):
            assert put(caller, wheel(MOST_VERTICES // 2 - 1)).status == 200

        over = [put(boss), put(driver)]

        assert [answer.code for answer in over] == ["too-many-areas"] * 2
        assert "vertices" in over[0]["detail"]
        with Session() as session:
            operating, no_go = areas.fences_for(
                session, org_id=boss.org_id, driver_id=driver.driver_id
            )
        drawn = sum(fence.vertices for fence in (*operating, *no_go))
        assert drawn == MAX_DRAWN_VERTICES

    def test_an_area_handed_to_a_driver_counts_as_theirs(
        self, world: World, boss: Caller
    ) -> None:
        driver = world.driver(boss, device=None)
        for _ in range(2):
            put(driver, wheel(MOST_VERTICES // 2 - 1))
        shared = put(boss)["id"]

        handed = put(boss, area_id=shared, driver_id=driver.driver_id)

        assert handed.code == "too-many-areas"


class TestAtOnce:
    def test_the_last_free_place_is_given_once(self, committed: World) -> None:
        boss = committed.company()
        fill(boss, MOST_AREAS - 1)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: put(boss), range(4)))

        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]

    def test_the_same_area_put_many_times_is_one_area(self, committed: World) -> None:
        boss, area_id = committed.company(), str(uuid7())
        path = f"/v1/areas/{area_id}"
        body = {"kind": "operating", "name": "Home", "geometry": polygon(SQUARE)}

        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(lambda _: boss.put(path, body, If_Match=""), range(4))
            )

        assert sorted(answer.status for answer in answers) == [200, 428, 428, 428]
        assert listed(boss) == [area_id]

    def test_an_id_put_by_two_companies_goes_to_one(self, committed: World) -> None:
        bosses, area_id = [committed.company() for _ in range(2)], str(uuid7())

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda b: put(b, area_id=area_id), bosses))

        assert sorted(answer.status for answer in answers) == [200, 404]
