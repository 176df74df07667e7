"""Faults in what a search starts from, keeps and explains."""

from tests.mutants import Mutant

WHEREABOUTS = "tests/services/search/test_whereabouts.py"
SITUATIONS = "tests/services/search/test_situations.py"
EXPLAIN = "tests/services/search/test_explain.py"
CANDIDATES = "tests/services/search/test_candidates.py"
SAME = "tests/services/search/test_same_freight.py"

MUTANTS = (
    Mutant(
        "a-position-from-before-the-drop-is-where-the-search-starts",
        "services/judging/whereabouts.py",
        "    return elsewhere if is_far and is_late else at_the_stop\n",
        "    return elsewhere if is_far else at_the_stop\n",
        (f"{WHEREABOUTS}::TestAfterADrop",),
    ),
    Mutant(
        "a-late-report-starts-at-the-drop",
        "services/judging/whereabouts.py",
        "    if before_s < 0:\n        return elsewhere\n",
        "",
        (f"{WHEREABOUTS}::TestAfterADrop",),
    ),
    Mutant(
        "an-old-position-is-where-a-driver-without-a-load-is",
        "services/judging/whereabouts.py",
        "    if known is None or known.corrected_at < now - RECENT:\n",
        "    if known is None:\n",
        (f"{WHEREABOUTS}::TestWithoutADrop",),
    ),
    Mutant(
        "a-stop-that-another-truck-came-to-is-where-the-driver-is",
        "services/judging/whereabouts.py",
        "            Stop.arrived_at >= Assignment.created_at,\n",
        "            Stop.arrived_at.is_not(None),\n",
        (f"{WHEREABOUTS}::TestWithoutADrop",),
    ),
    Mutant(
        "a-stop-that-the-next-truck-came-to-is-where-the-driver-is",
        "services/judging/whereabouts.py",
        "            or_(Assignment.ended_at.is_(None), "
        "Stop.arrived_at <= Assignment.ended_at),\n",
        "",
        (f"{WHEREABOUTS}::TestWithoutADrop",),
    ),
    Mutant(
        "a-driver-whose-stops-are-unknown-is-nowhere",
        "services/judging/whereabouts.py",
        "        found.append((here, known.corrected_at))\n",
        "        if known.corrected_at >= now - RECENT:\n"
        "            found.append((here, known.corrected_at))\n",
        (f"{WHEREABOUTS}::TestWithoutADrop",),
    ),
    Mutant(
        "a-driver-alone-is-a-crew",
        "services/judging/situations.py",
        " and mate.id <> {driver}.id\n",
        "\n",
        (f"{SITUATIONS}::TestTheCrew",),
    ),
    Mutant(
        "the-later-of-two-times-at-home-counts",
        "services/judging/situations.py",
        "    return min(wishes, default=None)\n",
        "    return max(wishes, default=None)\n",
        (f"{SITUATIONS}::TestHomeBy",),
    ),
    Mutant(
        "a-driver-without-countries-drives-everywhere",
        "services/judging/situations.py",
        "        countries=_both(driver.countries or (country,), company),\n",
        "        countries=driver.countries and _both(driver.countries, company),\n",
        (f"{SITUATIONS}::TestCountries",),
    ),
    Mutant(
        "a-company-without-countries-goes-where-its-driver-may",
        "services/judging/situations.py",
        "intersection(company.countries or (company.country,))",
        "intersection(company.countries or of_driver)",
        (f"{SITUATIONS}::TestCountries",),
    ),
    Mutant(
        "a-driver-goes-where-their-company-may",
        "services/judging/situations.py",
        "frozenset(of_driver).intersection(",
        "frozenset(of_driver).union(",
        (f"{SITUATIONS}::TestCountries",),
    ),
    Mutant(
        "a-suspended-posters-figures-are-explained",
        "services/search/explain.py",
        "        hidden = FIGURES if is_hidden else ()\n",
        "        hidden = ()\n",
        (f"{EXPLAIN}::TestOfAPosterWhoIsSuspendedMeanwhile",),
    ),
    Mutant(
        "another-companys-draft-is-explained",
        "services/search/explain.py",
        "load.visibility is Visibility.NETWORK and load.posted_at is not None",
        "load.visibility is Visibility.NETWORK",
        (f"{EXPLAIN}::TestTenancy",),
    ),
    Mutant(
        "a-load-posted-later-was-on-the-market",
        "services/search/explain.py",
        "            Event.received_at <= at,\n",
        "",
        (f"{EXPLAIN}::TestNotOnTheMarket",),
    ),
    Mutant(
        "a-window-that-was-over-counts-as-open",
        "services/search/explain.py",
        "        load.pickup_until <= at\n        or load.is_unconfirmed\n",
        "        load.is_unconfirmed\n",
        (f"{EXPLAIN}::TestNotOnTheMarket",),
    ),
    Mutant(
        "a-lease-that-was-over-counts-as-running",
        "services/search/explain.py",
        "    return all(lease > at for lease in leases)\n",
        "    return True\n",
        (f"{EXPLAIN}::TestNotOnTheMarket",),
    ),
    Mutant(
        "another-posters-duplicate-buries-a-load",
        "services/search/same_freight.py",
        "            poster == org_id\n            and other.load_id",
        "            poster is not None\n            and other.load_id",
        (SAME,),
    ),
    Mutant(
        "a-declined-load-comes-back-as-its-duplicate",
        "services/search/same_freight.py",
        "(*OPEN_OFFERS, OfferStatus.DECLINED, OfferStatus.EXPIRED)",
        "(*OPEN_OFFERS, OfferStatus.EXPIRED)",
        (SAME,),
    ),
    Mutant(
        "a-load-that-the-poster-carries-counts-as-booked",
        "migrations/versions/0024_posters.py",
        "a.first_booked_at is null and a.org_id <> a.load_org_id",
        "a.first_booked_at is null",
        (f"{CANDIDATES}::TestRecordsOfPosters",),
    ),
    Mutant(
        "a-reassigned-load-is-booked-twice",
        "migrations/versions/0024_posters.py",
        "a.first_booked_at is null and a.org_id <> a.load_org_id",
        "a.org_id <> a.load_org_id",
        (f"{CANDIDATES}::TestRecordsOfPosters",),
    ),
    Mutant(
        "a-cancellation-is-never-forgotten",
        "migrations/versions/0024_posters.py",
        "        and a.created_at > now() - interval '{RECORD_DAYS} days'\n",
        "",
        (f"{CANDIDATES}::TestRecordsOfPosters",),
    ),
    Mutant(
        "a-leg-without-a-road-is-no-way-at-all",
        "services/judging/candidates.py",
        "(inf if m is None else m, access_m)",
        "(m or 0.0, access_m)",
        (f"{CANDIDATES}::TestLegs",),
    ),
)
