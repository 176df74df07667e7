"""One to all over the graph, exact, with a limit, and kept within a memory limit."""

from collections import OrderedDict
from functools import cached_property
from math import inf
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from geo.roads.chains import Chains, Numbers
from geo.roads.graph import Graph
from geo.roads.places import ACCESS_STEP_M, NODES, Places
from geo.sphere import Floats, great_circle_m

FACTOR = 1.06
"""Metres driven for a metre of the graph, which leaves out bends and ramps.

Source: set on the posted mileage of 245 loads of one day of a load board, 2023; the
other 244 are measured by `bench/roads.py`.
"""

METRE = 2.0**18
"""The cost of a metre of way. Below it, a cost counts the metres off the highways.

So the least cost is the shortest way, and of equally short ones that with the fewest
metres off the highways. All costs are whole numbers below 2**53: sums are exact,
whatever their order, and a way costs the same there and back.
"""

_ENTRY = METRE + 1


def access_cost(access: NDArray[np.uint16]) -> Floats:
    """Return the cost of these steps off the highways."""
    cost: Floats = access.astype(np.float64) * (ACCESS_STEP_M * _ENTRY)
    return cost


def ways_of(cost: Floats) -> tuple[Floats, Floats]:
    """Return metres, and those off the highways, of each cost; infinity and 0 where the
    cost is infinite."""
    metres: Floats = np.floor(cost * (1 / METRE))
    is_finite = np.isfinite(cost)
    access_m = np.zeros(len(cost))
    np.subtract(cost, metres * METRE, out=access_m, where=is_finite)
    return metres, access_m


class Searches:
    """The graph as a matrix, and the searches over it that are kept.

    cache_bytes: the least recently used searches beyond it are dropped.
    """

    def __init__(self, graph: Graph, cache_bytes: int) -> None:
        self.nodes = len(graph.lat)
        self._graph = graph
        self._chains = Chains.of(self.nodes, *edges_of(graph))
        edges = self._chains.u, self._chains.v, self._chains.cost
        self._crossings = _Matrix(len(self._chains.kept), *edges, steps=2 * NODES)
        self._searching = Lock()
        self._kept: OrderedDict[bytes, tuple[float, _Costs]] = OrderedDict()
        self._keeping = Lock()
        self._cache_bytes = cache_bytes
        self.kept_bytes = 0

    def costs(self, start: Places, limit_m: float) -> Floats:
        """Return the cost from `start`, one place, to every node.

        Exact up to `limit_m`; what is beyond is infinite or exact. Read only.
        """
        key = _key(start)
        with self._keeping:
            known = self._kept.get(key)
            if known is not None and known[0] >= limit_m:
                self._kept.move_to_end(key)
                return known[1].all(self.nodes)
        found = self._search(start, limit_m)
        costs = _Costs(found)
        with self._keeping:
            self._keep(key, limit_m, costs)
        return found

    def is_kept(self, start: Places, limit_m: float) -> bool:
        """Say whether `costs` would answer at once."""
        with self._keeping:
            known = self._kept.get(_key(start))
            return known is not None and known[0] >= limit_m

    def path(self, start: Places, node: int, limit_m: float) -> list[int]:
        """Return the nodes of the way from `start`, one place, to `node`, in order."""
        steps = start.nodes[0], access_cost(start.access[0])
        with self._searching:
            _, before = self._whole.search(*steps, limit_m, return_predecessors=True)
        way = [node]
        while (node := int(before[node])) != self.nodes:
            way.append(node)
        return way[::-1]

    @cached_property
    def _whole(self) -> "_Matrix":
        """All nodes: made when a way is drawn, which most processes never do."""
        return _Matrix(self.nodes, *edges_of(self._graph), steps=NODES)

    def _search(self, start: Places, limit_m: float) -> Floats:
        nodes, costs = start.nodes[0], access_cost(start.access[0])
        with self._searching:
            steps = self._chains.steps(nodes, costs)
            of_kept = self._crossings.search(*steps, limit_m)
        found = self._chains.spread(of_kept[:-1], nodes, costs)
        # An inner node beyond the limit may be nearer by an end that was not reached.
        found[found > (limit_m + 1) * METRE] = inf
        return found

    def _keep(self, key: bytes, limit_m: float, costs: "_Costs") -> None:
        if costs.nbytes > self._cache_bytes:
            return
        old = self._kept.get(key)
        if old is not None:
            if old[0] >= limit_m:
                return
            self.kept_bytes -= old[1].nbytes
        self._kept[key] = limit_m, costs
        self._kept.move_to_end(key)
        self.kept_bytes += costs.nbytes
        while self.kept_bytes > self._cache_bytes:
            _, (_, dropped) = self._kept.popitem(last=False)
            self.kept_bytes -= dropped.nbytes


def _key(start: Places) -> bytes:
    return start.nodes.tobytes() + start.access.tobytes()


class _Costs:
    """The costs of one search. If few nodes were reached, only these are kept."""

    def __init__(self, costs: Floats) -> None:
        self._reached: NDArray[np.int32] | None = None
        self._costs = costs
        reached = np.flatnonzero(np.isfinite(costs)).astype(np.int32)
        if len(reached) * 12 < costs.nbytes:
            self._reached, self._costs = reached, costs[reached]
        self.nbytes = self._costs.nbytes + (
            0 if self._reached is None else self._reached.nbytes
        )

    def all(self, nodes: int) -> Floats:
        if self._reached is None:
            return self._costs
        costs = np.full(nodes, np.inf)
        costs[self._reached] = self._costs
        return costs


def edges_of(graph: Graph) -> tuple[Numbers, Numbers, Floats]:
    """Return both ends and the cost of each edge."""
    u, v = graph.u.astype(np.int64), graph.v.astype(np.int64)
    # No edge is shorter than its great circle, so that no way is.
    metres = np.maximum(
        np.round(graph.metres * FACTOR),
        great_circle_m(*graph.places_of(u), *graph.places_of(v)),
    )
    return u, v, metres * METRE


class _Matrix:
    """A graph as a matrix, with one more row of `steps` edges: the start of a search.

    For one search at a time.
    """

    def __init__(
        self, nodes: int, u: Numbers, v: Numbers, cost: Floats, *, steps: int
    ) -> None:
        self._nodes, self._steps = nodes, steps
        both = np.concatenate([cost, cost])
        ends = np.concatenate([u, v]), np.concatenate([v, u])
        edges = coo_array((both, ends), shape=(nodes, nodes)).tocsr()
        start = np.zeros(steps)
        indptr = np.append(edges.indptr, edges.indptr[-1] + steps)
        self._graph: Any = csr_array(  # scipy has no types
            (
                np.concatenate([edges.data, start]),
                np.concatenate([edges.indices, start]).astype(np.int32),
                indptr.astype(np.int32),
            ),
            shape=(nodes + 1, nodes + 1),
        )

    def search(
        self,
        nodes: NDArray[Any],
        costs: Floats,
        limit_m: float,
        *,
        return_predecessors: bool = False,
    ) -> Any:  # noqa: ANN401 - scipy's answer
        """Search from a place that reaches these nodes at these costs; they are written
        into the matrix. The last one of the answer is the place."""
        self._graph.indices[-self._steps :] = nodes
        self._graph.data[-self._steps :] = costs
        return dijkstra(
            self._graph,
            indices=self._nodes,
            limit=(limit_m + 1) * METRE,
            return_predecessors=return_predecessors,
        )
