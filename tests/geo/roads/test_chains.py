"""A search over the kept nodes says the same as one over all nodes, whatever the graph
and wherever it begins."""

from itertools import pairwise
from math import inf
from random import Random

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.roads.chains import Chains


def some_graph(rng: Random):
    """Return nodes and edges: a few crossings, joined by chains of nodes, with dead
    ends, rings, lone nodes and several ways between two crossings."""
    edges: dict[tuple[int, int], int] = {}
    nodes = crossings = rng.randint(1, 6)

    def join(a, b):
        if a != b:
            edges.setdefault((min(a, b), max(a, b)), rng.randint(1, 9))

    for _ in range(rng.randint(1, 12)):
        kind = rng.choice(["chain", "chain", "chain", "dead end", "ring", "lone"])
        length = rng.randint(0, 5) if kind == "chain" else rng.randint(3, 5)
        inner = list(range(nodes, nodes + length))
        nodes += length
        first, last = rng.randrange(crossings), rng.randrange(crossings)
        way = {
            "chain": [first, *inner, last],
            "dead end": [first, *inner],
            "ring": [*inner, inner[0]] if inner else [],
            "lone": [],
        }[kind]
        for a, b in pairwise(way):
            join(a, b)
    names = list(range(nodes))
    rng.shuffle(names)
    pairs = [sorted((names[a], names[b])) for a, b in edges]
    u, v = np.array(pairs, np.int64).reshape(-1, 2).T
    return nodes, u, v, np.array([*edges.values()], float)


def costs_of(nodes, u, v, cost, starts, limit):
    """Search a graph with one more node, from which the edges of `starts` lead."""
    more = np.full(len(starts), nodes), np.array([node for node, _ in starts])
    ends = np.concatenate([u, v, more[0]]), np.concatenate([v, u, more[1]])
    values = np.concatenate([cost, cost, [float(at) for _, at in starts]])
    matrix = coo_array((values, ends), shape=(nodes + 1, nodes + 1)).tocsr()
    return dijkstra(matrix, indices=nodes, limit=limit)[:-1]


@pytest.mark.parametrize("seed", range(300))
def test_every_cost_is_that_of_a_search_over_all_nodes(seed):
    rng = Random(seed)
    nodes, *edges = some_graph(rng)
    starts = rng.sample(range(nodes), min(nodes, rng.randint(1, 4)))
    reached = [(node, rng.randint(1, 20)) for node in starts]
    limit = rng.choice([inf, inf, 15.0])

    chains = Chains.of(nodes, *edges)
    begins = np.array(starts), np.array([float(at) for _, at in reached])
    steps = list(zip(*chains.steps(*begins), strict=True))
    least = [(node, min(at for n, at in steps if n == node)) for node, _ in steps]
    among = chains.u, chains.v, chains.cost
    of_kept = costs_of(len(chains.kept), *among, list(dict.fromkeys(least)), limit)
    found = chains.spread(of_kept, *begins)
    found[found > limit] = inf

    assert found.tolist() == costs_of(nodes, *edges, reached, limit).tolist()


@pytest.mark.parametrize("seed", range(300))
def test_no_node_is_kept_that_only_joins_two_edges(seed):
    nodes, u, v, cost = some_graph(Random(seed))
    chains = Chains.of(nodes, u, v, cost)
    degree = np.bincount(np.concatenate([u, v]), minlength=nodes)

    assert sorted([*chains.kept, *chains.inner]) == list(range(nodes))
    assert set(degree[chains.inner]) <= {2}
    rings = np.count_nonzero(degree[chains.kept] == 2)
    assert rings <= sum(cost > 0) // 3
    assert len(set(zip(chains.u, chains.v, strict=True))) == len(chains.u)
    assert (chains.u < chains.v).all()
