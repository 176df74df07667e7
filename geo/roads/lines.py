"""The way itself, for the map: which nodes it passes, and fewer points of it."""

from collections.abc import Sequence
from math import cos, pi, radians

from shapely import LineString

from geo.distance import EARTH_RADIUS_M
from geo.points import Point
from geo.roads.places import Places, Way
from geo.roads.searches import Searches, access_cost, ways_of


def nodes_between(
    searches: Searches, start: Places, end: Places, way: Way
) -> list[int] | None:
    """Return the nodes of `way`, in order; None if it is direct and passes none.

    way: the finite way between the two places.
    """
    costs = searches.costs(start, way.metres)[end.nodes[0]]
    costs = costs + access_cost(end.access[0])
    last = int(costs.argmin())
    metres, access_m = ways_of(costs[last : last + 1])
    if not (metres[0] == way.metres and access_m[0] == way.access_m):
        return None
    return searches.path(start, int(end.nodes[0][last]), way.metres)


def simplified(line: Sequence[Point], tolerance_m: float) -> tuple[Point, ...]:
    """Return the line with fewer points, its ends among them.

    No point of `line` is farther from the result than about `tolerance_m`: degrees are
    scaled once, at the line's middle latitude, so a line over 10 degrees of latitude is
    off by up to a tenth of the tolerance.

    Source: Douglas and Peucker, "Algorithms for the reduction of the number of points",
    The Canadian Cartographer 10 (1973), 112; by Shapely.
    """
    south, north = min(p.lat for p in line), max(p.lat for p in line)
    scale = cos(radians((south + north) / 2))
    flat = LineString([(point.lon * scale, point.lat) for point in line])
    degrees = tolerance_m / EARTH_RADIUS_M * 180 / pi
    kept = set(flat.simplify(degrees, preserve_topology=False).coords)
    inner = (p for p in line[1:-1] if (p.lon * scale, p.lat) in kept)
    return line[0], *inner, line[-1]
