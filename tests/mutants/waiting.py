"""Faults in who waits for a load, whom a load wakes, and what it can gain them."""

from tests.mutants import Mutant

WAITING = "services/search/waiting.py"
FINDS = "services/search/who_waits.py"
WAKE = "services/search/wake.py"

COMES = "tests/services/search/test_waiting.py"
BESIDE = "tests/services/search/test_waiting_beside.py"
EDITED = "tests/services/search/test_waiting_edited.py"
RACES = "tests/services/search/test_waiting_races.py"
TOGETHER = "tests/services/search/test_waking_together.py"
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
        "    moved_m = DETOUR * great_circle_m(",
        "    moved_m = great_circle_m(",
        (f"{WHO}::TestWhereTheyAre",),
    ),
    Mutant(
        "a-truck-that-moved-is-home-as-soon-as-before",
        FINDS,
        '_known(rows, "baseline_s") + longest_s(moved_m)',
        '_known(rows, "baseline_s")',
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
        "coalesce(d.max_deadhead_m, :max_deadhead_m) as",
        "cast(:max_deadhead_m as float) as",
        (f"{WHO}::TestTheDriversOwnLimit",),
    ),
    Mutant(
        "the-empty-way-home-of-a-driver-alone-is-that-of-a-crew",
        FINDS,
        ' and w.is_crew = {IS_CREW.format(driver="d")}\n',
        "\n",
        (f"{EDITED}::TestTheEmptyWayHome",),
    ),
    Mutant(
        "a-truck-that-has-waited-for-hours-left-hours-ago",
        FINDS,
        "greatest(w.free_at, now()))",
        "w.free_at)",
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
        '.replace(":org_id", "near.org_id")',
        '.replace(":org_id", "loads.org_id")',
        (
            f"{COMES}::TestALoadThatComes::"
            "test_that_is_private_wakes_nobody_of_another_company",
        ),
    ),
    Mutant(
        "a-load-finds-trucks-of-every-type",
        FINDS,
        "w on w.equipment = fits.equipment and not",
        "w on not",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-driver-is-looked-for-where-they-were-yesterday",
        FINDS,
        "        where greatest(w.free_at, p.corrected_at) > now() - :lost_after\n",
        "        where cast(:lost_after as interval) is not null\n",
        (ON_DUTY,),
    ),
    Mutant(
        "a-suspended-companys-drivers-are-woken",
        FINDS,
        "    where o.suspended_at is null\n        and not",
        "    where not",
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
        " and not loads.id = any (w.load_ids)\n",
        "\n",
        (f"{WHO}::TestALoad",),
    ),
    Mutant(
        "a-repeated-job-wakes-a-driver-twice",
        FINDS,
        " and s.searched_at >= near.came_at\n",
        " and s.searched_at >= near.came_at + interval '1 day'\n",
        (f"{CAME}::TestASuspensionThatEnds",),
    ),
    Mutant(
        "a-driver-who-was-searched-for-once-is-not-woken-by-an-edit",
        FINDS,
        " and s.searched_at >= near.came_at\n",
        " and near.came_at is not null\n",
        (f"{BESIDE}", COMES),
    ),
    Mutant(
        "a-driver-who-was-done-yesterday-is-done-today",
        FINDS,
        'driver_id="near.id", since="near.since"',
        'driver_id="near.id", since="now() - interval \'7 days\'"',
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
        "places[load_id] + SPARE for",
        "places[load_id] for",
        (
            f"{COMES}::TestALoadThatComes::"
            "test_wakes_as_many_as_it_has_places_and_a_few_more",
        ),
    ),
    Mutant(
        "a-second-look-wakes-those-who-found-it-not-worth-it",
        WAKE,
        "now + NEXT_AFTER, since=since)",
        "now + NEXT_AFTER)",
        (
            f"{COMES}::TestALoadThatComes"
            "::test_wakes_as_many_as_it_has_places_and_a_few_more",
        ),
    ),
    Mutant(
        "those-are-woken-first-to-whom-a-load-is-worth-least",
        WAKE,
        "(-each[1], each[0])",
        "(each[1], each[0])",
        (
            f"{COMES}::TestALoadThatComes::"
            "test_wakes_those_first_to_whom_it_is_worth_most",
        ),
    ),
    Mutant(
        "a-driver-is-woken-for-less-than-they-hold",
        WAKE,
        "if gains[each] > held[each]]",
        "if held]",
        (f"{COMES}::TestALoadThatComes",),
    ),
    Mutant(
        "a-full-load-looks-again-before-an-offer-expires",
        WAKE,
        "look_again(session, load_id, full_until)",
        "look_again(session, load_id, now + NEXT_AFTER)",
        (f"{BESIDE}::test_another_driver_is_asked_when_the_first_declines",),
    ),
    Mutant(
        "each-look-at-a-full-load-queues-one-more",
        WAKE,
        "        once=f\"wake:{load_id}:{'since' if since else ''}\",\n",
        "",
        (f"{MAY}::TestALoadWhoseOnlyPlaceIsTaken",),
    ),
    Mutant(
        "offers-that-expired-take-the-places-of-a-load",
        WAKE,
        "Offer.load_id.in_(load_ids), *is_alive())",
        "Offer.load_id.in_(load_ids), *is_alive()[:1])",
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
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
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
        "        if row.is_first or is_urgent:\n",
        "        if row:\n",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "loads-that-fail-together-all-fail",
        "handlers/search.py",
        "        if not others:\n",
        "        if load_id:\n",
        (f"{TOGETHER}::TestLoadsThatCameAtOnce",),
    ),
    Mutant(
        "no-driver-goes-before-other-loads",
        WAKE,
        "if each in at_once][:1])",
        "if each in at_once][:0])",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "a-driver-goes-before-other-loads-who-may-not-be-rung",
        WAKE,
        "[each for each in driver_ids if each in at_once][:1]",
        "list(driver_ids)[:1]",
        (f"{TOGETHER}::TestALoadWhoseBestDriversHaveJustBeenRung",),
    ),
    Mutant(
        "a-driver-whose-search-is-owed-is-not-hurried",
        WAKE,
        "        if row.is_first or is_urgent:\n",
        "        if row.is_first:\n",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "others-are-hurried-for-a-load-that-is-offered",
        WAKE,
        "        where f.load_id = came.load_id and {IS_OPEN})\n",
        "        where f.load_id <> came.load_id and {IS_OPEN})\n",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "a-load-waits-until-its-best-drivers-may-be-rung",
        WAKE,
        "        if first and not waits[load_id].now & set(first):\n",
        "        if not first:\n",
        (f"{TOGETHER}::TestALoadWhoseBestDriversHaveJustBeenRung",),
    ),
    Mutant(
        "the-air-line-excludes-a-detour-that-is-allowed",
        FINDS,
        "{_air_m(SEARCHED, HERE)} + :max_detour_m)",
        "{_air_m(SEARCHED, HERE)} + 0 * :max_detour_m)",
        (WHO, COMES, MAY),
    ),
    Mutant(
        "the-air-line-excludes-a-truck-that-moved",
        FINDS,
        " + {DETOUR} * {_air_m(SEARCHED, HERE)}",
        "",
        (WHO, COMES, MAY),
    ),
)
