"""The highways go around water, and every caller gets the same figure of a pair."""

from math import inf, isinf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.distance import METRES_PER_MILE, destination, haversine_m
from geo.points import Point
from geo.roads import Highways, Places, Roads, Way
from geo.roads.places import NO_COMPONENT
from tests.geo.places import CHICAGO, DALLAS, NEW_YORK
from tests.geo.roads.conftest import barriers

HONOLULU, KAHULUI = Point(21.31, -157.86), Point(20.89, -156.47)
MILWAUKEE, MUSKEGON = Point(43.04, -87.91), Point(43.23, -86.25)
AT_SEA = Point(38.0, -60.0)

inland = st.builds(Point, lat=st.floats(31, 48), lon=st.floats(-120, -80))
anywhere = st.builds(Point, lat=st.floats(15, 70), lon=st.floats(-165, -55))
few = settings(max_examples=60, deadline=None)


def ends(roads: Roads, *points: Point) -> Places:
    return roads.places(points)


class TestBarriers:
    @pytest.mark.parametrize("pair", barriers(), ids=lambda pair: pair["name"])
    def test_lakes_bays_and_islands(self, roads, pair):
        a, b = (Point(float(pair[f"lat{n}"]), float(pair[f"lon{n}"])) for n in "12")
        miles = roads.distance_m(a, b) / METRES_PER_MILE

        if not pair["low"]:
            assert isinf(miles)
        else:
            assert float(pair["low"]) - 0.5 <= miles <= float(pair["high"]) + 0.5


class TestAWay:
    def test_its_source_is_highways(self, roads):
        port: Roads = roads

        assert port.source == "highways"

    @given(a=anywhere, b=anywhere)
    @few
    def test_is_as_long_there_as_back_to_the_last_bit(self, roads, a, b):
        assert roads.way(a, b) == roads.way(b, a)

    @given(a=anywhere, north=st.floats(-0.2, 0.2), east=st.floats(-0.2, 0.2))
    @few
    def test_of_near_places_too(self, roads, a, north, east):
        b = Point(a.lat + north, a.lon + east)

        assert roads.way(a, b) == roads.way(b, a)

    @given(a=anywhere)
    @few
    def test_is_zero_between_equal_points_also_at_sea(self, roads, a):
        assert roads.way(a, a) == Way(0.0, 0.0)

    @given(a=anywhere, b=anywhere)
    @few
    def test_is_never_shorter_than_the_great_circle(self, roads, a, b):
        assert roads.way(a, b).metres >= haversine_m(a, b)

    @given(a=inland, north=st.floats(-0.5, 0.5), east=st.floats(-0.5, 0.5))
    @few
    def test_of_near_places_is_not_shorter_either(self, roads, a, north, east):
        b = Point(a.lat + north, a.lon + east)

        assert roads.way(a, b).metres >= haversine_m(a, b)

    @given(a=anywhere, b=anywhere)
    @few
    def test_is_off_the_highways_for_a_part_of_its_length(self, roads, a, b):
        way = roads.way(a, b)

        assert 0 <= way.access_m <= way.metres

    @given(a=anywhere, b=anywhere)
    @few
    def test_is_the_same_alone_and_among_many(self, roads, a, b):
        for limit_m in (inf, 3_000_000.0):
            ways = roads.ways_from(a, ends(roads, DALLAS, b, CHICAGO), limit_m)
            alone = roads.way(a, b)
            if alone.metres <= limit_m:
                assert (ways.metres[1], ways.access_m[1]) == alone
            else:
                assert isinf(ways.metres[1])

    @given(a=inland, b=inland, c=inland)
    @few
    def test_over_a_third_place_is_hardly_ever_shorter(self, roads, a, b, c):
        """The model is no true metric: the access to `b` may be shorter than the graph.

        The search counts a negative detour as none."""
        over_m = roads.distance_m(a, b) + roads.distance_m(b, c)

        assert over_m >= roads.distance_m(a, c) * 0.9 - 5_000


class TestTheDirectRule:
    def test_two_docks_of_one_street_do_not_go_through_a_node(self, roads):
        dock, next_dock = Point(41.8500, -87.9500), Point(41.8502, -87.9500)
        way = roads.way(dock, next_dock)

        assert way.metres <= 2 * haversine_m(dock, next_dock) + 2
        assert way.access_m == way.metres

    def test_it_is_twice_the_air_line_at_most_and_then_a_kilometre_more(self, roads):
        """In the Sandhills of Nebraska there are no highways to go round by."""
        a = Point(41.9, -101.3)
        for east in (0.001, 0.01, 0.1, 0.5, 0.9):
            b = Point(41.9, -101.3 + east)
            air_m = haversine_m(a, b)
            assert roads.way(a, b).metres <= min(2 * air_m, 1.2 * air_m + 1_000) + 3

    def test_it_ends_at_80_kilometres(self, roads):
        a = Point(41.9, -101.3)
        b = destination(a, 225, 90_000)
        way = roads.way(a, b)

        assert way.access_m < way.metres > 1.2 * 90_000 + 1_001

    def test_it_does_not_cross_a_lake(self, roads):
        winnebago_west, winnebago_east = Point(44.02, -88.53), Point(44.02, -88.32)
        air_m = haversine_m(winnebago_west, winnebago_east)

        assert roads.distance_m(winnebago_west, winnebago_east) > 1.6 * air_m


class TestNoRoad:
    def test_none_leads_to_another_island(self, roads):
        ways = roads.ways_from(HONOLULU, ends(roads, KAHULUI, HONOLULU, CHICAGO))

        assert ways.metres.tolist() == [inf, 0, inf]
        assert ways.has_road.tolist() == [False, True, False]
        assert ways.access_m.tolist() == [0, 0, 0]

    def test_islands_have_their_own(self, roads):
        assert roads.distance_m(HONOLULU, Point(21.45, -158.0)) < 60_000

    def test_a_place_80_km_from_any_highway_is_reached_and_one_beyond_100_is_not(
        self, roads
    ):
        """North of Flin Flon, where only tracks lead."""
        way = roads.way(Point(56.25, -102.25), CHICAGO)

        assert 79_000 < way.access_m < 130_000 < way.metres < 4_000_000
        assert isinf(roads.distance_m(Point(56.75, -107.75), CHICAGO))

    def test_none_leads_out_to_sea(self, roads):
        (component,) = ends(roads, AT_SEA).component

        assert component == NO_COMPONENT
        assert roads.line(AT_SEA, NEW_YORK) is None

    def test_none_leads_out_of_an_island_that_is_known_to_have_none(self, roads):
        nantucket = Point(41.28, -70.10)

        assert ends(roads, nantucket).component[0] == NO_COMPONENT
        assert isinf(roads.distance_m(nantucket, Point(41.66, -70.28)))

    def test_what_has_no_road_has_no_metres_however_near(self, roads):
        nantucket, near = Point(41.28, -70.10), Point(41.28, -70.11)
        ways = roads.ways_from(nantucket, ends(roads, near))

        assert (ways.has_road[0], ways.metres[0]) == (False, inf)


class TestALimit:
    def test_what_is_beyond_has_a_road_but_no_metres(self, roads):
        ways = roads.ways_from(CHICAGO, ends(roads, DALLAS, MILWAUKEE), 400_000.0)

        assert isinf(ways.metres[0])
        assert ways.has_road.all()
        assert ways.metres[1] < 400_000

    def test_it_changes_no_figure_within_it(self, roads):
        all_ends = ends(roads, MILWAUKEE, MUSKEGON, DALLAS)
        wide = roads.ways_from(CHICAGO, all_ends)
        limit_m = float(wide.metres[1])
        narrow = Highways.read(cache_mb=1).ways_from(CHICAGO, all_ends, limit_m)

        assert narrow.metres.tolist() == [wide.metres[0], wide.metres[1], inf]
        assert narrow.access_m[:2].tolist() == wide.access_m[:2].tolist()

    def test_a_kept_wider_search_gives_the_same_answer(self, roads):
        fresh = Highways.read(cache_mb=16)
        all_ends = ends(roads, MILWAUKEE, MUSKEGON, DALLAS)
        narrow = fresh.ways_from(CHICAGO, all_ends, 300_000.0)
        fresh.ways_from(CHICAGO, all_ends)
        again = fresh.ways_from(CHICAGO, all_ends, 300_000.0)

        assert narrow.metres.tolist() == again.metres.tolist()

    def test_a_kept_search_is_not_that_of_a_place_farther_from_the_same_nodes(self):
        one, other = Point(41.85, -101.30), Point(41.86, -101.30)
        fresh, kept = (Highways.read(cache_mb=16) for _ in range(2))
        kept.way(one, CHICAGO)

        assert np.array_equal(*(ends(kept, point).nodes for point in (one, other)))
        assert kept.way(other, CHICAGO) == fresh.way(other, CHICAGO)


class TestPlaces:
    def test_they_come_back_from_their_bytes(self, roads):
        places = ends(roads, CHICAGO, AT_SEA, HONOLULU)
        kept = places.to_bytes()
        back = Places.of_bytes(b"".join(kept), places.lat, places.lon)

        assert {len(each) for each in kept} == {Places.WIDTH}
        for name in ("lat", "lon", "component", "nodes", "access"):
            assert np.array_equal(getattr(back, name), getattr(places, name))
        assert len(back) == 3

    def test_as_many_bytes_as_coordinates_are_needed(self, roads):
        places = ends(roads, CHICAGO)

        with pytest.raises(ValueError, match="1 records for 0 places"):
            Places.of_bytes(places.to_bytes()[0], places.lat[:0], places.lon[:0])

    def test_some_of_them_can_be_taken(self, roads):
        places = ends(roads, CHICAGO, AT_SEA, HONOLULU)
        taken = places.take(places.component >= 0)

        assert taken.lat.tolist() == [CHICAGO.lat, HONOLULU.lat]

    def test_a_point_has_the_same_nodes_alone_and_among_many(self, roads):
        many = ends(roads, *(Point(30 + n / 7, -95 - n / 5) for n in range(60)))
        for n in range(0, 60, 7):
            alone = ends(roads, Point(30 + n / 7, -95 - n / 5))
            assert alone.to_bytes()[0] == many.to_bytes()[n]

    def test_none_at_all_are_fine(self, roads):
        nothing = ends(roads)

        assert len(nothing) == 0
        assert roads.ways_from(CHICAGO, nothing).metres.tolist() == []


class TestALine:
    def test_goes_round_the_lake_from_end_to_end(self, roads):
        line = roads.line(MILWAUKEE, MUSKEGON)

        assert (line[0], line[-1]) == (MILWAUKEE, MUSKEGON)
        assert min(point.lat for point in line) < 41.9  # The south end of the lake.

    def test_is_not_longer_than_its_way(self, roads):
        for a, b in ((MILWAUKEE, MUSKEGON), (CHICAGO, DALLAS), (NEW_YORK, CHICAGO)):
            line = roads.line(a, b)
            drawn_m = sum(map(haversine_m, line[:-1], line[1:]))

            assert haversine_m(a, b) <= drawn_m <= roads.distance_m(a, b)

    def test_is_straight_where_the_way_is_direct(self, roads):
        a, b = Point(41.9, -101.30), Point(41.9, -101.29)

        assert roads.line(a, b) == (a, b)
