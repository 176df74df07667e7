"""Loads are measured by road when posted, and again when the roads change."""

from math import inf

import numpy as np
import pytest
from sqlalchemy.orm import selectinload

from geo.points import Point
from geo.roads import EstimatedRoads, Highways, Places
from models.loads.loads import Load
from models.loads.stops import Stop
from runtime.db import Session
from services.loads.measuring import measure, measure_batch
from tests.services.scene import Scene, rows_of
from tests.world import CHICAGO, NEWARK

HONOLULU, KAHULUI = Point(21.31, -157.86), Point(20.89, -156.47)


@pytest.fixture(scope="module")
def highways():
    return Highways.read(cache_mb=4)


@pytest.fixture
def scene(world):
    return Scene(world)


def all_measured(roads, most=2):
    """Measure batch after batch; return how many, and those without a road."""
    after, measured, without_road = None, 0, []
    while True:
        with Session.begin() as session:
            done = measure_batch(session, roads, after=after, most=most)
        if done.last is None:
            return measured, without_road
        after, measured = done.last, measured + done.measured
        without_road += done.without_road


def load_and_stops(load_id):
    (load,) = rows_of(Load, Load.id == load_id)
    stops = rows_of(Stop, Stop.load_id == load_id)
    return load, sorted(stops, key=lambda stop: stop.sequence)


def test_a_load_gets_its_length_its_legs_and_its_places(scene, highways):
    load_id = scene.load(NEWARK, CHICAGO)

    assert all_measured(highways) == (1, [])

    load, (first, last) = load_and_stops(load_id)
    way = highways.way(NEWARK, CHICAGO)
    assert (load.loaded_m, load.loaded_access_m) == way
    assert load.distance_source == "highways"
    assert (first.leg_m, first.leg_access_m) == (None, None)
    assert (last.leg_m, last.leg_access_m) == way
    assert {stop.road_version for stop in (first, last)} == {highways.version}
    kept = Places.of_bytes(
        first.road_place + last.road_place,
        np.array([first.lat, last.lat]),
        np.array([first.lon, last.lon]),
    )
    ways = highways.ways_from(NEWARK, kept)
    assert (ways.metres[1], ways.access_m[1]) == way


def test_it_may_be_repeated_and_changes_nothing_then(scene, highways):
    scene.loads(5)
    first = all_measured(highways)
    versions = [load.version for load in rows_of(Load)]

    assert first == (5, [])
    assert all_measured(highways) == (0, [])
    assert [load.version for load in rows_of(Load)] == versions


def test_other_roads_measure_again(scene, highways):
    load_id = scene.load()
    all_measured(EstimatedRoads())
    assert all_measured(highways) == (1, [])

    load, stops = load_and_stops(load_id)
    assert load.distance_source == "highways"
    assert {stop.road_version for stop in stops} == {highways.version}


def test_a_load_without_a_road_keeps_its_length_and_is_named(scene, highways):
    load_id = scene.load(HONOLULU, KAHULUI)
    before = load_and_stops(load_id)[0].loaded_m

    assert all_measured(highways) == (1, [load_id])

    load, (_, last) = load_and_stops(load_id)
    assert load.loaded_m == before < inf
    assert load.distance_source == "no_road"
    assert (last.leg_m, last.road_version) == (None, highways.version)
    assert all_measured(highways) == (0, [])


def test_the_first_stop_that_no_road_reaches_is_named(scene, highways):
    body = scene.world.stop_body
    load_id = scene.load(
        stops=[
            body("pickup", HONOLULU, 1, 24),
            body("delivery", KAHULUI, 2, 48),
            body("delivery", CHICAGO, 3, 96),
        ]
    )
    with Session() as session:
        load = session.get_one(Load, load_id, options=[selectinload(Load.stops)])
        first = measure(load, highways)

    assert first == 1


def test_a_load_that_a_driver_carries_keeps_its_figures(scene, highways):
    load_id = scene.load()
    scene.assigned(scene.driver(), load_id)

    assert all_measured(highways) == (0, [])
    assert load_and_stops(load_id)[0].distance_source == "estimated"
