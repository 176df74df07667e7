"""Faults in searches that are asked for, offers by hand, and what a driver who waits is
told."""

from tests.mutants import Mutant

ASK = "services/search/ask.py"
DIRECT = "services/search/direct.py"
START = "services/judging/start.py"
OUTLOOK = "services/search/outlook.py"

ASKED = "tests/services/search/test_ask.py"
BY_HAND = "tests/services/search/test_direct.py"
TOLD = "tests/services/search/test_outlook.py"
NO_ROAD = "tests/services/search/test_no_road.py"
LIMITS = "tests/api/kernel/test_limits.py"
REQUESTS = "tests/services/search/test_requests.py"

MUTANTS = (
    Mutant(
        "a-driver-and-another-ones-truck-are-asked-for-together",
        ASK,
        "    if driver_id is not None and truck_id is not None:\n",
        "    if driver_id is None is truck_id and not actor:\n",
        (f"{REQUESTS}::TestForWhom",),
    ),
    Mutant(
        "an-owner-who-drives-names-themselves",
        ASK,
        "    wanted = driver_id or actor.driver_id\n",
        "    wanted = driver_id or (\n"
        "        None if actor.is_dispatcher else actor.driver_id\n    )\n",
        ("tests/services/search/test_ask_for_whom.py::TestAnOwnerWhoDrives",),
    ),
    Mutant(
        "a-truck-stands-for-its-first-driver",
        ASK,
        "    return (free or on_the_truck)[0]\n",
        "    return on_the_truck[0]\n",
        (f"{ASKED}::TestWhatIsAskedFor",),
    ),
    Mutant(
        "a-truck-whose-driver-is-off-duty-stands-for-nobody",
        ASK,
        "    return (free or on_the_truck)[0]\n",
        "    return free[0]\n",
        (f"{REQUESTS}::TestForWhom",),
    ),
    Mutant(
        "a-driver-asks-for-a-colleague-by-their-truck",
        ASK,
        "    of_truck = drivers.visible_drivers(actor).where(",
        "    of_truck = select(Driver).where(Driver.org_id == actor.org_id).where(",
        (f"{REQUESTS}::TestForWhom",),
    ),
    Mutant(
        "a-driver-with-a-target-needs-a-home",
        ASK,
        "    if driver.home is None and request.destination is None:\n",
        "    if driver.home is None:\n",
        (f"{ASKED}::TestBadRequests",),
    ),
    Mutant(
        "a-request-that-is-a-minute-late-is-refused",
        ASK,
        "free_at < now - LATE_BY:\n",
        "free_at < now:\n",
        (f"{REQUESTS}::TestWhen",),
    ),
    Mutant(
        "a-request-from-an-hour-ago-is-free-an-hour-ago",
        ASK,
        "    free_at = max(request.free_at or now, now)\n",
        "    free_at = request.free_at or now\n",
        (f"{REQUESTS}::TestWhen",),
    ),
    Mutant(
        "plans-are-made-a-year-ahead",
        ASK,
        "AHEAD = timedelta(days=30)\n",
        "AHEAD = timedelta(days=365)\n",
        (f"{REQUESTS}::TestWhen",),
    ),
    Mutant(
        "a-target-that-no-road-reaches-is-not-noticed",
        ASK,
        "    destination = request.destination or driver.home\n",
        "    destination = driver.home or request.destination\n",
        (NO_ROAD,),
    ),
    Mutant(
        "a-dry-run-lets-the-driver-wait-elsewhere",
        ASK,
        "    if search.is_dry_run or search.outcome is not SearchOutcome.PENDING:\n",
        "    if search.outcome is not SearchOutcome.PENDING:\n",
        (f"{ASKED}::TestADryRun",),
    ),
    Mutant(
        "a-repeated-request-moves-a-driver-who-waits",
        ASK,
        "    if search.is_dry_run or search.outcome is not SearchOutcome.PENDING:\n",
        "    if search.is_dry_run:\n",
        (f"{REQUESTS}::TestARepeat",),
    ),
    Mutant(
        "a-repeated-request-is-searched-for-again",
        ASK,
        "            BackhaulSearch.id == search_id,\n"
        "            BackhaulSearch.outcome == SearchOutcome.PENDING,\n",
        "            BackhaulSearch.id == search_id,\n",
        (f"{REQUESTS}::TestARepeat",),
    ),
    Mutant(
        "two-runs-of-a-request-at-once-search-twice",
        ASK,
        "        )\n        .with_for_update()\n    )\n    if search is None:\n",
        "        )\n    )\n    if search is None:\n",
        (f"{REQUESTS}::TestARepeat",),
    ),
    Mutant(
        "a-request-is-given-up-before-it-could-run",
        ASK,
        "        BackhaulSearch.searched_at < now - GIVEN_UP_AFTER,\n",
        "        BackhaulSearch.searched_at < now,\n",
        (f"{REQUESTS}::TestGivenUp",),
    ),
    Mutant(
        "searches-that-ran-are-given-up",
        ASK,
        "        BackhaulSearch.outcome == SearchOutcome.PENDING,\n"
        "        BackhaulSearch.searched_at <",
        "        BackhaulSearch.searched_at <",
        (f"{REQUESTS}::TestGivenUp",),
    ),
    Mutant(
        "two-desks-fill-one-drivers-hand-beyond-its-places",
        DIRECT,
        "search.driver_id, is_locked=True)\n",
        "search.driver_id)\n",
        (f"{BY_HAND}::test_two_desks_do_not_fill_one_hand_beyond_its_places",),
    ),
    Mutant(
        "a-full-hand-takes-one-more-by-hand",
        DIRECT,
        ">= rules.per_driver:\n",
        "> rules.per_driver:\n",
        (f"{BY_HAND}::TestALoadOfADryRun",),
    ),
    Mutant(
        "an-offer-by-hand-is-followed-by-the-list",
        DIRECT,
        "    direct = replace(rules, strategy=Strategy.DIRECT)\n",
        "    direct = replace(rules)\n",
        (f"{BY_HAND}::TestALoadOfADryRun",),
    ),
    Mutant(
        "an-offer-by-hand-is-recorded-as-the-systems",
        DIRECT,
        "by_whom=Role.DISPATCHER\n",
        "by_whom=Role.SYSTEM\n",
        (f"{BY_HAND}::TestALoadOfADryRun",),
    ),
    Mutant(
        "a-driver-with-a-load-is-offered-one-by-hand",
        DIRECT,
        "    if drivers.has_load(session, driver.id):\n",
        "    if not driver.id:\n",
        (f"{BY_HAND}::TestIsRefused",),
    ),
    Mutant(
        "a-resting-driver-is-rung-by-hand",
        DIRECT,
        "    if driver.availability is not Availability.AVAILABLE:\n",
        "    if driver.availability is Availability.OFF_DUTY:\n",
        (f"{BY_HAND}::TestIsRefused",),
    ),
    Mutant(
        "a-load-of-another-search-is-offered-a-second-time",
        DIRECT,
        "    if session.scalar(held) is not None:\n",
        "    if session.scalar(held) is None is driver:\n",
        (f"{BY_HAND}::TestIsRefused",),
    ),
    Mutant(
        "the-desk-is-told-to-wait-for-a-load-that-was-handed-back",
        DIRECT,
        "Load.id == load_id, given_up)",
        "Load.id == load_id, ~given_up)",
        (f"{BY_HAND}::TestIsRefused",),
    ),
    Mutant(
        "a-suspended-company-searches-by-dry-runs",
        START,
        "    if is_suspended(session, driver.org_id):\n"
        "        return SearchOutcome.COMPANY_SUSPENDED\n"
        "    if search is not None and search.is_dry_run:\n        return None\n",
        "    if search is not None and search.is_dry_run:\n        return None\n"
        "    if is_suspended(session, driver.org_id):\n"
        "        return SearchOutcome.COMPANY_SUSPENDED\n",
        (f"{REQUESTS}::TestTheOutcome",),
    ),
    Mutant(
        "a-target-beyond-the-map-is-searched-for",
        START,
        "    if haversine_m(place.point, home) > FARTHEST_HOME_M:\n",
        "    if haversine_m(place.point, driver.home or home) > FARTHEST_HOME_M:\n",
        (f"{REQUESTS}::TestTheWaiting",),
    ),
    Mutant(
        "the-radius-that-was-asked-for-is-forgotten-when-a-load-is-offered",
        START,
        '    return record.get("radius_m") if record else None\n',
        "    return None\n",
        (f"{BY_HAND}::TestALoadBeyondTheDriversLimit",),
    ),
    Mutant(
        "a-request-that-waits-or-failed-is-told-as-a-search",
        OUTLOOK,
        "SearchOutcome.PENDING, SearchOutcome.FAILED, SearchOutcome.DRIVER_BUSY",
        "SearchOutcome.DRIVER_BUSY,",
        (TOLD,),
    ),
    Mutant(
        "a-search-of-one-load-that-came-is-told-as-one-of-all",
        OUTLOOK,
        "            BackhaulSearch.trigger != SearchTrigger.LOAD_CHANGED,\n",
        "",
        (TOLD,),
    ),
    Mutant(
        "the-oldest-search-is-told-as-the-newest",
        OUTLOOK,
        "BackhaulSearch.id.desc()",
        "BackhaulSearch.id",
        (TOLD,),
    ),
    Mutant(
        "a-driver-whose-search-has-not-run-is-told-that-there-is-nothing",
        OUTLOOK,
        "    if search is None or search.searched_at < waits.since:\n",
        "    if search is None:\n",
        (TOLD,),
    ),
    Mutant(
        "a-driver-who-was-rung-often-is-told-that-the-next-load-rings",
        OUTLOOK,
        "is_rung_often = rings >= rules.rings_per_day\n",
        "is_rung_often = rings > rules.rings_per_day\n",
        (TOLD,),
    ),
    Mutant(
        "a-driver-with-a-load-is-told-that-they-wait",
        OUTLOOK,
        "    waits = row if absence is None and not is_done else None\n",
        "    waits = row if not is_done else None\n",
        (f"{TOLD}::TestTheOutlook",),
    ),
    Mutant(
        "a-target-is-where-the-truck-is",
        "api/search/searches.py",
        '            destination=_point(body["destination"]),\n',
        '            destination=_point(body["place"]),\n',
        (f"{ASKED}::TestWhatIsAskedFor",),
    ),
    Mutant(
        "a-search-that-is-asked-for-twice-with-one-key-is-made-twice",
        "api/search/searches.py",
        "    @once\n    @blueprint.arguments(SearchIn)\n",
        "    @blueprint.arguments(SearchIn)\n",
        ("tests/api/kernel/test_idempotency.py",),
    ),
    Mutant(
        "a-search-looks-no-farther-than-nothing",
        "api/search/searches.py",
        "            0, ask.RADIUS_M, min_inclusive=False,",
        "            0, ask.RADIUS_M, min_inclusive=True,",
        (f"{ASKED}::TestBadRequests",),
    ),
    Mutant(
        "a-shipper-reads-who-waits",
        "api/search/waiting.py",
        "    @requires(Permission.SEARCHES_READ)\n",
        "    @requires(Permission.LOADS_READ)\n",
        (f"{TOLD}::TestWhoMaySee",),
    ),
    Mutant(
        "a-colleague-uses-up-the-quota-of-searches",
        "api/kernel/limits.py",
        '        keys["searches"] = person\n',
        '        keys["searches"] = str(claims.org_id)\n',
        (f"{LIMITS}",),
    ),
    Mutant(
        "reading-searches-uses-up-the-quota-of-asking",
        "api/kernel/limits.py",
        'rule is not None and request.method == "POST" and rule.rule == SEARCHES:',
        "rule is not None and rule.rule == SEARCHES:",
        (f"{LIMITS}",),
    ),
)
