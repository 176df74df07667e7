"""A load has the same columns in the market as when it is judged alone."""

from typing import Any
from uuid import UUID

import numpy as np
import pytest

from freight.columns import NO_EXTRA, Array, Loads, column_types
from geo.points import Point
from runtime.db import Session
from services.judging.candidates import candidates
from services.market.market import Market
from tests.services.market.market_room import STRANGER, change
from tests.services.scene import Scene
from tests.world import CHICAGO, DALLAS, DENVER, NEW_YORK, ROADS, World, utcnow

TORONTO, MONTERREY = Point(43.6532, -79.3832), Point(25.6866, -100.3161)
RURAL, FARM = Point(31.8, -99.2), Point(41.9, -101.3)
OCEAN = Point(35.0, -55.0)

WEEKDAYS = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "06:00"}
HOURS = {"opening_hours": [WEEKDAYS | {"until": "20:00"}]}


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


def post(scene: Scene, *places: Point, at_each: Any = None, **fields: Any) -> UUID:
    stops = [
        scene.world.stop_body(
            "delivery" if n else "pickup", place, n, 200 + n, **(at_each or {})
        )
        for n, place in enumerate(places)
    ]
    return scene.load(stops=stops, **fields)


def post_one_of_each(scene: Scene) -> None:
    post(scene, NEW_YORK, CHICAGO, weight_kg=None, takes_reefers=False)
    post(scene, NEW_YORK, TORONTO, has_hazmat=True, length_m=12.34)
    post(scene, NEW_YORK, OCEAN, equipment=["van", "flatbed"], takes_reefers=True)
    post(scene, FARM, RURAL, equipment=["reefer"], temperature_min_c=-18.5)
    post(scene, DALLAS, DENVER, at_each=HOURS)
    post(scene, RURAL, CHICAGO, FARM)
    post(scene, DALLAS, MONTERREY, TORONTO, NEW_YORK)
    post(scene, DALLAS, FARM, DENVER, at_each=HOURS)
    never_measured = post(scene, NEW_YORK, FARM, RURAL, DENVER)
    change(
        "update stops set road_version = null, leg_m = null, leg_access_m = null"
        " where load_id = :id",
        id=never_measured,
    )
    for without_road in (post(scene, NEW_YORK, CHICAGO), post(scene, *[FARM] * 3)):
        change(
            "update loads set distance_source = 'no_road' where id = :id",
            id=without_road,
        )
        change(
            "update stops set leg_m = null, leg_access_m = null"
            " where load_id = :id and sequence = 1",
            id=without_road,
        )
    off_the_highways = post(scene, DENVER, DALLAS, CHICAGO)
    change(
        "update loads set loaded_access_m = 30.5 where id = :id", id=off_the_highways
    )
    change(
        "update stops set leg_access_m = 15.4 where load_id = :id and sequence > 0",
        id=off_the_highways,
    )
    booked, cancelled = scene.loads(2)
    for load_id in (booked, cancelled):
        scene.assigned(scene.driver(), load_id)
    answer = scene.shipper.put(f"/v1/loads/{cancelled}/cancellation", {"reason": "x"})
    assert answer.status == 200, answer.body


def cells_of(loads: Loads, row: int) -> dict[str, bytes]:
    """Return the cells of a row and of its stops, as they are in memory."""
    cells: dict[str, Array] = {
        name: getattr(loads, name)[row] for name in column_types() if name != "extra"
    }
    extra, stops = loads.extra[row], loads.stops
    if extra != NO_EXTRA:
        of_load = slice(stops.first[extra], stops.first[extra + 1])
        first, end = stops.spans_first[of_load.start], stops.spans_first[of_load.stop]
        for name, column in vars(stops).items():
            if name.startswith("span_"):
                cells[name] = column[first:end]
            elif name != "first":
                cells[f"stop_{name}"] = column[of_load]
        begins = stops.spans_first[of_load.start : of_load.stop + 1]
        cells["stop_spans_first"] = np.diff(begins)
    return {name: cell.tobytes() for name, cell in cells.items()}


def test_each_cell_is_the_same_bit_for_bit(scene: Scene) -> None:
    post_one_of_each(scene)
    listed = Market(ROADS).refresh()
    every = np.flatnonzero(listed.visible(STRANGER, utcnow()))
    in_the_market = listed.those(every)

    with Session() as session:
        known = candidates(session, in_the_market.ids)
    alone = [Loads.of([known[load_id]], ROADS) for load_id in in_the_market.ids]

    assert len(alone) == 12
    for row, load in enumerate(alone):
        assert cells_of(in_the_market, row) == cells_of(load, 0)
