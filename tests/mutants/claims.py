"""Faults in what is believed of phones and posters."""

from tests.mutants import Mutant

FIGURES = "tests/api/loads/test_figures.py"
DUPLICATES = "tests/api/loads/test_duplicates.py"

MUTANTS = (
    Mutant(
        "a-report-from-before-the-load-existed-counts-then",
        "services/kernel/clocks.py",
        "    if is_plausible and at >= earliest - FUTURE_TOLERANCE:\n",
        "    if is_plausible:\n",
        (
            "tests/flows/test_late_reports.py"
            "::test_a_report_from_before_the_load_existed_counts_at_its_receipt",
        ),
    ),
    Mutant(
        "a-pickup-is-confirmed-before-the-load-existed",
        "services/loads/pickups.py",
        "received_at=now, earliest=load.created_at\n",
        "received_at=now, earliest=None\n",
        (
            "tests/services/loads/test_pickups.py::TestConfirm"
            "::test_a_time_before_the_load_was_entered_is_refused",
        ),
    ),
    Mutant(
        "a-jump-is-the-last-position-at-once",
        "services/fleet/tracks.py",
        "        elif last.reaches(fix):\n",
        "        elif fix.order > last.order:\n",
        ("tests/services/fleet/test_tracks.py::TestJumps",),
    ),
    Mutant(
        "a-jump-that-is-sent-twice-agrees-with-itself",
        "services/fleet/tracks.py",
        "return apart >= AGREES_AFTER and doubted.reaches(self)",
        "return doubted.reaches(self)",
        ("tests/services/fleet/test_tracks.py::TestJumps",),
    ),
    Mutant(
        "a-window-that-is-over-is-usual",
        "freight/plausible.py",
        "    at, worst = max(stops[0].window_from, now), timedelta.min\n",
        "    at, worst = stops[0].window_from, timedelta.min\n",
        ("tests/api/loads/test_figures.py::TestWindows",),
    ),
    Mutant(
        "a-consent-asks-for-a-confirmation",
        "services/loads/posting.py",
        "    if stops is None and not is_consent:",
        "    if stops is None:",
        ("tests/api/loads/test_figures.py::TestWindows",),
    ),
    Mutant(
        "a-report-of-earlier-is-judged-by-the-last-position",
        "services/loads/reports.py",
        "if last is not None and believed.at < last.corrected_at - FRESH:",
        "if last is None:",
        (
            "tests/api/fleet/test_flags.py"
            "::test_a_late_report_is_judged_by_the_fix_nearest_to_its_time",
        ),
    ),
    Mutant(
        "a-vague-fix-is-the-last-position",
        "services/fleet/tracks.py",
        "        if is_vague(fix.accuracy_m):\n            continue\n",
        "",
        ("tests/services/fleet/test_tracks.py::TestVagueFixes",),
    ),
    Mutant(
        "a-claimed-accuracy-excuses-any-place",
        "services/loads/reports.py",
        "self.is_on_road and not flags.is_vague(self.accuracy_m)",
        "self.is_on_road",
        ("tests/api/fleet/test_flags.py::TestAReportWithoutABelievablePlace",),
    ),
    Mutant(
        "a-time-out-of-range-is-refused",
        "api/kernel/fields.py",
        "self.form.fullmatch(value)",
        "not value",
        (
            "tests/flows/test_claims_of_phones.py"
            "::test_a_time_out_of_range_counts_at_its_receipt_with_a_flag",
        ),
    ),
    Mutant(
        "a-place-out-of-range-is-refused",
        "api/loads/stops.py",
        "None if _is_number(value) and not abs(value) <= most else value",
        "value",
        (
            "tests/flows/test_claims_of_phones.py"
            "::test_a_place_that_is_none_is_kept_as_no_position_with_a_flag",
        ),
    ),
    Mutant(
        "a-batch-counts-as-one-fix",
        "api/kernel/limits.py",
        "replace(rule, cost=min(number, rule.quota))",
        "replace(rule, cost=min(1, rule.quota))",
        ("tests/api/fleet/test_positions.py::TestTheFixesOfADriver",),
    ),
    Mutant(
        "a-fix-of-unknown-speed-is-refused",
        "api/fleet/positions.py",
        "if raw.get(name) == UNKNOWN}",
        "if raw.get(name) == 0}",
        (
            "tests/api/fleet/test_positions.py"
            "::test_minus_one_is_how_phones_say_unknown",
        ),
    ),
    Mutant(
        "jumps-count-as-driven",
        "migrations/versions/0016_exits.py",
        "        where metres <= 45 * greatest(seconds, 1)\n",
        "",
        ("tests/services/booking/test_what_is_owed.py::TestHowFarTheTruckHadCome",),
    ),
    Mutant(
        "a-flag-is-seen-by-other-companies",
        "services/fleet/flags.py",
        ".where(Flag.org_id == actor.org_id)",
        "",
        (
            "tests/tenants/test_doors.py"
            "::test_a_desk_sees_its_companys_rows_and_no_others[visible_flags]",
        ),
    ),
    Mutant(
        "odd-figures-are-offered-unconfirmed",
        "services/loads/market.py",
        "loads.status = 'posted' and not loads.is_unconfirmed and",
        "loads.status = 'posted' and",
        (f"{FIGURES}::TestOddFigures",),
    ),
    Mutant(
        "any-company-confirms-its-figures",
        "services/loads/confirmation.py",
        "    if not is_verified or company.suspended_at is not None:\n",
        "    if company.suspended_at is not None:\n",
        (f"{FIGURES}::TestOddFigures",),
    ),
    Mutant(
        "a-further-type-of-equipment-widens-the-limit-of-the-price",
        "freight/plausible.py",
        "min(PREMIUMS.get(each, 1) for each in posted.equipment)\n",
        "max(PREMIUMS.get(each, 1) for each in posted.equipment)\n",
        (
            f"{FIGURES}::TestOddFigures"
            "::test_take_no_offer_with_a_further_type_of_equipment",
        ),
    ),
    Mutant(
        "a-confirmation-outlives-its-figures",
        "services/loads/figures.py",
        "    if claims != before or warnings != load.warnings:\n",
        "    if warnings != load.warnings:\n",
        (f"{FIGURES}::TestOddFigures::test_are_confirmed_as_they_were_and_no_others",),
    ),
    Mutant(
        "the-platform-confirms-figures-that-it-has-not-seen",
        "services/loads/confirmation.py",
        "        precondition.check(load)\n",
        "",
        (
            f"{FIGURES}::TestOddFigures::test_are_confirmed_by_the_platform_as_it_saw_them",
        ),
    ),
    Mutant(
        "a-price-by-the-mile-is-the-total",
        "services/loads/figures.py",
        "    load.price_cents = total\n",
        "",
        (f"{FIGURES}::TestAPriceByTheMile",),
    ),
    Mutant(
        "a-carrier-posts-again-what-it-carries",
        "services/loads/duplicates.py",
        "    if is_rebrokered:\n",
        "    if is_rebrokered and own:\n",
        (f"{DUPLICATES}::TestDoubleBrokering",),
    ),
    Mutant(
        "a-part-of-the-freight-carried-goes-unnoticed",
        "migrations/versions/0018_claims.py",
        "    and coalesce(mine.weight_kg <= 1.25 * found.weight_kg, true)\n",
        "    and coalesce(mine.weight_kg = found.weight_kg, true)\n",
        (f"{DUPLICATES}::TestFreightLikeTheOneCarried",),
    ),
    Mutant(
        "many-loads-of-one-company-hide-anothers",
        "migrations/versions/0018_claims.py",
        "p.is_near, p.turn, p.id limit",
        "p.is_near, p.id limit",
        (
            f"{DUPLICATES}::TestAcrossCompanies"
            "::test_many_duplicates_make_few_pairs_and_do_not_hide_another_companys",
        ),
    ),
    Mutant(
        "a-posters-duplicates-take-all-offers-of-a-driver",
        "services/search/same_freight.py",
        "        if self.count(org_id, load.candidate):\n",
        "        if self.count(org_id, load.candidate) > 1:\n",
        ("tests/services/search/test_same_freight.py",),
    ),
    Mutant(
        "a-poster-is-not-told-of-a-duplicate-by-an-edit",
        "services/loads/posting.py",
        "    return Posted(load, alike)\n",
        "    return Posted(load)\n",
        (f"{DUPLICATES}::TestWithinACompany",),
    ),
    Mutant(
        "a-poster-edits-a-load-underway-beside-the-consent",
        "services/loads/posting.py",
        "stops is None and fields == CONSENT\n",
        "CONSENT.items() <= fields.items()\n",
        (
            f"{DUPLICATES}::TestDoubleBrokering"
            "::test_its_poster_may_consent_while_it_is_carried_and_do_nothing_else",
        ),
    ),
    Mutant(
        "a-local-number-is-kept",
        "services/people/phones.py",
        "    return _e164(parsed) if is_valid else None\n",
        "    return _e164(parsed)\n",
        ("tests/services/people/test_phones.py",),
    ),
    Mutant(
        "an-area-with-lat-and-lon-swapped-is-kept",
        "services/fleet/areas.py",
        "    if fence.southmost < ROADS_SOUTH:\n",
        "    if fence.southmost < -90:\n",
        ("tests/api/fleet/test_areas.py::TestPutArea",),
    ),
)
