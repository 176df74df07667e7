"""Faults in how a search runs, in what it adds to what a driver holds, and in what
would have to change."""

from tests.mutants import Mutant

RUN = "services/search/run.py"
GOES_ON = "services/search/going_on.py"
ADDING = "services/search/adding.py"
WHERE = "services/judging/whereabouts.py"
RELAX = "freight/relaxations.py"
MOST = "freight/waiting.py"

ADDED = "tests/services/search/test_adding.py"
ASKED = "tests/services/search/test_ask.py"
BESIDE = "tests/services/search/test_waiting_beside.py"
BOUND = "tests/freight/test_waiting.py"
BY_HAND = "tests/services/search/test_direct.py"
COMES = "tests/services/search/test_waiting.py"
TOGETHER = "tests/services/search/test_waking_together.py"
OBSTACLES = "tests/services/search/test_obstacles.py"
ON_DUTY = "tests/services/search/test_back_on_duty.py"
RINGS = "tests/services/search/test_rings.py"
STEPS = "tests/freight/test_relaxations.py"
REQUESTS = "tests/services/search/test_requests.py"

MUTANTS = (
    Mutant(
        "a-late-report-starts-the-truck-in-the-past",
        RUN,
        "    free_at = max(stop.completed_at or now, now)\n",
        "    free_at = stop.completed_at or now\n",
        (f"{OBSTACLES}",),
    ),
    Mutant(
        "two-runs-of-a-woken-search-search-twice",
        RUN,
        "WaitingDriver, driver_id, with_for_update=True)",
        "WaitingDriver, driver_id)",
        (f"{BESIDE}::TestOnceAMinute",),
    ),
    Mutant(
        "a-job-without-loads-makes-an-empty-search",
        RUN,
        "    if waits is None or not waits.load_ids:\n",
        "    if waits is None:\n",
        (f"{BESIDE}::TestOnceAMinute",),
    ),
    Mutant(
        "a-woken-driver-is-rung-again-within-a-minute",
        RUN,
        "    if quiet_until is not None and quiet_until > now:\n",
        "    if quiet_until is not None and quiet_until > now > quiet_until:\n",
        (f"{BESIDE}::TestOnceAMinute",),
    ),
    Mutant(
        "a-search-that-was-put-off-is-owed-as-of-before",
        RUN,
        "        waits.due_at = quiet_until\n",
        "",
        (f"{BESIDE}::TestOnceAMinute",),
    ),
    Mutant(
        "a-driver-whose-loads-were-judged-still-owes-a-search",
        RUN,
        "    waits.load_ids, waits.due_at = [], None\n    session.flush()\n",
        "    waits.load_ids = []\n    session.flush()\n",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "a-woken-search-of-a-truck-that-is-free-tomorrow-starts-now",
        RUN,
        "    free_at = max(waits.free_at, now)\n",
        "    free_at = now\n",
        (f"{REQUESTS}::TestWhen",),
    ),
    Mutant(
        "a-woken-search-starts-when-the-driver-began-to-wait",
        RUN,
        "    free_at = max(waits.free_at, now)\n",
        "    free_at = waits.free_at\n",
        ("tests/services/search/test_who_waits.py::TestWhenTheyAreFree",),
    ),
    Mutant(
        "a-request-in-vain-ends-the-waiting",
        RUN,
        "    if search.trigger not in "
        "{SearchTrigger.REQUESTED, SearchTrigger.ARRIVED}:\n",
        "    if search.trigger is not SearchTrigger.ARRIVED:\n",
        (f"{REQUESTS}::TestTheWaiting",),
    ),
    Mutant(
        "a-driver-who-came-home-is-rung",
        RUN,
        "    if waiting.is_home(start.place.point, start.home):\n        return []\n",
        "",
        (f"{BESIDE}::TestHome",),
    ),
    Mutant(
        "an-offer-by-hand-that-ended-leaves-the-drops-list-unused",
        GOES_ON,
        "    if search.is_dry_run:\n        _go_back(session, search)\n",
        "    if search.is_dry_run:\n        return\n",
        (f"{BY_HAND}::TestALoadBeyondTheDriversLimit",),
    ),
    Mutant(
        "the-oldest-drops-list-goes-on",
        GOES_ON,
        "of_all.order_by(BackhaulSearch.id.desc())",
        "of_all.order_by(BackhaulSearch.id)",
        (f"{BESIDE}::TestOffersOfTwoSearches",),
    ),
    Mutant(
        "a-woken-search-has-relaxations",
        RUN,
        "    if not ranked and search.load_ids is None:\n",
        "    if not ranked:\n",
        (
            "tests/services/search/test_who_waits.py"
            "::test_a_search_of_what_came_says_nothing_of_the_rest",
        ),
    ),
    Mutant(
        "a-driver-waits-for-a-way-to-where-they-asked-once",
        RUN,
        "    if not search.is_dry_run and start.home == start.driver.home:\n",
        "    if not search.is_dry_run:\n",
        (f"{REQUESTS}::TestTheWaiting",),
    ),
    Mutant(
        "a-live-search-whose-loads-are-full-is-told-as-a-dry-run",
        RUN,
        "    elif search.is_dry_run and search.ranked:\n",
        "    elif search.ranked:\n",
        (f"{REQUESTS}::TestTheOutcome",),
    ),
    Mutant(
        "a-request-takes-the-place-of-what-the-driver-holds",
        "models/search/searches.py",
        "    SearchTrigger.DROP_COMPLETED,\n    SearchTrigger.ASSIGNMENT_ENDED,\n",
        "    SearchTrigger.DROP_COMPLETED,\n    SearchTrigger.ASSIGNMENT_ENDED,\n"
        "    SearchTrigger.REQUESTED,\n",
        (f"{ASKED}::TestADryRun",),
    ),
    Mutant(
        "a-load-must-beat-the-best-that-a-driver-holds",
        ADDING,
        "select(Offer.driver_id, func.min(Offer.score_cents))",
        "select(Offer.driver_id, func.max(Offer.score_cents))",
        (f"{COMES}::TestALoadThatComes",),
    ),
    Mutant(
        "any-gain-more-is-enough-to-ring",
        ADDING,
        "        driver_id: worst[driver_id] + rules.better_by_cents\n",
        "        driver_id: worst[driver_id]\n",
        (ADDED,),
    ),
    Mutant(
        "a-driver-who-was-rung-often-enough-meanwhile-is-rung-once-more",
        ADDING,
        " or not free or rings >= rules.rings_per_day:\n",
        " or not free or rings > rules.rings_per_day:\n",
        (RINGS,),
    ),
    Mutant(
        "a-driver-who-asks-is-not-rung-as-they-were-often-enough",
        ADDING,
        "    rings = 0 if is_asked_for else waiting.rings(",
        "    rings = waiting.rings(",
        (f"{ASKED}::TestASearchThatIsNoDryRun",),
    ),
    Mutant(
        "a-driver-who-asks-is-offered-only-what-is-better-than-all-they-hold",
        ADDING,
        "        least = 0 if is_asked_for and len(better) < room else floor\n",
        "        least = floor\n",
        (f"{ASKED}::TestASearchThatIsNoDryRun",),
    ),
    Mutant(
        "a-load-that-was-declined-is-offered-again-when-it-came",
        ADDING,
        "        if each.load.id in known or each.ranked.score_cents <= least:\n",
        "        if each.ranked.score_cents <= least:\n",
        (f"{BESIDE}::TestALoadThatTheDropsSearchFoundToo",),
    ),
    Mutant(
        "the-freight-that-a-driver-holds-is-added-to-it",
        ADDING,
        "        if held.takes(each.load.org_id, each.ranked):\n",
        "        if held:\n",
        (ADDED,),
    ),
    Mutant(
        "each-load-of-a-search-finds-the-same-room",
        ADDING,
        "        room -= 1\n",
        "",
        (
            f"{REQUESTS}::TestTheOutcome",
            ADDED,
        ),
    ),
    Mutant(
        "a-sequence-holds-as-many-as-a-broadcast",
        ADDING,
        "    room = min(rules.at_once, rules.per_driver) - ",
        "    room = rules.per_driver - ",
        (ADDED,),
    ),
    Mutant(
        "what-expired-is-not-offered-to-a-driver-who-asks",
        ADDING,
        "{OfferStatus.EXPIRED} if is_asked_for else set()",
        "set()",
        (f"{ASKED}::TestASearchThatIsNoDryRun",),
    ),
    Mutant(
        "what-expired-rings-again-unasked",
        ADDING,
        "{OfferStatus.EXPIRED} if is_asked_for else set()",
        "{OfferStatus.EXPIRED}",
        (f"{BESIDE}::TestALoadThatTheDropsSearchFoundToo",),
    ),
    Mutant(
        "a-position-from-before-the-drop-is-where-a-woken-search-starts",
        WHERE,
        "    if known is not None and known.corrected_at > waits.free_at:\n",
        "    if known is not None:\n",
        (f"{BESIDE}::TestWhereTheyAre",),
    ),
    Mutant(
        "the-older-of-two-places-is-where-the-driver-is",
        WHERE,
        "    return max(found, key",
        "    return min(found, key",
        (ON_DUTY,),
    ),
    Mutant(
        "the-widest-circle-holds-only-the-first-step",
        RELAX,
        "circle.radius_m + max(MORE_DEADHEAD_M)",
        "circle.radius_m + min(MORE_DEADHEAD_M)",
        (STEPS,),
    ),
    Mutant(
        "each-kind-has-all-its-steps",
        RELAX,
        "                found.append(step)\n                break\n",
        "                found.append(step)\n",
        (STEPS,),
    ),
    Mutant(
        "a-truck-that-waits-leaves-minutes-later",
        RELAX,
        "timedelta(hours=hours) for hours",
        "timedelta(minutes=hours) for hours",
        (STEPS,),
    ),
    Mutant(
        "a-step-farther-is-not-beyond-the-limit",
        RELAX,
        "max_deadhead_m=limit_m + more_m)",
        "max_deadhead_m=more_m)",
        (STEPS,),
    ),
    Mutant(
        "giving-up-a-hard-wish-gives-up-a-soft-one-too",
        RELAX,
        "if not (wish.is_hard and wish.kind is kind))",
        "if wish.kind is not kind)",
        (STEPS,),
    ),
    Mutant(
        "a-relaxation-gives-up-what-was-drawn",
        RELAX,
        "    drawn = asked.area.operating, asked.area.no_go\n",
        "    drawn = asked.area.operating[:0], asked.area.no_go[:0]\n",
        (STEPS,),
    ),
    Mutant(
        "reefers-take-only-what-must-be-cold",
        RELAX,
        "    types = {kind, DRY_FOR_REEFERS.get(kind, kind)}\n",
        "    types = {kind}\n",
        (STEPS,),
    ),
    Mutant(
        "the-trucks-own-type-is-tried-as-another-one",
        RELAX,
        "if kind not in {own, Equipment.OTHER}",
        "if kind is not Equipment.OTHER",
        (STEPS,),
    ),
    Mutant(
        "every-type-of-truck-is-named",
        RELAX,
        "-step.load_count)[:TYPES]\n",
        "-step.load_count)\n",
        (STEPS,),
    ),
    Mutant(
        "the-types-of-truck-come-in-the-order-of-what-is-near",
        RELAX,
        "    return sorted(found, key=lambda step: -step.load_count)[:TYPES]\n",
        "    return found[:TYPES]\n",
        (STEPS,),
    ),
    Mutant(
        "a-relaxation-promises-the-worst-load",
        RELAX,
        "score_cents.max())",
        "score_cents.min())",
        (STEPS,),
    ),
    Mutant(
        "a-load-that-takes-reefers-finds-only-dry-trucks",
        MOST,
        "    if load.takes_reefers:\n",
        "    if not load.equipment:\n",
        ("tests/services/search/test_waking_who_may.py",),
    ),
    Mutant(
        "one-mile-more-means-no-rest-more",
        MOST,
        "elapsed_s(more_m / SLOW_MPS) + RESTART_S\n",
        "elapsed_s(more_m / SLOW_MPS)\n",
        (BOUND,),
    ),
    Mutant(
        "a-load-gains-at-most-what-it-gains-without-wishes",
        MOST,
        "        + trucks.wishes_cents\n",
        "",
        (BOUND,),
    ),
    Mutant(
        "a-load-gains-at-most-its-price-without-the-fee",
        MOST,
        "float(load.price_cents[0]) * (1 - parameters.fee_share)",
        "float(load.price_cents[0])",
        (BOUND,),
    ),
    Mutant(
        "a-truck-is-at-a-pickup-that-has-closed",
        MOST,
        "    gain[pickup_at > float(load.pickup_until[0])] = -inf\n",
        "",
        (BOUND,),
    ),
    Mutant(
        "a-delivery-from-where-no-road-leads-home-wakes-a-new-driver",
        MOST,
        "np.isfinite(home.metres) & (home.metres <= limits_m)",
        "home.metres <= limits_m",
        (BOUND,),
    ),
    Mutant(
        "no-truck-waits-for-a-pickup-to-open",
        MOST,
        "np.maximum(pickup_at, float(load.pickup_from[0])) + parameters",
        "pickup_at + parameters",
        (BOUND,),
    ),
    Mutant(
        "no-truck-waits-for-a-delivery-to-open",
        MOST,
        "np.maximum(delivery_at, float(load.delivery_from[0])) + parameters",
        "delivery_at + parameters",
        (BOUND,),
    ),
    Mutant(
        "a-detour-of-any-length-may-gain-something",
        MOST,
        "np.isfinite(home.metres) & (home.metres <= limits_m)",
        "np.isfinite(home.metres)",
        (BOUND,),
    ),
    Mutant(
        "no-lane-keeps-a-driver-asleep",
        MOST,
        "AT_SIGHT = (*FREIGHT, LANES, *PLACES)\n",
        "AT_SIGHT = (*FREIGHT, *PLACES)\n",
        ("tests/services/search/test_waking_who_may.py",),
    ),
)
