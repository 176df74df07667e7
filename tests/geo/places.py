"""Named places and random ones."""

from math import asin, degrees

from hypothesis import settings
from hypothesis import strategies as st

from geo.distance import destination
from geo.points import Point

CHICAGO = Point(lat=41.8781, lon=-87.6298)
DALLAS = Point(lat=32.7767, lon=-96.7970)
HOUSTON = Point(lat=29.7604, lon=-95.3698)
KANSAS_CITY = Point(lat=39.0997, lon=-94.5786)
LOS_ANGELES = Point(lat=34.0522, lon=-118.2437)
NEW_YORK = Point(lat=40.7128, lon=-74.0060)
FIJI = Point(lat=-17.7, lon=179.5)
NORTH_POLE = Point(lat=90, lon=0)
SOUTH_POLE = Point(lat=-90, lon=0)

often = settings(max_examples=150, deadline=None, derandomize=True, database=None)

lons = st.floats(-180, 180)
# Uniform over the sphere, and places at the poles and the antimeridian.
points = st.one_of(
    st.builds(lambda z, lon: Point(degrees(asin(z)), lon), st.floats(-1, 1), lons),
    st.builds(Point, st.floats(-90, 90), st.sampled_from([-180.0, 180.0, 179.9999])),
    st.builds(Point, st.sampled_from([-90.0, 90.0, 89.9999, -89.99]), lons),
)
bearings_deg = st.floats(0, 360)
american_points = st.builds(Point, st.floats(26, 48), st.floats(-123, -70))


def around(center: Point, distance_m: float, count: int = 72) -> list[Point]:
    return [destination(center, 360 * i / count, distance_m) for i in range(count)]
