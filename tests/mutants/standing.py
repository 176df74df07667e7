"""Faults in when a phone may ring, and in loads that stand by until it may."""

from tests.mutants import Mutant

STANDING = "services/search/standing.py"
RINGING = "services/fleet/ringing.py"
OPENING = "freight/opening.py"

MOVES = "tests/services/search/test_standing.py"
QUIET = "tests/services/search/test_standing_quiet.py"
ENDS = "tests/services/search/test_standing_ends.py"
ASKED = "tests/services/search/test_standing_asked.py"
DROP = "tests/services/search/test_arrived_drop.py"
HOURS = "tests/freight/test_opening.py::TestQuietHours"

MUTANTS = (
    Mutant(
        "a-driver-on-the-road-is-not-asked-whether-they-move",
        STANDING,
        "    MOVES | Driver.quiet_hours.is_not(None)",
        "    Driver.quiet_hours.is_not(None)",
        (f"{MOVES}::TestATruckThatMoves",),
    ),
    Mutant(
        "a-driver-with-quiet-hours-is-not-asked-for-them",
        STANDING,
        "    MOVES | Driver.quiet_hours.is_not(None) | NEWEST",
        "    MOVES | NEWEST",
        (f"{QUIET}::TestQuietHours",),
    ),
    Mutant(
        "a-driver-who-answers-nothing-is-not-asked-whether-they-do",
        STANDING,
        "NEWEST_IS_UNANSWERED | WAITS_FOR_DROP,\n",
        "WAITS_FOR_DROP,\n",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "a-driver-who-wishes-to-wait-is-rung-while-they-unload",
        STANDING,
        "    if driver.offers_wait_for_drop and"
        " driver.availability is Availability.ON_LOAD:\n"
        "        return Quiet(Silence.UNLOADING, None)\n",
        "",
        (f"{DROP}::TestWhoWishesToWait",),
    ),
    Mutant(
        "a-driver-who-asks-at-night-is-answered-in-the-morning",
        STANDING,
        "    if until is not None and not is_awake:\n",
        "    if until is not None:\n",
        (f"{ASKED}::TestADriverWhoAsks",),
    ),
    Mutant(
        "a-request-of-the-desk-wakes-the-driver",
        STANDING,
        "    return by == str(driver.member_id) and",
        "    return by is not None and",
        (f"{ASKED}::TestADriverWhoAsks",),
    ),
    Mutant(
        "who-has-asked-once-is-awake-all-night",
        STANDING,
        "JUST_NOW = timedelta(minutes=15)\n",
        "JUST_NOW = timedelta(hours=15)\n",
        (f"{ASKED}::TestADriverWhoAsks",),
    ),
    Mutant(
        "a-driver-who-hears-it-hands-free-is-not-rung-on-the-road",
        STANDING,
        "    if driver.rings_while_moving is RingsWhileMoving.HANDS_FREE:\n"
        "        return None\n",
        "",
        (f"{QUIET}::TestWhileMoving",),
    ),
    Mutant(
        "a-co-driver-is-rung-unasked",
        STANDING,
        "    if driver.rings_while_moving is not RingsWhileMoving.CO_DRIVER:\n"
        "        return False\n",
        "",
        (f"{QUIET}::TestWhileMoving",),
    ),
    Mutant(
        "a-stop-that-commits-while-a-search-decides-is-not-seen",
        STANDING,
        "LastPosition, driver.id, with_for_update={",
        "LastPosition, driver.id, execution_options={",
        (f"{ENDS}::TestNoOpeningIsLost",),
    ),
    Mutant(
        "one-round-without-an-answer-is-enough",
        STANDING,
        "ROUNDS = 2\n",
        "ROUNDS = 1\n",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "each-offer-is-a-round",
        STANDING,
        "        group by created_at\n",
        "        group by created_at, random()\n",
        ("tests/services/search/test_going_on.py",),
    ),
    Mutant(
        "a-round-that-others-won-was-not-answered",
        STANDING,
        "        having not bool_and(status in ('lost', 'withdrawn'))\n",
        "",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "rounds-from-before-the-app-was-opened-count",
        STANDING,
        "        and created_at > coalesce(",
        "        and 'infinity' > coalesce(",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "more-loads-stand-by-than-would-be-offered",
        STANDING,
        "_merged(session, search, found)[:most]\n",
        "_merged(session, search, found)\n",
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "the-worst-of-two-searches-stands-by-first",
        STANDING,
        'key=lambda load: -load["gain_cents"]',
        'key=lambda load: load["gain_cents"]',
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "a-load-that-comes-takes-the-place-of-what-stands-by",
        STANDING,
        "    return other_id != search.id and not is_superseded\n",
        "    return other_id == search.id and not is_superseded\n",
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "what-an-older-search-found-stands-by-on",
        STANDING,
        "search.load_ids is None and other_id < search.id\n",
        "search.load_ids is None and other_id > search.id\n",
        (f"{ENDS}::TestItEnds",),
    ),
    Mutant(
        "loads-of-a-search-that-opens-hide-those-of-another",
        STANDING,
        "    session.flush()\n    enqueue_each(\n",
        "    session.flush()\n    others.clear()\n    enqueue_each(\n",
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "a-search-in-vain-ends-what-stands-by-of-another",
        STANDING,
        "    rest = [load for load in row.loads if _is_of_another(search, load)]\n",
        "    rest = [load for load in row.loads if search is None]\n",
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "what-stands-by-is-looked-at-long-after-it-may-open",
        STANDING,
        "            at=silent.until,\n",
        "            at=silent.until + JUST_NOW,\n",
        (f"{MOVES}::TestATruckThatMoves", f"{QUIET}::TestQuietHours"),
    ),
    Mutant(
        "a-search-that-offered-some-is-told-as-one-that-stands-by",
        STANDING,
        "    if is_among and search.outcome is not SearchOutcome.OFFERED:\n",
        "    if is_among:\n",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "a-search-whose-loads-others-won-is-told-as-offered",
        STANDING,
        "SearchOutcome.OFFERED if found else SearchOutcome.NOTHING_FOUND\n",
        "SearchOutcome.OFFERED\n",
        (f"{MOVES}::TestATruckThatMoves",),
    ),
    Mutant(
        "the-desk-is-told-each-time-that-a-truck-still-moves",
        STANDING,
        "    if not is_told and silent.reason",
        "    if silent.reason",
        (f"{MOVES}::TestATruckThatMoves",),
    ),
    Mutant(
        "the-desk-is-told-of-who-wishes-to-wait",
        STANDING,
        "    if not is_told and silent.reason is not Silence.UNLOADING:\n",
        "    if not is_told:\n",
        (f"{DROP}::TestWhoWishesToWait",),
    ),
    Mutant(
        "a-driver-who-is-the-desk-is-rung-to-say-that-they-are-not",
        STANDING,
        "driver.org_id)) - {driver.member_id}\n",
        "driver.org_id))\n",
        (f"{MOVES}::TestATruckThatMoves",),
    ),
    Mutant(
        "a-load-that-others-won-must-still-be-beaten",
        STANDING,
        "        and loads.status = 'posted' and loads.pickup_until > now()\n",
        "        and loads.pickup_until > now()\n",
        (f"{MOVES}::TestALoadThatComesWhileTheTruckMoves",),
    ),
    Mutant(
        "a-truck-of-unknown-speed-moves",
        RINGING,
        "    return (speed_mps or 0.0) <= MOVING_MPS\n",
        "    return speed_mps is not None and speed_mps <= MOVING_MPS\n",
        (f"{MOVES}::TestWhatCountsAsMoving",),
    ),
    Mutant(
        "a-clock-that-is-ahead-keeps-a-truck-moving",
        RINGING,
        "min(fix.corrected_at, fix.received_at)",
        "max(fix.corrected_at, fix.received_at)",
        (f"{MOVES}::TestWhatCountsAsMoving",),
    ),
    Mutant(
        "quiet-hours-without-a-zone-are-by-utc",
        RINGING,
        '(zone_of(home) if home is not None else "")',
        '"UTC"',
        (f"{QUIET}::TestQuietHours",),
    ),
    Mutant(
        "an-opened-app-opens-nothing-that-stands-by",
        RINGING,
        "        open_again(session, driver_id, Silence.UNANSWERED)\n",
        "        open_again(session, driver_id)\n",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "an-app-is-noted-each-time-it-is-opened",
        RINGING,
        "coalesce(app_opened_at, '-infinity') < (",
        "coalesce(app_opened_at, '-infinity') is distinct from (",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "two-that-open-at-once-ask-twice",
        RINGING,
        "        and (asked_at is null or asked_at < now() - interval '5 minutes')\n",
        "",
        (f"{ENDS}::TestNoOpeningIsLost",),
    ),
    Mutant(
        "what-was-asked-for-and-lost-stands-by-for-ever",
        RINGING,
        "(asked_at is null or asked_at < now() - interval '5 minutes')",
        "asked_at is null",
        (f"{ENDS}::TestNoOpeningIsLost",),
    ),
    Mutant(
        "settings-open-what-stands-by-for-want-of-an-answer",
        RINGING,
        " and reason = any (:reasons)\n",
        " and cast(:reasons as text[]) is not null\n",
        (f"{QUIET}::TestADriverWhoDoesNotAnswer",),
    ),
    Mutant(
        "quiet-hours-over-midnight-end-at-midnight",
        OPENING,
        "Hours(days, self.from_s, DAY_S), Hours(days, 0, self.until_s)]",
        "Hours(days, self.from_s, DAY_S)]",
        (HOURS,),
    ),
    Mutant(
        "quiet-hours-that-are-to-come-are-now",
        OPENING,
        "        if not found or found[0] > int(now.timestamp()):\n",
        "        if not found:\n",
        (HOURS,),
    ),
    Mutant(
        "quiet-hours-are-by-the-clock-of-home-whatever-zone-they-name",
        OPENING,
        'record["zone"] or zone)',
        'zone or record["zone"])',
        (HOURS,),
    ),
)
