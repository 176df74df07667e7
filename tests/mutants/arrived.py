"""Faults in the search before a drop and the load that it books, in lists that go on,
and in drivers who are done for today."""

from tests.mutants import Mutant

TOGETHER = "tests/services/search/test_waking_together.py"
ARRIVED = "services/search/arrived.py"
GOES_ON = "services/search/going_on.py"
DONE = "services/search/done.py"
FINDS = "services/search/who_waits.py"
ANSWER = "services/booking/answer.py"

ASKED = "tests/services/search/test_standing_asked.py"
DOCK = "tests/services/search/test_arrived.py"
DROP = "tests/services/search/test_arrived_drop.py"
OVER = "tests/services/search/test_done_for_today.py"
WHO = "tests/services/search/test_who_waits.py"
COMES = "tests/services/search/test_waiting.py"
BESIDE = "tests/services/search/test_waiting_beside.py"
NEXT = "tests/services/booking/test_next_load.py"

MUTANTS = (
    Mutant(
        "a-driver-who-is-done-there-is-searched-for-as-if-they-unloaded",
        ARRIVED,
        "    if not is_unloading(session, driver_id, stop_id):\n        return None\n",
        "",
        (f"{DOCK}::TestTheJob",),
    ),
    Mutant(
        "a-truck-leaves-a-dock-before-it-opens",
        ARRIVED,
        "max(stop.arrived_at, stop.window_from) + ",
        "stop.arrived_at + ",
        (f"{DOCK}::TestTheSearch",),
    ),
    Mutant(
        "a-late-report-of-an-arrival-frees-the-truck-hours-ago",
        ARRIVED,
        "max(_expected_end(stop, rules.parameters.dwell_s), now)\n",
        "_expected_end(stop, rules.parameters.dwell_s)\n",
        (f"{DOCK}::TestTheSearch",),
    ),
    Mutant(
        "a-driver-who-was-rung-often-enough-is-rung-before-the-drop",
        "services/search/adding.py",
        "        if rings >= rules.rings_per_day:\n",
        "        if rings > rules.rings_per_day:\n",
        (f"{DOCK}::TestTheSearch",),
    ),
    Mutant(
        "a-list-goes-on-for-who-is-done-for-today",
        GOES_ON,
        "    if done.is_done_for_today(session, search):\n",
        "    if done.is_done_for_today(session, search) and once_all_ended is None:\n",
        (OVER,),
    ),
    Mutant(
        "what-stood-by-at-a-drop-is-no-first-offer",
        GOES_ON,
        "        if is_first or waiting.rings(",
        "        if waiting.rings(",
        (ASKED,),
    ),
    Mutant(
        "more-of-a-list-stands-by-for-who-was-rung-often",
        GOES_ON,
        "        else:\n            standing.leave(session, search)\n",
        "",
        (ASKED,),
    ),
    Mutant(
        "the-list-of-a-drop-ends-with-what-was-offered-before-it",
        GOES_ON,
        "        if search.trigger is SearchTrigger.ARRIVED:\n"
        "            _go_back(session, search)\n",
        "",
        (f"{DROP}::TestTheDrop",),
    ),
    Mutant(
        "who-asked-on-the-road-is-not-rung-as-they-were-often-enough",
        GOES_ON,
        "        and search.outcome is SearchOutcome.STANDS_BY\n    )\n",
        "        and search.outcome is SearchOutcome.PENDING\n    )\n",
        (f"{ASKED}::TestADriverWhoAsks",),
    ),
    Mutant(
        "the-list-of-the-desk-goes-on-for-who-is-done-for-today",
        DONE,
        "    since = search.searched_at if waits is None else waits.since\n",
        "    since = search.searched_at\n",
        (OVER,),
    ),
    Mutant(
        "no-more-today-is-for-a-week",
        DONE,
        "f.responded_at >= {since}), false)",
        "f.responded_at >= {since} - interval '7 days'), false)",
        (f"{WHO}::TestALoad", OVER),
    ),
    Mutant(
        "a-load-finds-drivers-who-were-rung-often-enough",
        FINDS,
        " < :rings_per_day\n",
        " <= :rings_per_day\n",
        (f"{COMES}::TestALoadThatComes",),
    ),
    Mutant(
        "a-load-finds-drivers-who-are-off-duty",
        FINDS,
        "            and d.availability = 'available' and d.home_lat is not null\n",
        "            and d.home_lat is not null\n",
        (f"{COMES}::TestALoadThatComes::test_wakes_nobody_who_may_not_be_offered_it",),
    ),
    Mutant(
        "a-load-finds-drivers-who-drove-home",
        FINDS,
        "great_circle_m(*place, *home) > HOME_M",
        "great_circle_m(*place, *home) >= 0",
        (f"{BESIDE}::TestHome",),
    ),
    Mutant(
        "a-load-that-is-won-before-the-drop-is-the-current-one",
        ANSWER,
        "then 'next' else 'current' end\n",
        "then 'current' else 'current' end\n",
        (f"{NEXT}::TestBeforeTheDrop",),
    ),
    Mutant(
        "a-load-that-is-won-after-the-drop-is-the-next-one",
        ANSWER,
        " and carried.status = 'active'\n        and carried.slot = 'current'\n",
        "\n",
        (NEXT,),
    ),
    Mutant(
        "a-next-load-needs-a-position",
        ANSWER,
        "seen.is_located or seen.slot is Slot.NEXT,\n",
        "seen.is_located,\n",
        (f"{NEXT}::TestBeforeTheDrop",),
    ),
    Mutant(
        "a-drop-that-waits-for-the-acceptance-leaves-the-driver-without-a-load",
        ANSWER,
        "    if seen.slot is Slot.NEXT:\n",
        "    if seen.slot is None:\n",
        (f"{NEXT}::TestRaces",),
    ),
    Mutant(
        "a-full-load-is-judged-for-each-whom-it-woke",
        "services/search/run.py",
        "for load_id, (free, _) in places.items() if free]",
        "for load_id, (free, _) in places.items()]",
        (f"{TOGETHER}::TestALoadThatIsFull",),
    ),
    Mutant(
        "a-full-load-is-not-looked-at-again-for-who-was-woken",
        "services/search/run.py",
        "            wake.look_again(session, load_id, full_until)\n",
        "            pass\n",
        (f"{TOGETHER}::TestALoadThatIsFull",),
    ),
    Mutant(
        "nobody-follows-a-first-driver-who-found-nothing",
        "services/search/run.py",
        "        wake.hurry(session, roomy, now)\n",
        "        pass\n",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "a-load-waits-for-a-driver-who-was-rung-meanwhile",
        "services/search/run.py",
        "        wake.hurry(session, came, now)\n        return None\n    places",
        "        return None\n    places",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
    Mutant(
        "a-load-waits-for-a-driver-who-is-done",
        "services/search/run.py",
        "        wake.hurry(session, came, now)\n        return None\n    quiet",
        "        return None\n    quiet",
        (f"{TOGETHER}::TestTheFirstDriverOfALoad",),
    ),
)
