"""The graph of the highways: interchanges merged, bends restored, long edges cut."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.roads.build.source import Ints, Network, mended, table
from geo.sphere import Floats, arc_m, unit_vectors

PIECE_M = 10_000.0
"""No edge is longer: a stop beside a long road finds a node near it."""

MERGE_M = 300.0
"""An interchange is one node: nodes joined by edges no longer than this become one, no
wider than twice this."""

BEND_MOST, BEND_FROM_M = 1.6, 1_000.0
"""A winding road lost length when the source simplified it: an edge of more than 1 km
is made longer by the root of its length over the air line, which counts up to 1.6."""

FEWEST = 4
"""Components of fewer nodes are crumbs of the extract, not islands."""


def highway_arrays() -> dict[str, NDArray[Any]]:
    """Return the arrays of the file.

    Raises: ModuleNotFoundError without scgraph_data.
    """
    nodes, u, v, metres, is_link = mended()
    air_m = _air_m(nodes, u, v)
    metres = np.maximum(metres, air_m)
    bend = np.sqrt(np.minimum(metres / np.maximum(air_m, 100.0), BEND_MOST))
    metres = np.where(~is_link & (metres > BEND_FROM_M), metres * bend, metres)
    network = _cut(_without_crumbs(_merged(Network(nodes, u, v, metres, is_link))))
    nodes, u, v, metres, _ = _ordered(network)
    component = _components(len(nodes), u, v)
    size = np.bincount(component)
    rank = np.empty(len(size), np.int64)
    rank[np.lexsort((np.arange(len(size)), -size))] = np.arange(len(size))
    discs = [
        (
            float(row["lat"]) * 1e4,
            float(row["lon"]) * 1e4,
            float(row["radius_km"]) * 1e3,
        )
        for row in table("islands.csv")
    ]
    return {
        "lat": np.round(nodes[:, 0] * 1e4).astype("<i4"),
        "lon": np.round(nodes[:, 1] * 1e4).astype("<i4"),
        "component": rank[component].astype("<u2"),
        "u": u.astype("<i4"),
        "v": v.astype("<i4"),
        "metres": np.maximum(1, np.round(metres)).astype("<u2"),
        "island": np.round(discs).astype("<i4"),
    }


def _air_m(nodes: Floats, u: Ints, v: Ints) -> Floats:
    at = unit_vectors(nodes[:, 0], nodes[:, 1])
    return arc_m(np.linalg.norm(at[u] - at[v], axis=-1))


def _components(nodes: int, u: Ints, v: Ints) -> Ints:
    joined = csr_array((np.ones(len(u)), (u, v)), shape=(nodes, nodes))
    numbers: Ints = connected_components(joined, directed=False)[1].astype(np.int64)
    return numbers


def _merged(network: Network) -> Network:
    """Return the network with nodes joined by short edges merged, at their middle."""
    nodes, u, v, metres, is_link = network
    parent = list(range(len(nodes)))
    box = np.hstack([nodes, nodes])

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for edge in np.lexsort((v, u, metres)):
        if metres[edge] > MERGE_M:
            break
        a, b = find(int(u[edge])), find(int(v[edge]))
        if a == b:
            continue
        low = np.minimum(box[a, :2], box[b, :2])
        high = np.maximum(box[a, 2:], box[b, 2:])
        across = unit_vectors(*low) - unit_vectors(*high)
        if arc_m(np.linalg.norm(across, axis=-1)) <= 2 * MERGE_M:
            parent[b] = a
            box[a] = np.concatenate([low, high])
    to = np.unique([find(node) for node in range(len(nodes))], return_inverse=True)[1]
    count = np.bincount(to)
    middle = np.stack(
        [np.bincount(to, nodes[:, axis]) / count for axis in (0, 1)], axis=1
    )
    kept = to[u] != to[v]
    u, v, metres = to[u][kept], to[v][kept], metres[kept]
    metres = np.maximum(metres, _air_m(middle, u, v))
    return Network(middle, u, v, metres, is_link[kept])


def _without_crumbs(network: Network) -> Network:
    nodes, u, v, metres, is_link = network
    component = _components(len(nodes), u, v)
    kept = np.bincount(component)[component] >= FEWEST
    number = np.cumsum(kept) - 1
    edges = kept[u]
    return Network(
        nodes[kept], number[u[edges]], number[v[edges]], metres[edges], is_link[edges]
    )


def _cut(network: Network) -> Network:
    """Return the network with long edges cut into pieces of one length."""
    nodes, u, v, metres, _ = network
    parts = np.maximum(1, np.ceil(metres / PIECE_M).astype(int))
    short = parts == 1
    more, us, vs, lengths = [nodes], [u[short]], [v[short]], [metres[short]]
    total = len(nodes)
    for edge in np.flatnonzero(~short):
        pieces = parts[edge]
        share = np.arange(1, pieces)[:, None] / pieces
        more.append(nodes[u[edge]] * (1 - share) + nodes[v[edge]] * share)
        between = np.arange(total, total + pieces - 1)
        chain = np.concatenate([[u[edge]], between, [v[edge]]])
        total += pieces - 1
        us.append(chain[:-1])
        vs.append(chain[1:])
        lengths.append(np.full(pieces, metres[edge] / pieces))
    u = np.concatenate(us)
    return Network(
        np.vstack(more),
        u,
        np.concatenate(vs),
        np.concatenate(lengths),
        np.zeros(len(u), np.bool_),
    )


def _ordered(network: Network) -> Network:
    """Return the network with its nodes along a Z curve and each edge once, sorted.

    Neighbours then lie near each other in memory, and the file packs better.
    """
    nodes, u, v, metres, is_link = network
    row = ((nodes[:, 0] - 10) * 1000).astype(np.int64)
    column = ((nodes[:, 1] + 180) * 500).astype(np.int64)
    curve = np.zeros(len(nodes), np.int64)
    for bit in range(17):
        curve |= ((row >> bit) & 1) << (2 * bit + 1) | ((column >> bit) & 1) << (
            2 * bit
        )
    order = np.lexsort((np.arange(len(nodes)), curve))
    rank = np.empty(len(nodes), np.int64)
    rank[order] = np.arange(len(nodes))
    u, v = np.minimum(rank[u], rank[v]), np.maximum(rank[u], rank[v])
    by = np.lexsort((metres, v, u))
    u, v, metres, is_link = u[by], v[by], metres[by], is_link[by]
    first = np.append(True, (u[1:] != u[:-1]) | (v[1:] != v[:-1]))
    return Network(nodes[order], u[first], v[first], metres[first], is_link[first])
