"""Faults in what a load means for a truck: its trip, its gain, and who may take it."""

from tests.mutants import Mutant

RULES = "tests/freight/test_rules.py"
DETAILS = "tests/freight/test_rules_details.py"
TRIPS = "tests/freight/test_trips.py"
GAINS = "tests/freight/test_gains.py"
WISHES = "tests/freight/test_wishes.py"
OPENING = "tests/freight/test_opening.py"
RANKING = "tests/freight/test_ranking.py"

MUTANTS = (
    Mutant(
        "domestic-freight-abroad-is-for-foreign-drivers",
        "freight/rules.py",
        "    for country in (asked.situation.carrier_country, "
        "asked.situation.driver_country):\n",
        "    for country in (asked.situation.carrier_country,):\n",
        (f"{DETAILS}::TestCountries",),
    ),
    Mutant(
        "a-country-is-forbidden-only-at-the-ends-of-a-load",
        "freight/columns.py",
        "np.bitwise_or.reduce([country_bit(each) for each in countries])",
        "country_bit(countries[0]) | country_bit(countries[-1])",
        (f"{DETAILS}::TestMiddleStops",),
    ),
    Mutant(
        "a-stop-between-may-lie-in-a-no-go-area",
        "freight/tables.py",
        "    _add_middle_stops(loads, area, outside)\n",
        "",
        (f"{DETAILS}::TestMiddleStops",),
    ),
    Mutant(
        "a-reefer-takes-dry-freight-against-its-posters-word",
        "freight/rules.py",
        "(is_dry & loads.takes_reefers)",
        "is_dry",
        (f"{DETAILS}::TestReefers",),
    ),
    Mutant(
        "a-weight-that-is-not-stated-is-too-heavy",
        "freight/rules.py",
        "np.asarray(figures > (np.inf if limit is None else limit))",
        "~np.asarray(figures <= (np.inf if limit is None else limit))",
        (f"{DETAILS}::TestUnknowns",),
    ),
    Mutant(
        "the-pay-per-kilometre-leaves-the-deadhead-out",
        "freight/rules.py",
        "np.asarray(table.known_trips.deadhead_m + table.loads.loaded_m)",
        "np.asarray(table.loads.loaded_m)",
        (f"{RULES}::TestEachReason",),
    ),
    Mutant(
        "a-drivers-own-limit-of-the-deadhead-is-not-asked",
        "freight/tables.py",
        "return parameters.max_deadhead_m if limit_m is None else limit_m",
        "return parameters.max_deadhead_m",
        (f"{RULES}::TestEachReason",),
    ),
    Mutant(
        "the-last-second-of-a-window-is-too-late",
        "freight/columns.py",
        "    return _in_column(ceil(at.timestamp()) - T0_S)\n",
        "    return _in_column(floor(at.timestamp()) - T0_S)\n",
        ("tests/freight/test_columns.py::TestTimes", f"{TRIPS}::TestLate"),
    ),
    Mutant(
        "a-hard-wish-is-a-term-too",
        "freight/gains.py",
        "        if wish.is_hard:\n            continue\n",
        "",
        (f"{GAINS}::TestWishes",),
    ),
    Mutant(
        "a-lane-is-driven-the-other-way",
        "freight/wishes.py",
        "loads.pickup_state == wish.from_state.encode()",
        "loads.delivery_state == wish.from_state.encode()",
        (f"{WISHES}::TestLane",),
    ),
    Mutant(
        "a-weekend-begins-by-the-clock-of-greenwich",
        "freight/wishes.py",
        "trips.home_at + situation.zone_offset_s > weekend_s",
        "trips.home_at > weekend_s",
        (f"{WISHES}::TestWeekends",),
    ),
    Mutant(
        "a-night-is-by-the-clock-of-greenwich",
        "freight/trips.py",
        "(at + situation.zone_offset_s) % DAY_S",
        "at % DAY_S",
        (f"{WISHES}::TestNights",),
    ),
    Mutant(
        "a-delivery-by-night-is-by-day",
        "freight/trips.py",
        "        self.is_at_night[rows] |= _is_night(clock.at[rows], self.situation)\n",
        "",
        (f"{WISHES}::TestNights",),
    ),
    Mutant(
        "a-border-on-the-way-home-takes-no-time",
        "freight/trips.py",
        "        clock.enter(home, every)\n",
        "",
        (f"{TRIPS}::TestBorders",),
    ),
    Mutant(
        "a-border-to-a-stop-between-takes-no-time",
        "freight/trips.py",
        "                self.clock.enter(stops.country[at], rows)\n",
        "",
        (f"{TRIPS}::TestBorders",),
    ),
    Mutant(
        "the-empty-way-home-crosses-no-border",
        "freight/trips.py",
        "float(rested_s) + crosses * parameters.border_s",
        "float(rested_s)",
        (f"{TRIPS}::TestBorders",),
    ),
    Mutant(
        "a-wait-of-a-night-is-no-rest",
        "freight/trips.py",
        "        self.driven_s[rows] = np.where(is_rest, 0.0, self.driven_s[rows])\n",
        "",
        (f"{TRIPS}::TestTwoEnds",),
    ),
    Mutant(
        "a-stop-is-open-in-the-hours-of-another",
        "freight/trips.py",
        "            ends = (of << 32) + stops.span_until[spans]\n",
        "            ends = stops.span_until[spans].astype('i8')\n",
        (f"{TRIPS}::TestOpeningHours",),
    ),
    Mutant(
        "a-dock-closes-at-the-end-of-its-first-opening",
        "freight/trips.py",
        "closes_at[hours] = stops.span_until[end - 1]",
        "closes_at[hours] = stops.span_until[first]",
        (f"{TRIPS}::TestOpeningHours",),
    ),
    Mutant(
        "streets-are-driven-as-fast-as-highways",
        "freight/situation.py",
        "on_highways + access_m / self.access_mps",
        "on_highways + access_m / self.highway_mps",
        (f"{TRIPS}::TestTwoEnds",),
    ),
    Mutant(
        "a-load-without-a-road-home-is-taken",
        "freight/trips.py",
        "out.has_road & home.has_road & np.isfinite(loads.loaded_m)",
        "out.has_road & np.isfinite(loads.loaded_m)",
        (f"{TRIPS}::TestWays", f"{DETAILS}::TestNoRoad"),
    ),
    Mutant(
        "an-hour-costs-what-a-minute-should",
        "freight/gains.py",
        "-situation.hour_cents * added_s / 3600",
        "-situation.hour_cents * added_s / 60",
        (f"{GAINS}::TestGain",),
    ),
    Mutant(
        "terms-do-not-add-up-to-the-score",
        "freight/gains.py",
        '{"detour_m", "added_s"}',
        '{"detour_m", "added_s", "no_state"}',
        (f"{GAINS}::TestWishes",),
    ),
    Mutant(
        "a-loss-is-made-smaller-by-a-poster-who-cancels",
        "freight/gains.py",
        "np.maximum(sum(terms.values()), 0.0)",
        "np.asarray(sum(terms.values()))",
        (f"{GAINS}::TestCancellations",),
    ),
    Mutant(
        "a-detour-may-be-negative",
        "freight/gains.py",
        "np.maximum(whole_m - baseline.distance_m, 0.0)",
        "np.asarray(whole_m - baseline.distance_m)",
        (f"{GAINS}::TestGain",),
    ),
    Mutant(
        "two-drivers-rest-as-one-does",
        "freight/trips.py",
        "        self.is_crew = situation.is_crew\n",
        "        self.is_crew = False\n",
        (f"{TRIPS}::TestCrews",),
    ),
    Mutant(
        "the-empty-way-home-burns-nothing",
        "freight/ranking.py",
        "empty_after_m=trips.deadhead_m + trips.home_m",
        "empty_after_m=trips.deadhead_m",
        (f"{RANKING}::TestOrder",),
    ),
    Mutant(
        "equal-gains-are-in-the-order-of-the-market",
        "freight/ranking.py",
        "np.lexsort((loads.id_low, loads.id_high, trips.deadhead_m, first))",
        "np.argsort(first, kind='stable')",
        (f"{RANKING}::TestOrder",),
    ),
    Mutant(
        "opening-hours-know-no-summer-time",
        "freight/opening.py",
        "        begin, ahead_s = after, _ahead_s(place, after)\n",
        "        begin = after\n",
        (f"{OPENING}::TestSpans",),
    ),
    Mutant(
        "a-home-of-this-friday-evening-is-next-weeks",
        "freight/opening.py",
        "        if found < after:\n",
        "        if found.date() <= after.date():\n",
        (f"{OPENING}::TestHomeEvery",),
    ),
    Mutant(
        "an-unknown-stop-between-hides-a-border",
        "freight/borders.py",
        "    return sum(before != after for before, after in pairwise(known))\n",
        "    return sum(\n"
        "        None not in (before, after) and before != after\n"
        "        for before, after in pairwise(countries)\n"
        "    )\n",
        ("tests/freight/test_borders.py",),
    ),
    Mutant(
        "the-time-at-home-is-told-by-the-clock-of-greenwich",
        "freight/sentences.py",
        "    home = home_at.astimezone(ZoneInfo(zone))\n",
        "    home = home_at\n",
        ("tests/freight/test_sentences.py",),
    ),
    Mutant(
        "the-empty-miles-that-are-told-leave-the-way-home-out",
        "freight/figures.py",
        "            empty_m=deadhead_m + home_m,\n",
        "            empty_m=deadhead_m,\n",
        (f"{RANKING}::TestExplanation",),
    ),
)
