"""Faults in who waits for a load, whom a load wakes, and what it can gain them."""

from tests.mutants import Mutant

WAITING = "services/search/waiting.py"
FINDS = "services/search/who_waits.py"
WAKE = "services/search/wake.py"

COMES = "tests/services/search/test_waiting.py"
BESIDE = "tests/services/search/test_waiting_beside.py"
EDITED = "tests/services/search/test_waiting_edited.py"
RACES = "tests/services/search/test_waiting_races.py"
WHO = "tests/services/search/test_who_waits.py"
MAY = "tests/services/search/test_waking_who_may.py"
CAME = "tests/services/search/test_what_came.py"
ON_DUTY = "tests/services/search/test_back_on_duty.py"
RINGS = "tests/services/search/test_rings.py"
ASKED = "tests/services/search/test_ask.py"
REQUESTS = "tests/services/search/test_requests.py"

MUTANTS = (
    Mutant(
        "a-drop-that-is-reported-again-begins-another-wait",
        WAITING,
        "        and not exists (select from backhaul_searches b\n"
        "            where b.stop_id = s.id and b.trigger = 'drop_completed')\n",
        "",
        (f"{COMES}::TestTheRow",),
    ),
    Mutant(
        "a-driver-who-asks-off-duty-waits",
        WAITING,
        "    where id = :driver_id and availability = 'available'\n",
        "    where id = :driver_id\n",
        (f"{ASKED}::TestASearchThatIsNoDryRun",),
    ),
    Mutant(
        "a-driver-who-asks-begins-to-wait-anew",
        WAITING,
        "    } then excluded.since else waiting_drivers.since end\n",
        "    } then excluded.since else excluded.since end\n",
        (f"{REQUESTS}::TestTheWaiting",),
    ),
    Mutant(
        "home-is-25-km-wide",
        WAITING,
        "HOME_M = 25 * METRES_PER_MILE\n",
        "HOME_M = 25 * 1_000.0\n",
        (f"{BESIDE}::TestHome",),
    ),
    Mutant(
        "a-truck-that-moved-has-the-air-lines-way-home",
        FINDS,
        "    return DETOUR * air_m if air_m > 0 else 0.0\n",
        "    return air_m\n",
        (f"{WHO}::TestWhereTheyAre",),
    ),
    Mutant(
        "a-truck-that-moved-is-home-as-soon-as-before",
        FINDS,
        "            row.baseline_s + longest_s(more_m) if",
        "            row.baseline_s if",
        (f"{WHO}::TestWhereTheyAre",),
    ),
    Mutant(
        "the-first-ring-is-the-last-one",
        WAITING,
        "select max(f.created_at) from offers f",
        "select min(f.created_at) from offers f",
        (f"{BESIDE}::TestOnceAMinute", f"{COMES}::TestALoadThatComes"),
    ),
    Mutant(
        "offers-made-at-once-are-several-rings",
        WAITING,
        "count(distinct f.created_at)",
        "count(*)",
        ("tests/services/search/test_outlook.py::TestTheOutlook",),
    ),
    Mutant(
        "rings-are-counted-for-an-hour",
        WAITING,
        "now() - interval '1 day'",
        "now() - interval '1 hour'",
        (RINGS,),
    ),
    Mutant(
        "the-drivers-own-limit-does-not-decide-who-is-near",
        FINDS,
        "        where loads.id = :load_id and {NEAR}\n",
        "        where loads.id = :load_id\n"
        "            and {NEAR.replace('d.max_deadhead_m', 'null')}\n",
        (f"{WHO}::TestTheDriversOwnLimit",),
    ),
    Mutant(
        "the-empty-way-home-of-a-driver-alone-is-that-of-a-crew",
        FINDS,
        "(w.home_lat, w.home_lon, w.is_crew)\n"
        '    = (d.home_lat, d.home_lon, {IS_CREW.format(driver="d")})\n',
        "(w.home_lat, w.home_lon)\n    = (d.home_lat, d.home_lon)\n",
        (f"{EDITED}::TestTheEmptyWayHome",),
    ),
    Mutant(
        "a-truck-that-has-waited-for-hours-left-hours-ago",
        FINDS,
        "        greatest(w.free_at, now()) as free_at,",
        "        w.free_at as free_at,",
        (f"{WHO}::TestWhenTheyAreFree",),
    ),
    Mutant(
        "a-position-from-before-the-drop-is-where-a-load-finds-the-truck",
        FINDS,
        "\n            and p.corrected_at > w.free_at\n",
        "\n",
        (f"{WHO}::TestWhereTheyAre",),
    ),
    Mutant(
        "a-private-load-finds-drivers-of-another-company",
        FINDS,
        '.replace(":org_id", "w.org_id")',
        '.replace(":org_id", "loads.org_id")',
        (
            f"{COMES}::TestALoadThatComes::"
            "test_that_is_private_wakes_nobody_of_another_company",
        ),
    ),
    Mutant(
        "a-load-finds-trucks-of-every-type",
        FINDS,
        "    where t.equipment = any (:types) and ",
        "    where cast(:types as text[]) is not null and ",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-driver-is-looked-for-where-they-were-yesterday",
        FINDS,
        "        and greatest(w.free_at, p.corrected_at) > now() - :lost_after\n",
        "        and :lost_after is not null\n",
        (ON_DUTY,),
    ),
    Mutant(
        "a-waiting-driver-without-a-home-stops-the-job",
        FINDS,
        "d.availability = 'available' and d.home_lat is not null\n",
        "d.availability = 'available'\n",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-suspended-companys-drivers-are-woken",
        FINDS,
        " and o.suspended_at is null\n",
        "\n",
        (f"{COMES}::TestALoadThatComes::test_wakes_nobody_who_may_not_be_offered_it",),
    ),
    Mutant(
        "a-driver-whose-offer-fell-is-not-found-again",
        FINDS,
        "\n            and f.status <> 'superseded')",
        ")",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-driver-is-found-for-a-load-that-is-judged-for-them-already",
        FINDS,
        "w on not loads.id = any (w.load_ids)\n",
        "w on true\n",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-repeated-job-wakes-a-driver-twice",
        FINDS,
        " and s.searched_at >= :since\n",
        " and s.searched_at >= :since + interval '1 day'\n",
        (f"{CAME}::TestASuspensionThatEnds",),
    ),
    Mutant(
        "a-driver-who-was-searched-for-once-is-not-woken-by-an-edit",
        FINDS,
        " and s.searched_at >= :since\n",
        " and :since is not null\n",
        (f"{BESIDE}", COMES),
    ),
    Mutant(
        "a-driver-who-was-done-yesterday-is-done-today",
        FINDS,
        'driver_id="w.driver_id", since="w.since"',
        'driver_id="w.driver_id", since="now() - interval \'7 days\'"',
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "an-end-that-was-searched-for-begins-another-wait",
        WAITING,
        "    if session.scalar(searched) is None:\n"
        "        _begin(session, driver_id, now)\n",
        "    session.scalar(searched)\n    _begin(session, driver_id, now)\n",
        (f"{RACES}::TestADriverWhoLostALoad",),
    ),
    Mutant(
        "a-driver-who-is-on-duty-at-home-waits",
        WAITING,
        "driver.home is not None and is_home(place, driver.home):\n",
        "driver.home is None:\n",
        (ON_DUTY,),
    ),
    Mutant(
        "a-search-that-ends-at-home-leaves-the-driver-waiting",
        WAITING,
        "    if is_home(place, home):\n        end(session, driver_id)\n"
        "        return\n",
        "",
        (f"{BESIDE}::TestHome",),
    ),
    Mutant(
        "a-driver-who-went-off-duty-waits-on",
        WAITING,
        "    if why not in {SearchOutcome.DRIVER_INCOMPLETE,",
        "    if why not in {SearchOutcome.DRIVER_OFF_DUTY,"
        " SearchOutcome.DRIVER_INCOMPLETE,",
        (f"{WHO}::TestWaitingEnds",),
    ),
    Mutant(
        "hard-wishes-and-others-than-lanes-add-to-a-gain",
        FINDS,
        "            if wish.kind is PreferenceKind.LANE and not wish.is_hard\n",
        "",
        (f"{WHO}::TestWishes",),
    ),
    Mutant(
        "no-driver-is-woken-beyond-the-places",
        WAKE,
        "parameters, places + SPARE)",
        "parameters, places)",
        (
            f"{COMES}::TestALoadThatComes::"
            "test_wakes_as_many_as_it_has_places_and_a_few_more",
        ),
    ),
    Mutant(
        "a-second-look-wakes-those-who-found-it-not-worth-it",
        WAKE,
        "_look_again(session, load_id, later, since=since.isoformat())",
        "_look_again(session, load_id, later)",
        (
            f"{COMES}::TestALoadThatComes"
            "::test_wakes_as_many_as_it_has_places_and_a_few_more",
        ),
    ),
    Mutant(
        "those-are-woken-first-to-whom-a-load-is-worth-least",
        WAKE,
        "(-worth[driver_id], driver_id)",
        "(worth[driver_id], driver_id)",
        (
            f"{COMES}::TestALoadThatComes::"
            "test_wakes_those_first_to_whom_it_is_worth_most",
        ),
    ),
    Mutant(
        "a-driver-is-woken-for-less-than-they-hold",
        WAKE,
        "if gain > held[driver_id])",
        "if held)",
        (f"{COMES}::TestALoadThatComes",),
    ),
    Mutant(
        "a-full-load-looks-again-before-an-offer-expires",
        WAKE,
        "_look_again(session, load_id, full_until)",
        "_look_again(session, load_id, now + NEXT_AFTER)",
        (f"{BESIDE}::test_another_driver_is_asked_when_the_first_declines",),
    ),
    Mutant(
        "each-look-at-a-full-load-queues-one-more",
        WAKE,
        "Job.SEARCH_WAKE, once=once, at=at,",
        "Job.SEARCH_WAKE, once=None and once, at=at,",
        (f"{MAY}::TestALoadWhoseOnlyPlaceIsTaken",),
    ),
    Mutant(
        "offers-that-expired-take-the-places-of-a-load",
        WAKE,
        "        Offer.load_id == load_id, *is_alive()\n    )\n    number, first",
        "        Offer.load_id == load_id, *is_alive()[:1]\n    )\n    number, first",
        (f"{MAY}::TestALoadWhoseOnlyPlaceIsTaken",),
    ),
    Mutant(
        "more-drivers-are-woken-than-are-asked-for",
        WAKE,
        "    return found[:most]\n",
        "    return found\n",
        (f"{MAY}::test_no_more_are_woken_than_a_load_has_places_and_a_few",),
    ),
    Mutant(
        "drivers-are-locked-in-any-order",
        WAKE,
        "        order by driver_id for update\n",
        "        order by driver_id desc for update\n",
        (
            f"{RACES}::"
            "test_two_loads_that_wake_the_same_drivers_do_not_wait_for_each_other",
        ),
    ),
    Mutant(
        "a-search-that-was-lost-is-owed-for-ever",
        WAKE,
        "case when due_at > :now - interval '5 minutes' then due_at end\n"
        "            as due_at\n",
        "due_at\n",
        (f"{COMES}::TestNoWakeUpIsLost",),
    ),
    Mutant(
        "a-driver-who-was-rung-is-searched-for-at-once",
        WAKE,
        "greatest(:now,\n"
        '            {waiting.LAST_RING.format(driver_id="w.driver_id")} + :every))',
        "greatest(:now, :now - :every))",
        (f"{COMES}::TestALoadThatComes", f"{BESIDE}::TestOnceAMinute"),
    ),
    Mutant(
        "each-load-queues-a-search-of-its-own",
        WAKE,
        "        if row.is_first:\n",
        "        if row:\n",
        (f"{COMES}::TestALoadThatComes",),
    ),
)
