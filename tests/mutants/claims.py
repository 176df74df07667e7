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
        "a-jump-is-the-last-position-at-once",
        "services/fleet/tracks.py",
        "        elif last.reaches(fix):\n",
        "        elif fix.order > last.order:\n",
        ("tests/services/fleet/test_positions.py::TestJumps",),
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
        "    loads.status = 'posted' and not loads.is_unconfirmed\n",
        "    loads.status = 'posted'\n",
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
        "a-local-number-is-kept",
        "services/people/phones.py",
        "    return _e164(parsed) if is_valid else None\n",
        "    return _e164(parsed)\n",
        ("tests/services/people/test_phones.py",),
    ),
    Mutant(
        "an-area-with-lat-and-lon-swapped-is-kept",
        "services/fleet/areas.py",
        "    if southmost < ROADS_SOUTH:\n",
        "    if southmost < -90:\n",
        ("tests/api/fleet/test_areas.py::TestPutArea",),
    ),
)
