"""Holes in offers, overrides, stops and pushes."""

from tests.mutants import Mutant

OFFERS = "services/offers.py"
OVERRIDES = "services/overrides.py"
DOORS = "tests/tenants/test_doors.py"
DESK = f"{DOORS}::test_a_desk_sees_its_companys_rows_and_no_others"
DRIVER = f"{DOORS}::test_a_driver_sees_himself_and_no_colleague"
LOADS = f"{DOORS}::TestLoads"
REFUSALS = "tests/api/test_offers.py::TestRefusals"
LOCKS = ("tests/flows/test_the_order_of_locks.py",)

MUTANTS = (
    Mutant(
        "a-late-yes-wins",
        OFFERS,
        " and offers.expires_at > now()\n",
        "\n",
        (f"{REFUSALS}::test_late_by_the_databases_clock_though_no_job_has_marked_it",),
    ),
    Mutant(
        "an-offer-that-ended-wins",
        OFFERS,
        "        and offers.status in ('created', 'sent', 'seen')\n",
        "",
        (REFUSALS,),
    ),
    Mutant(
        "a-load-off-the-market-is-won",
        OFFERS,
        "        and loads.status = 'posted'\n",
        "",
        (REFUSALS,),
    ),
    Mutant(
        "a-suspended-companys-load-is-won",
        OFFERS,
        "and not is_suspended(loads.org_id) and not is_suspended(offers.org_id)",
        "",
        (
            "tests/flows/test_a_company_is_suspended.py::TestOffers"
            "::test_cannot_be_accepted_in_the_moment_before_they_are_withdrawn",
        ),
    ),
    Mutant(
        "a-driver-with-a-load-wins-another",
        OFFERS,
        "if not assignments or _has_another(session, actor.driver_id, assignment_id):",
        "if not assignments:",
        (REFUSALS,),
    ),
    Mutant(
        "two-decisions-about-a-driver-do-not-see-each-other",
        OFFERS,
        "    drivers.lock(session, driver_id)\n",
        "",
        LOCKS,
    ),
    Mutant(
        "a-yes-does-not-lock-the-load",
        OFFERS,
        "        for update of loads\n",
        "",
        LOCKS,
    ),
    Mutant(
        "other-drivers-offers-stay-open",
        OFFERS,
        "    open_offers.end_for_load(\n",
        "    open_offers.end_for_driver(\n",
        ("tests/api/test_offers.py::TestTheWinner",),
    ),
    Mutant(
        "the-dispatchers-list-is-of-all-companies-offers",
        OFFERS,
        "select(Offer).where(Offer.org_id == actor.org_id).order_by",
        "select(Offer).order_by",
        (f"{DESK}[visible_offers]",),
    ),
    Mutant(
        "a-driver-sees-his-colleagues-offers",
        OFFERS,
        "        seen = seen.where(Offer.driver_id == actor.driver_id)\n",
        "        seen = seen.where(True)\n",
        (f"{DRIVER}[visible_offers]",),
    ),
    Mutant(
        "a-carrier-sees-loads-that-others-carry",
        "services/loads.py",
        "carried = carried.where(Assignment.org_id == actor.org_id)",
        "carried = carried.where()",
        (f"{LOADS}::test_of_a_carrier_are_those_it_carries_or_is_offered",),
    ),
    Mutant(
        "a-poster-sees-all-loads",
        "services/loads.py",
        "posted = Load.org_id == actor.org_id if is_at_the_desk else false()",
        "posted = Load.org_id.is_not(None) if is_at_the_desk else false()",
        (f"{LOADS}::test_of_the_desk_are_those_it_posted",),
    ),
    Mutant(
        "private-loads-are-on-the-market",
        "services/loads.py",
        "or_(Load.visibility == Visibility.NETWORK, Load.org_id == actor.org_id)",
        "Load.visibility.is_not(None)",
        (f"{LOADS}::test_of_the_market_are_private_to_their_company",),
    ),
    Mutant(
        "assignments-of-all-companies-are-shown",
        "services/assignments.py",
        "\n        .where(Assignment.org_id == actor.org_id)\n",
        "\n",
        (f"{DESK}[visible_assignments]",),
    ),
    Mutant(
        "a-reassigned-load-stays-with-the-old-driver",
        OVERRIDES,
        "    loads.end_assignment(\n"
        "        session, old, AssignmentStatus.CANCELLED, decision.reason, now=now\n"
        "    )\n",
        "",
        ("tests/services/test_overrides.py::TestReassign",),
    ),
    Mutant(
        "who-had-a-load-goes-on-reporting",
        OVERRIDES,
        "        AssignmentStatus.CANCELLED,\n        cause.reason",
        "        AssignmentStatus.COMPLETED,\n        cause.reason",
        ("tests/api/test_stops.py::TestEndedAssignment",),
    ),
    Mutant(
        "another-companys-assignment-is-overridden",
        OVERRIDES,
        ", Assignment.org_id == actor.org_id\n        )\n    )\n    if",
        "\n        )\n    )\n    if",
        (f"{DOORS}::test_another_companys_assignment_is_not_there_to_override",),
    ),
    Mutant(
        "a-pickup-departs-unconfirmed",
        "services/stops.py",
        "    if stop.confirmed_at is None:\n",
        "    if release is not None:\n",
        ("tests/api/test_stops.py::TestRelease",),
    ),
    Mutant(
        "a-repeated-completion-is-refused",
        "services/stops.py",
        "    if stop.status in DONE:\n        return stop\n",
        "",
        ("tests/services/test_stops.py",),
    ),
    Mutant(
        "a-driver-enters-his-own-endorsement",
        "services/drivers.py",
        'if "has_hazmat_endorsement" in fields and not actor.is_dispatcher:',
        'if "has_hazmat_endorsement" in fields and actor.driver_id is None:',
        ("tests/services/test_offering.py",),
    ),
    Mutant(
        "a-push-is-sent-after-its-expiry",
        "services/pushes.py",
        '        return "expired"\n',
        "        return None\n",
        ("tests/services/test_pushes.py::TestNothingPointlessIsSent",),
    ),
    Mutant(
        "a-push-is-sent-for-an-offer-that-ended",
        "services/pushes.py",
        '            return "offer is no longer open"\n',
        "            return None\n",
        ("tests/services/test_pushes.py::TestNothingPointlessIsSent",),
    ),
)
