import json

import pytest
from shapely import (
    MultiPolygon,
    Polygon,
    box,
    from_geojson,
    get_num_coordinates,
    intersection,
)

from geo.outlines import drawn, exact, outline, untangled
from geo.points import Point


class TestOutline:
    def test_across_the_antimeridian_it_is_cut_in_two(self):
        ring = [Point(-1, 179), Point(-1, -178), Point(1, -178), Point(1, 179)]

        shape = outline(ring)

        assert shape.bounds == (-180, -1, 180, 1)
        assert shape.area == pytest.approx(6)
        assert len(shape.geoms) == 2

    @pytest.mark.parametrize(("lat", "south", "north"), [(80, 80, 90), (-80, -90, -80)])
    def test_around_a_pole_it_is_a_cap_over_all_longitudes(self, lat, south, north):
        lons = range(-170, 190, 20)
        ring = [Point(lat, lon) for lon in (lons if lat > 0 else reversed(lons))]

        shape = outline(ring)

        assert isinstance(shape, Polygon)
        assert shape.bounds == (-180, south, 180, north)
        assert shape.area == pytest.approx(3600)

    def test_a_ring_through_the_pole_is_still_a_valid_shape(self):
        ring = [Point(80, -40), Point(80, 0), Point(80, 40), Point(90, 0)]

        assert outline(ring).is_valid


class TestDrawn:
    def test_coordinates_have_six_decimals_and_rings_are_right_handed(self):
        shape = box(1 / 3, 2 / 3, 10 / 3, 11 / 3, ccw=False)

        drawing = drawn(shape)

        shown = from_geojson(json.dumps(drawing))
        assert shown.exterior.is_ccw
        assert sorted(drawing["coordinates"][0])[0] == [0.333333, 0.666667]

    def test_a_hole_turns_the_other_way(self):
        shape = box(0, 0, 9, 9).difference(box(3, 3, 6, 6))

        shown = from_geojson(json.dumps(drawn(shape)))

        assert not shown.interiors[0].is_ccw

    def test_a_shape_without_area_has_no_polygons(self):
        assert drawn(MultiPolygon()) == {"type": "MultiPolygon", "coordinates": []}
        assert drawn(box(0, 0, 1e-8, 1e-8))["coordinates"] == []


def comb(teeth: int, turned: bool) -> Polygon:
    """A comb of 10 by 10 degrees; two of them, one turned, cross at every tooth."""
    width = 10 / teeth
    edge = [(i * width + side, y) for i in range(teeth) for side, y in TOOTH]
    ring = [*edge, (10, -1), (0, -1)]
    return Polygon([(y, x) for x, y in ring] if turned else ring)


TOOTH = ((0, 0), (0.01, 10))


class TestUntangled:
    def test_ordinary_drawings_are_not_changed(self):
        shapes = [box(0, 0, 9, 9).difference(box(3, 3, 6, 6)), box(5, 5, 12, 12)]

        assert untangled(shapes) == shapes
        assert untangled([]) == []

    def test_shapes_with_few_crossings_are_not_changed(self):
        shapes = [comb(10, False), comb(10, True)]

        assert untangled(shapes) == shapes

    def test_shapes_with_many_crossings_are_simplified(self):
        shapes = untangled([comb(245, False), comb(245, True)])

        joined = intersection(*shapes)

        assert all(shape.is_valid for shape in shapes)
        assert get_num_coordinates(joined) < 5_000


class TestExact:
    def test_no_digit_is_lost(self):
        shape = box(1 / 3, 1e-20, 2 / 3, 1)

        assert from_geojson(json.dumps(exact(shape))).bounds == shape.bounds
