"""The graph without the nodes that only join two edges: there are few others, and a
search takes as long as there are nodes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.sphere import Floats

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """A graph of kept nodes, and the chains of inner nodes between them.

    kept: numbers of the nodes that stay. inner: of the others, chain by chain.
    ends: of each inner node, the places in `kept` of both ends of its chain; away: what
        it costs to get there. Two rows each.
    first: where each chain begins in `inner`, and the end of the last one.
    place: of each node, its place in `kept` or `inner`.
    chain: of each inner node. is_kept: of each node.
    u, v, cost: the edges between kept nodes, by their places in `kept`, u < v, each
        pair once.
    """

    kept: Numbers
    inner: Numbers
    ends: Numbers
    away: Floats
    first: Numbers
    place: Numbers
    chain: Numbers
    is_kept: NDArray[np.bool_]
    u: Numbers
    v: Numbers
    cost: Floats

    @classmethod
    def of(cls, nodes: int, u: Numbers, v: Numbers, cost: Floats) -> Self:
        """Return the chains of a graph of so many nodes and these edges, each once.

        cost: whole numbers, whose sums are exact.
        """
        is_kept = _is_kept(nodes, u, v)
        kept = np.flatnonzero(is_kept)
        place = np.empty(nodes, np.int64)
        place[kept] = np.arange(len(kept))
        # Each edge there and back. `back` of an arc is the same edge the other way.
        edges = len(u)
        start, end = np.concatenate([u, v]), np.concatenate([v, u])
        back = np.concatenate([np.arange(edges, 2 * edges), np.arange(edges)])
        last, length = _followed(start, end, back, np.tile(cost, 2), is_kept)
        out = np.argsort(start, kind="stable")
        out = out[~is_kept[start[out]]].reshape(-1, 2)
        # A chain is named by the smaller of the two arcs with which it ends.
        order = np.argsort(last[out], axis=1)
        out = np.take_along_axis(out, order, axis=1)
        by_chain = np.argsort(last[out[:, 0]], kind="stable")
        out = out[by_chain]
        inner, names = start[out[:, 0]], last[out[:, 0]]
        place[inner] = np.arange(len(inner))
        is_first = np.diff(names, prepend=-1) != 0
        first = np.append(np.flatnonzero(is_first), len(inner))
        ends, away = place[end[last[out.T]]], length[out.T]
        whole, lone = first[:-1], is_kept[u] & is_kept[v]
        joined = [
            np.concatenate([ends[0, whole], place[u[lone]]]),
            np.concatenate([ends[1, whole], place[v[lone]]]),
            np.concatenate([away[:, whole].sum(axis=0), cost[lone]]),
        ]
        return cls(
            kept,
            inner,
            np.ascontiguousarray(ends),
            np.ascontiguousarray(away),
            first,
            place,
            np.cumsum(is_first) - 1,
            is_kept,
            *_shortest(*joined),
        )

    def steps(self, nodes: Numbers, cost: Floats) -> tuple[Numbers, Floats]:
        """Return the places in `kept` that are reached first from these nodes, which
        are reached at this cost, and the cost there: two for each node."""
        kept, where = self.is_kept[nodes], self.place[nodes]
        ends = np.repeat(np.where(kept, where, 0), 2).reshape(-1, 2)
        costs = np.repeat(cost, 2).reshape(-1, 2)
        ends[~kept] = self.ends[:, where[~kept]].T
        costs[~kept] += self.away[:, where[~kept]].T
        return ends.ravel(), costs.ravel()

    def spread(self, of_kept: Floats, nodes: Numbers, cost: Floats) -> Floats:
        """Return the cost to every node, from that to each of `kept`.

        nodes, cost: where the search began.
        """
        found = np.empty(len(self.place))
        found[self.kept] = of_kept
        one, other = (of_kept[e] + a for e, a in zip(self.ends, self.away, strict=True))
        inner = np.minimum(one, other)
        # Along its own chain a node is reached without passing an end.
        for node, at in zip(nodes.tolist(), cost.tolist(), strict=True):
            if not self.is_kept[node]:
                where = self.place[node]
                number = self.chain[where]
                chain = slice(self.first[number], self.first[number + 1])
                along = at + np.abs(self.away[0, chain] - self.away[0, where])
                inner[chain] = np.minimum(inner[chain], along)
        found[self.inner] = inner
        return found


def _is_kept(nodes: int, u: Numbers, v: Numbers) -> NDArray[np.bool_]:
    """Return which nodes do not join two edges; and one of each ring of those that
    do."""
    is_kept: NDArray[np.bool_]
    is_kept = np.bincount(np.concatenate([u, v]), minlength=nodes) != 2
    roads = coo_array((np.ones(len(u), "?"), (u, v)), shape=(nodes, nodes))
    number, of = connected_components(roads, directed=False)
    rings = np.flatnonzero(np.bincount(of, weights=is_kept, minlength=number) == 0)
    first_of = np.unique(of, return_index=True)[1]
    is_kept[first_of[rings]] = True
    return is_kept


def _followed(
    start: Numbers,
    end: Numbers,
    back: Numbers,
    cost: Floats,
    is_kept: NDArray[np.bool_],
) -> tuple[Numbers, Floats]:
    """Follow each arc over inner nodes to a kept one; return the arc that enters that,
    and the cost of the way."""
    arcs = np.arange(len(start))
    out_sum = np.bincount(start, weights=arcs, minlength=len(is_kept)).astype(np.int64)
    goes_on = ~is_kept[end]
    # The one arc that leaves an inner node and is not the way back.
    last = np.where(goes_on, out_sum[end] - back, arcs)
    more = np.where(goes_on, cost[last], 0.0)
    # Each round goes on by as much as all rounds before it.
    while goes_on[last].any():
        more += more[last]
        last = last[last]
    return last, cost + more


def _shortest(u: Numbers, v: Numbers, cost: Floats) -> tuple[Numbers, Numbers, Floats]:
    """Return one edge for each pair of nodes, the shortest, and none to itself."""
    u, v = np.minimum(u, v), np.maximum(u, v)
    order = np.lexsort((cost, v, u))
    u, v, cost = u[order], v[order], cost[order]
    is_new = (np.diff(u, prepend=-1) != 0) | (np.diff(v, prepend=-1) != 0)
    is_new &= u != v
    return u[is_new], v[is_new], cost[is_new]
