"""One to all equals a plain Dijkstra written apart, and keeps within its memory."""

from heapq import heappop, heappush
from itertools import pairwise
from math import inf
from random import Random

import numpy as np
import pytest

from geo.points import Point
from geo.roads.graph import read_graph, read_water
from geo.roads.places import NODES
from geo.roads.searches import FACTOR, Searches, _Matrix, access_cost, edges_of, ways_of
from geo.roads.snapping import Snapper
from geo.sphere import great_circle_m

START = Point(39.0, -94.5)


@pytest.fixture(scope="module")
def graph():
    return read_graph()


@pytest.fixture(scope="module")
def snapper(graph):
    return Snapper(graph, read_water())


def place(snapper, point):
    return snapper.places(np.array([point.lat]), np.array([point.lon]))


def plain(graph, start, limit_m):
    """Dijkstra over (metres, access metres), compared in this order."""
    metres = np.maximum(
        np.round(graph.metres * FACTOR),
        great_circle_m(*graph.places_of(graph.u), *graph.places_of(graph.v)),
    )
    roads = {}
    for u, v, length in zip(
        graph.u.tolist(), graph.v.tolist(), metres.tolist(), strict=True
    ):
        roads.setdefault(u, []).append((v, length))
        roads.setdefault(v, []).append((u, length))
    best, heap = {}, []
    for node, steps in zip(
        start.nodes[0].tolist(), start.access[0].tolist(), strict=True
    ):
        heappush(heap, (2.0 * steps, 2.0 * steps, node))
    while heap:
        length, access, node = heappop(heap)
        if node in best or length > limit_m:
            continue
        best[node] = length, access
        for other, more in roads.get(node, ()):
            heappush(heap, (length + more, access, other))
    return best


def test_one_to_all_equals_a_plain_dijkstra(graph, snapper):
    start, limit_m = place(snapper, START), 700_000.0
    expected = plain(graph, start, limit_m)
    metres, access_m = ways_of(Searches(graph, 0).costs(start, limit_m))
    within = np.flatnonzero(metres <= limit_m)

    assert len(within) > 5_000
    assert {int(node): (metres[node], access_m[node]) for node in within} == expected


def test_it_equals_a_search_over_all_nodes_wherever_it_begins(graph, snapper):
    """Also where a place is on a road between two crossings, and beyond the limit."""
    searches, random = Searches(graph, 0), Random(7)
    whole = _Matrix(searches.nodes, *edges_of(graph), steps=NODES)
    for limit_m in (inf, 900_000.0, 60_000.0) * 4:
        point = Point(random.uniform(28, 48), random.uniform(-120, -75))
        start = place(snapper, point)
        costs = access_cost(start.access[0])
        expected = whole.search(start.nodes[0], costs, limit_m)[:-1]

        assert np.array_equal(searches.costs(start, limit_m), expected)


def test_without_a_limit_every_node_of_the_component_is_reached(graph, snapper):
    costs = Searches(graph, 0).costs(place(snapper, START), inf)

    assert np.array_equal(np.isfinite(costs), graph.component == 0)


def test_a_path_is_as_long_as_its_cost(graph, snapper):
    searches, start = Searches(graph, 0), place(snapper, START)
    costs = searches.costs(start, 300_000.0)
    far = int(np.where(np.isfinite(costs), costs, -1).argmax())
    path = searches.path(start, far, 300_000.0)
    step = dict(zip(start.nodes[0].tolist(), start.access[0], strict=True))
    cost = float(access_cost(np.array([step[path[0]]]))[0])
    u, v, costs_of_edges = (each.tolist() for each in edges_of(graph))
    pairs = zip(u, v, strict=True)
    lengths = dict(zip(map(frozenset, pairs), costs_of_edges, strict=True))
    for step_of_path in pairwise(path):
        cost += lengths[frozenset(step_of_path)]

    assert path[-1] == far
    assert cost == costs[far]


class TestTheCache:
    def test_stays_within_its_memory(self, graph, snapper):
        searches, random = Searches(graph, 3_000_000), Random(1)
        for _ in range(12):
            point = Point(random.uniform(33, 45), random.uniform(-110, -85))
            searches.costs(place(snapper, point), random.choice([inf, 400_000.0]))

            assert 0 < searches.kept_bytes <= 3_000_000

    def test_keeps_nothing_without_memory(self, graph, snapper):
        searches = Searches(graph, 0)
        searches.costs(place(snapper, START), 100_000.0)

        assert searches.kept_bytes == 0

    def test_a_wider_search_replaces_a_narrow_one(self, graph, snapper):
        searches, start = Searches(graph, 3_000_000), place(snapper, START)
        narrow = searches.costs(start, 100_000.0)
        small = searches.kept_bytes
        wide = searches.costs(start, inf)
        again = searches.costs(start, 100_000.0)

        assert small < searches.kept_bytes == wide.nbytes
        assert again is wide
        assert np.array_equal(narrow[np.isfinite(narrow)], wide[np.isfinite(narrow)])

    def test_a_kept_narrow_search_is_given_again_as_it_was(self, graph, snapper):
        searches, start = Searches(graph, 3_000_000), place(snapper, START)

        first = searches.costs(start, 100_000.0)
        assert np.array_equal(searches.costs(start, 90_000.0), first)

    def test_the_least_recently_used_goes_first(self, graph, snapper):
        searches = Searches(graph, 2 * 8 * len(graph.lat))
        a, b, c = (place(snapper, Point(38 + n, -95)) for n in range(3))
        first = searches.costs(a, inf)
        searches.costs(b, inf)
        searches.costs(a, inf)
        searches.costs(c, inf)

        assert searches.costs(a, inf) is first
