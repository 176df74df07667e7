"""Faults in the roads: how far places are apart, and what is told of the way."""

from tests.mutants import Mutant

HIGHWAYS = "tests/geo/roads/test_highways.py"
CHAINS = "tests/geo/roads/test_chains.py"
SEARCHES = "tests/geo/roads/test_searches.py"
REGIONS = "tests/places/test_regions.py"
MEASURING = "tests/services/loads/test_measuring.py"
ROUTES = "tests/api/loads/test_routes.py"

MUTANTS = (
    Mutant(
        "a-direct-way-goes-over-water",
        "geo/roads/highways.py",
        "            wet_m=WET_M,\n",
        "            wet_m=inf,\n",
        (f"{HIGHWAYS}::TestTheDirectRule",),
    ),
    Mutant(
        "a-direct-way-leads-to-another-island",
        "geo/roads/highways.py",
        "np.flatnonzero(has_road & _is_near(start, ends))",
        "np.flatnonzero(_is_near(start, ends))",
        (f"{HIGHWAYS}::TestBarriers", f"{HIGHWAYS}::TestNoRoad"),
    ),
    Mutant(
        "a-direct-way-reaches-less-far-to-the-east-than-to-the-north",
        "geo/roads/highways.py",
        "    wide = degrees / cos(radians(farthest_north))\n",
        "    wide = degrees\n",
        (f"{HIGHWAYS}::TestTheDirectRule",),
    ),
    Mutant(
        "a-direct-way-has-no-end",
        "geo/roads/highways.py",
        "(air_m < DIRECT_REACH_M) & (direct_m < metres[near])",
        "direct_m < metres[near]",
        (f"{HIGHWAYS}::TestTheDirectRule",),
    ),
    Mutant(
        "the-limit-of-a-way-is-by-air",
        "geo/roads/highways.py",
        "        beyond = metres > limit_m\n",
        "        beyond = _air_m(start, ends) > limit_m\n",
        (f"{HIGHWAYS}::TestALimit",),
    ),
    Mutant(
        "a-search-of-the-graph-ends-before-its-limit",
        "geo/roads/searches.py",
        "            limit=(limit_m + 1) * METRE,\n",
        "            limit=(limit_m + 1) * METRE / FACTOR,\n",
        (f"{HIGHWAYS}::TestALimit", SEARCHES),
    ),
    Mutant(
        "a-node-of-the-chain-where-a-search-begins-is-reached-by-an-end-only",
        "geo/roads/chains.py",
        "            if not self.is_kept[node]:\n",
        "            if not self.is_kept[node] and at < 0:\n",
        (CHAINS,),
    ),
    Mutant(
        "a-ring-without-a-crossing-keeps-no-node",
        "geo/roads/chains.py",
        "    is_kept[first_of[rings]] = True\n",
        "    is_kept[first_of[rings[:1]]] = True\n",
        (CHAINS,),
    ),
    Mutant(
        "of-two-ways-between-two-crossings-the-longer-is-kept",
        "geo/roads/chains.py",
        "    order = np.lexsort((cost, v, u))\n",
        "    order = np.lexsort((-cost, v, u))\n",
        (CHAINS, SEARCHES),
    ),
    Mutant(
        "a-node-beyond-the-limit-has-the-cost-of-one-end",
        "geo/roads/searches.py",
        "        found[found > (limit_m + 1) * METRE] = inf\n",
        "",
        (SEARCHES,),
    ),
    Mutant(
        "a-narrow-search-that-is-kept-answers-a-wider-one",
        "geo/roads/searches.py",
        "            if known is not None and known[0] >= limit_m:\n",
        "            if known is not None:\n",
        (f"{SEARCHES}::TestTheCache",),
    ),
    Mutant(
        "starts-with-the-same-nodes-are-the-same-place",
        "geo/roads/searches.py",
        "    return start.nodes.tobytes() + start.access.tobytes()\n",
        "    return start.nodes.tobytes()\n",
        (HIGHWAYS, SEARCHES),
    ),
    Mutant(
        "a-place-across-a-bay-reaches-the-road-there",
        "geo/roads/snapping.py",
        "            air_m <= FARTHER * nearest_m + FARTHER_M\n",
        "            air_m <= REACH_M\n",
        (f"{HIGHWAYS}::TestBarriers",),
    ),
    Mutant(
        "a-point-far-out-at-sea-has-a-road",
        "geo/roads/snapping.py",
        "(nearest_m[:, 0] > REACH_M) | self._is_on_island(points)",
        "self._is_on_island(points)",
        (f"{HIGHWAYS}::TestNoRoad",),
    ),
    Mutant(
        "a-line-over-water-depends-on-where-it-begins",
        "geo/roads/water.py",
        "    is_turned = (lat_a > lat_b) | ((lat_a == lat_b) & (lon_a > lon_b))\n",
        "    is_turned = np.zeros(len(lat_a), np.bool_)\n",
        ("tests/geo/roads/test_water.py",),
    ),
    Mutant(
        "a-changed-graph-passes-for-the-one-of-its-version",
        "geo/roads/graph.py",
        "    if version_of(arrays) != version:\n",
        "    if not version:\n",
        ("tests/geo/roads/test_graph.py",),
    ),
    Mutant(
        "a-city-reaches-far-into-the-country",
        "places/regions.py",
        "URBAN_M = 25_000.0\n",
        "URBAN_M = 40_000.0\n",
        (REGIONS,),
    ),
    Mutant(
        "near-a-border-the-nearest-town-tells-the-country",
        "places/regions.py",
        "    is_clear = other_m >= CLEARLY * nearest_m and ",
        "    is_clear = other_m >= nearest_m and ",
        (f"{REGIONS}::TestThePosition",),
    ),
    Mutant(
        "a-load-underway-is-measured-again",
        "services/loads/measuring.py",
        "LoadStatus.HELD, LoadStatus.WITHDRAWN),\n",
        "LoadStatus.HELD, LoadStatus.BOOKED),\n",
        (MEASURING,),
    ),
    Mutant(
        "a-load-measured-by-other-roads-stays-as-it-is",
        "services/loads/measuring.py",
        "        if all(stop.road_version == roads.version for stop in load.stops):\n",
        "        if all(stop.road_version for stop in load.stops):\n",
        (MEASURING,),
    ),
    Mutant(
        "the-last-stop-that-no-road-reaches-is-named",
        "services/loads/measuring.py",
        "        if not has_road and without_road is None:\n",
        "        if not has_road:\n",
        (MEASURING,),
    ),
    Mutant(
        "a-load-without-a-road-is-as-long-as-before",
        "services/loads/measuring.py",
        "        load.distance_source = NO_ROAD\n",
        "        pass\n",
        (MEASURING,),
    ),
    Mutant(
        "a-strangers-route-shows-the-docks-exactly",
        "api/loads/routes.py",
        "            if form_of(load) is Form.MARKET:\n",
        "            if not visits:\n",
        (f"{ROUTES}::TestAnOffer",),
    ),
    Mutant(
        "an-offers-route-shows-the-docks-exactly",
        "api/loads/routes.py",
        "(drop, *_coarse(stops), home)",
        "(drop, *stops, home)",
        (f"{ROUTES}::TestAnOffer",),
    ),
    Mutant(
        "the-route-of-a-declined-offer-follows-the-load",
        "services/search/routes.py",
        "    if offer.status in OPEN_OFFERS:\n",
        "    if offer.status:\n",
        (f"{ROUTES}::TestAnOffer",),
    ),
)
