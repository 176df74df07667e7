"""Faults in offers, overrides, stops and pushes."""

from tests.mutants import Mutant

OFFERS = "services/booking/answer.py"
OVERRIDES = "services/booking/overrides.py"
DOORS = "tests/tenants/test_doors.py"
DESK = f"{DOORS}::test_a_desk_sees_its_companys_rows_and_no_others"
DRIVER = f"{DOORS}::test_a_driver_sees_their_own_rows_and_no_colleagues"
LOADS = f"{DOORS}::TestLoads"
REFUSALS = "tests/api/offers/test_offers.py::TestRefusals"
LOCKS = ("tests/flows/test_the_order_of_locks.py",)

OBJECTIONS = "tests/services/booking/test_objections.py"

MUTANTS = (
    Mutant(
        "an-acceptance-is-not-asked-what-has-changed",
        OFFERS,
        "    if found:\n        raise Objected(found, ASK_THE_DESK)\n",
        "    if not found:\n        found = ()\n",
        (f"{OBJECTIONS}::TestAcceptance",),
    ),
    Mutant(
        "an-acceptance-does-not-see-who-is-off-duty",
        OFFERS,
        "        is_off_duty=before is Availability.OFF_DUTY,\n",
        "        is_off_duty=driver.availability is Availability.OFF_DUTY,\n",
        (f"{OBJECTIONS}::TestAcceptance",),
    ),
    Mutant(
        "the-desk-overrules-what-nobody-may",
        "services/booking/objections.py",
        "    if any(not objection.may_overrule for objection in found):\n",
        "    if any(not objection.ground for objection in found):\n",
        (f"{OBJECTIONS}::TestTheDesk",),
    ),
    Mutant(
        "the-desk-overrules-without-a-reason",
        "services/booking/objections.py",
        "    if found and not is_overruled:\n",
        "    if found and is_overruled is None:\n",
        (f"{OBJECTIONS}::TestTheDesk",),
    ),
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
        "        and offers.{IS_OPEN}\n",
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
        "        is_slot_taken=seen.is_slot_taken,\n",
        "",
        ("tests/services/booking/test_slots.py",),
    ),
    Mutant(
        "an-acceptance-does-not-ask-the-drawn-areas-of-now",
        OFFERS,
        "area=forbidden(operating, no_go, [stop.point for stop in candidate.route])",
        "area=None",
        (f"{OBJECTIONS}::TestAcceptance",),
    ),
    Mutant(
        "an-acceptance-does-not-ask-the-longest-detour-of-now",
        OFFERS,
        "journey = Journey.shown(candidate, shown, parameters)",
        "journey = Journey.shown(candidate, shown, Parameters(max_detour_m=1e9))",
        (f"{OBJECTIONS}::TestAcceptance",),
    ),
    Mutant(
        "a-load-off-the-market-is-refused-without-all-other-reasons",
        "services/booking/assign.py",
        "        wanted = Booking(kind, slot, is_slot_taken=is_taken)\n        raise",
        "        wanted = Booking(kind, slot)\n        raise",
        (f"{OBJECTIONS}::TestTheDesk",),
    ),
    Mutant(
        "the-desk-takes-a-load-whose-lease-is-over",
        "services/loads/market.py",
        "{IS_LEASED} is not true as is_lease_over",
        "false as is_lease_over",
        (f"{OBJECTIONS}::TestTheDesk",),
    ),
    Mutant(
        "two-decisions-about-a-driver-do-not-see-each-other",
        OFFERS,
        "        update drivers set availability = 'on_load',\n"
        "            version = version + (availability <> 'on_load')::int\n"
        "        from a where drivers.id = a.driver_id\n"
        "        returning old.availability as before\n",
        "        select 'available' as before from a\n",
        ("tests/services/booking/test_objections_meanwhile.py",),
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
        "    ending.end_the_rest(session, offer.load_id, offer.driver_id,",
        "    ending.end_the_rest(session, offer.id, offer.driver_id,",
        ("tests/api/offers/test_offers.py::TestTheWinner",),
    ),
    Mutant(
        "the-dispatchers-list-is-of-all-companies-offers",
        "services/offers/offers.py",
        "    if is_dispatcher:\n        return [of_the_company]\n",
        "    if is_dispatcher:\n        return []\n",
        (f"{DESK}[visible_offers]",),
    ),
    Mutant(
        "a-driver-sees-the-offers-of-colleagues",
        "services/offers/offers.py",
        "    return [of_the_company, Offer.driver_id == driver_id]\n",
        "    return [of_the_company]\n",
        (f"{DRIVER}[visible_offers]",),
    ),
    Mutant(
        "a-carrier-sees-loads-that-others-carry",
        "services/loads/loads.py",
        "        carried.org_id == actor.org_id\n",
        "        carried.org_id.is_not(None)\n",
        (f"{LOADS}::test_of_a_carrier_are_those_it_carries_or_is_offered",),
    ),
    Mutant(
        "a-poster-sees-all-loads",
        "services/loads/loads.py",
        "posted = Load.org_id == actor.org_id if is_at_the_desk else false()",
        "posted = Load.org_id.is_not(None) if is_at_the_desk else false()",
        (f"{LOADS}::test_of_the_desk_are_those_it_posted",),
    ),
    Mutant(
        "private-loads-are-on-the-market",
        "services/loads/market.py",
        "(loads.visibility = 'network' or loads.org_id = :org_id)",
        "(loads.visibility is not null or loads.org_id = :org_id)",
        (f"{LOADS}::test_of_the_market_include_private_ones_only_for_their_company",),
    ),
    Mutant(
        "assignments-of-all-companies-are-shown",
        "services/loads/assignments.py",
        "\n        .where(Assignment.org_id == actor.org_id)\n",
        "\n",
        (f"{DESK}[visible_assignments]",),
    ),
    Mutant(
        "a-reassigned-load-stays-with-the-old-driver",
        "services/booking/reassign.py",
        "    assignments.cut_short(session, old, load, party, cause,"
        " is_settled=False)\n",
        "",
        ("tests/services/booking/test_overrides.py::TestReassign",),
    ),
    Mutant(
        "who-had-a-load-goes-on-reporting",
        "services/loads/assignments.py",
        "        AssignmentStatus.CANCELLED,\n        cause.reason",
        "        AssignmentStatus.COMPLETED,\n        cause.reason",
        ("tests/api/loads/test_stops.py::TestEndedAssignment",),
    ),
    Mutant(
        "another-companys-assignment-is-overridden",
        OVERRIDES,
        ", Assignment.org_id == actor.org_id\n        )\n    )\n    if",
        "\n        )\n    )\n    if",
        (f"{DOORS}::test_another_companys_assignment_cannot_be_overridden",),
    ),
    Mutant(
        "a-pickup-departs-unconfirmed",
        "services/loads/stops.py",
        "    if stop.confirmed_at is None and not is_released:\n",
        "    if stop.confirmed_at is None and reason is not None:\n",
        ("tests/api/loads/test_stops.py::TestRelease",),
    ),
    Mutant(
        "a-repeated-completion-is-refused",
        "services/loads/stops.py",
        "    if stop.status in DONE:\n        return stop\n",
        "",
        ("tests/services/loads/test_stops.py",),
    ),
    Mutant(
        "a-driver-enters-their-own-endorsement",
        "services/fleet/drivers.py",
        "if not actor.is_dispatcher and (refused",
        "if actor.driver_id is None and (refused",
        ("tests/services/search/test_offer.py",),
    ),
    Mutant(
        "a-push-is-sent-after-its-expiry",
        "services/offers/pushes.py",
        '        return "expired"\n',
        "        return None\n",
        ("tests/services/offers/test_pushes.py::TestNothingPointlessIsSent",),
    ),
    Mutant(
        "a-push-is-sent-for-an-offer-that-ended",
        "services/offers/pushes.py",
        '        return "offer is no longer open"\n',
        "        return None\n",
        ("tests/services/offers/test_pushes.py::TestNothingPointlessIsSent",),
    ),
    Mutant(
        "pushes-are-sent-long-after-their-check",
        "handlers/push.py",
        " and monotonic() - checked_at <= holds_s",
        "",
        ("tests/services/offers/test_pushes_in_turn.py::TestBeforeItsTurn",),
    ),
    Mutant(
        "a-dead-phone-is-sent-the-rest-of-the-job",
        "handlers/push.py",
        "last.outcome is Outcome.ACCEPTED and ",
        "",
        ("tests/services/offers/test_pushes_of_one_job.py::TestAfterARefusal",),
    ),
    Mutant(
        "an-attempt-of-another-run-is-given-back",
        "services/offers/pushes.py",
        "is_ours = push.attempts == envelope.attempts",
        "is_ours = True",
        ("tests/services/offers/test_pushes_in_turn.py::TestRepeated",),
    ),
    Mutant(
        "a-load-with-odd-figures-came-before-it-is-confirmed",
        "services/loads/market.py",
        "    if not load.is_unconfirmed:\n        enqueue",
        "    if load:\n        enqueue",
        ("tests/services/search/test_what_came.py::TestWhatCame",),
    ),
    Mutant(
        "loads-off-the-market-come-back-with-their-company",
        "services/loads/market.py",
        "where(Load.org_id == org_id, is_on_the_market(org_id))",
        "where(Load.org_id == org_id)",
        ("tests/services/search/test_what_came.py::TestASuspensionThatEnds",),
    ),
    Mutant(
        "only-the-first-loads-of-a-company-come-back",
        "services/loads/market.py",
        "        for first in range(0, len(ids), LOADS_A_JOB)\n",
        "        for first in range(0, min(len(ids), LOADS_A_JOB), LOADS_A_JOB)\n",
        ("tests/services/search/test_what_came.py::TestASuspensionThatEnds",),
    ),
)
