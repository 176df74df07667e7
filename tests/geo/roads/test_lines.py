import pytest
from shapely import LineString
from shapely import Point as Place

from geo.points import Point
from geo.roads import simplified

ZIGZAG = [Point(40 + n / 100, -90 + (n % 2) / 1000) for n in range(50)]


def test_a_larger_tolerance_leaves_fewer_points():
    counts = [len(simplified(ZIGZAG, metres)) for metres in (1, 60, 1_000)]

    assert counts[0] == 50
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 2


@pytest.mark.parametrize("tolerance_m", [10, 100, 1_000])
def test_the_line_stays_within_the_tolerance(tolerance_m):
    short = LineString(
        [(p.lon * 0.766, p.lat) for p in simplified(ZIGZAG, tolerance_m)]
    )
    away = max(short.distance(Place(p.lon * 0.766, p.lat)) for p in ZIGZAG)

    assert away * 111_195 <= tolerance_m * 1.01


def test_the_ends_stay():
    line = simplified(ZIGZAG, 100_000)

    assert (line[0], line[-1]) == (ZIGZAG[0], ZIGZAG[-1])


def test_a_line_of_two_equal_points_stays():
    assert simplified([ZIGZAG[0], ZIGZAG[0]], 100) == (ZIGZAG[0], ZIGZAG[0])
