import pytest

from geo.drawings import MAX_VERTICES, InvalidFence, read_shape

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [4, 6], [6, 6], [6, 4], [4, 4]]
NAN, INF = float("nan"), float("inf")


def polygon(*rings):
    return {"type": "Polygon", "coordinates": list(rings)}


def multi(*polygons):
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


def square_with(position):
    return polygon([[0, 0], [10, 0], position, [0, 10], [0, 0]])


def zigzag(count):
    """Return a ring in the form of a comb with `count` vertices."""
    top = [[i / 100, 1 + i % 2] for i in range(count - 2)]
    ring = [[0, 0], *reversed([[0, 1], *top[1:]]), [0, 0]]
    return polygon([[0, 0], [(count - 3) / 100, 0], *ring[1:]])


REFUSED = [
    (None, "GeoJSON object"),
    ([], "GeoJSON object"),
    ({}, "Polygon or a MultiPolygon"),
    ({"type": "Point", "coordinates": [1, 2]}, "Polygon or a MultiPolygon"),
    ({"type": ["Polygon"], "coordinates": [SQUARE]}, "Polygon or a MultiPolygon"),
    ({"type": "Polygon"}, "lists of positions"),
    ({"type": "Polygon", "coordinates": "ring"}, "lists of positions"),
    (polygon(7), "lists of positions"),
    (polygon([1, 2, 3, 4]), "lists of positions"),
    (multi(3), "lists of positions"),
    (polygon(), "empty"),
    (multi(), "empty"),
    (multi([]), "empty"),
    (multi([SQUARE], []), "empty"),
    (polygon([]), "three corners"),
    (polygon([[0, 0], [1, 1], [0, 0]]), "three corners"),
    (polygon(SQUARE[:-1]), "not closed"),
    (polygon(SQUARE, HOLE[:-1]), "not closed|three corners"),
    (square_with([10]), r"\[longitude, latitude\]"),
    (square_with([10, 10, 0, 0]), r"\[longitude, latitude\]"),
    (square_with(["10", 10]), "Longitude must be a number"),
    (square_with([10, None]), "Latitude must be a number"),
    (square_with([True, 10]), "Longitude must be a number"),
    (square_with([NAN, 10]), "Longitude must be a number"),
    (square_with([10, NAN]), "Latitude must be a number"),
    (square_with([INF, 10]), "Longitude inf is not within"),
    (square_with([190, 10]), "Longitude is not within"),
    (square_with([32.8, -96.8]), r"Latitude -96.8 is not within .*\[longitude, lat"),
    (square_with([10**400, 10]), "Longitude is not within"),
    (polygon([[170, 0], [-170, 0], [-170, 9], [170, 9], [170, 0]]), "antimeridian"),
    (
        polygon([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]),
        "self-intersection .* 5 5",
    ),
    (polygon([[0, 0], [1, 1], [2, 2], [0, 0]]), "not simple"),
    (polygon([[1, 1], [1, 1], [1, 1], [1, 1]]), "not simple"),
    (polygon(HOLE, SQUARE), "not simple"),
    (multi([SQUARE], [HOLE]), "not simple"),
    (multi([SQUARE], [SQUARE]), "not simple"),
    (zigzag(MAX_VERTICES + 1), "501 vertices"),
    (polygon(*[[]] * 1000), "1000 vertices"),
]


class TestReadShape:
    @pytest.mark.parametrize(("drawing", "sentence"), REFUSED)
    def test_an_invalid_drawing_is_refused_with_a_sentence(self, drawing, sentence):
        with pytest.raises(InvalidFence, match=sentence) as refused:
            read_shape(drawing)

        assert str(refused.value).endswith(".")
        assert len(str(refused.value)) < 200

    def test_a_polygon_with_a_hole_is_read(self):
        assert read_shape(polygon(SQUARE, HOLE)).area == 96

    def test_several_parts_are_read(self):
        far = [[x + 20, y] for x, y in SQUARE]

        assert read_shape(multi([SQUARE], [far])).area == 200

    def test_as_many_vertices_as_allowed_are_read(self):
        assert len(read_shape(zigzag(MAX_VERTICES)).exterior.coords) == 501

    def test_heights_are_ignored(self):
        lifted = [[x, y, 99] for x, y in SQUARE]

        assert read_shape(polygon(lifted)) == read_shape(polygon(SQUARE))

    def test_rings_are_turned_right_handed(self):
        turned = read_shape(polygon(SQUARE[::-1], HOLE[::-1]))

        assert turned.exterior.is_ccw
        assert not turned.interiors[0].is_ccw

    def test_both_sides_of_the_antimeridian_are_two_polygons(self):
        east = [[170, 0], [180, 0], [180, 9], [170, 9], [170, 0]]
        west = [[-180, 0], [-170, 0], [-170, 9], [-180, 9], [-180, 0]]

        assert read_shape(multi([east], [west])).area == 180
