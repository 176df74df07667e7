"""Faults in the ways out of a load, and in what is owed after them."""

from tests.mutants import Mutant

WAYS_OUT = "tests/services/booking/test_ways_out.py"
ANOTHER = "tests/services/booking/test_another_truck.py"
SLOTS = "tests/services/booking/test_slots.py"
OWED = "tests/services/booking/test_what_is_owed.py"
SUSPENDED = "tests/flows/test_a_company_is_suspended.py::TestLoadsUnderway"
FINISHES = "tests/flows/test_a_suspended_carrier_finishes.py"

MUTANTS = (
    Mutant(
        "a-desk-over-its-quota-cannot-let-go",
        "api/kernel/limits.py",
        "    return path != OVERRIDE or body_word",
        "    return path == OVERRIDE or body_word",
        ("tests/api/kernel/test_limits.py",),
    ),
    Mutant(
        "the-id-that-a-client-made-decides-which-assignment-counts",
        "services/loads/stops.py",
        "        .order_by(Assignment.status == AssignmentStatus.CANCELLED, "
        "*NEWEST_FIRST)\n",
        "        .order_by(Assignment.id.desc())\n",
        ("tests/services/booking/test_ids_of_clients.py",),
    ),
    Mutant(
        "a-load-is-offered-to-the-driver-who-handed-it-back",
        "services/search/offer.py",
        "            Assignment.ended_by == Driver.member_id,\n",
        "            Assignment.ended_by == Driver.id,\n",
        (OWED,),
    ),
    Mutant(
        "an-edit-of-nothing-ends-the-offers",
        "services/loads/posting.py",
        "    if stops is None and not figures.are_changed(load, fields):\n",
        "    if stops is None and fields is None:\n",
        ("tests/services/offers/test_ending.py",),
    ),
    Mutant(
        "a-driver-of-the-crew-is-locked-after-its-truck",
        "services/booking/reassign.py",
        "party, cause, is_settled=False)\n",
        "party, cause)\n",
        (SLOTS,),
    ),
    Mutant(
        "a-truck-is-at-two-stops-within-a-second",
        "services/loads/sequence.py",
        "if flags.is_too_fast(before.place, fact.place, seconds, accuracy_m=0.0):",
        "if fact.at < before.at:",
        ("tests/api/fleet/test_flags.py",),
    ),
    Mutant(
        "a-completion-before-its-arrival",
        "services/loads/stops.py",
        "        earliest=sequence.earliest(stop, assignment),\n",
        "        earliest=assignment.created_at,\n",
        ("tests/api/fleet/test_flags.py",),
    ),
    Mutant(
        "a-confirmed-pickup-is-denied",
        "services/loads/denials.py",
        "    elif stops.has_confirmed_pickup(load):\n",
        "    elif not load.stops:\n",
        ("tests/services/booking/test_denials.py",),
    ),
    Mutant(
        "a-suspended-poster-is-let-in-for-ever-after-a-delivery",
        "migrations/versions/0016_exits.py",
        " and a.ended_at >= now() - deny_within",
        "",
        ("tests/services/booking/test_denials.py",),
    ),
    Mutant(
        "a-desk-does-not-hear-that-its-delivery-is-denied",
        "services/loads/denials.py",
        "        desk_of=last.id,\n",
        "",
        ("tests/services/booking/test_denials.py",),
    ),
    Mutant(
        "freight-heavier-than-posted-goes-to-any-truck",
        "services/booking/objections.py",
        "    if confirmed_kg <= (candidate.weight_kg or 0):\n",
        "    if confirmed_kg is not None:\n",
        (ANOTHER,),
    ),
    Mutant(
        "a-desks-phones-are-found-by-the-id-of-an-assignment",
        "migrations/versions/0016_exits.py",
        "assignment and a.load_id = any((select app_loads())::uuid[])\n",
        "assignment\n",
        ("tests/services/booking/test_denials.py",),
    ),
    Mutant(
        "the-desk-ends-a-drivers-time-off-duty",
        "services/fleet/drivers.py",
        "    if is_ended and actor.driver_id != driver.id:\n",
        "    if is_ended and not actor.is_dispatcher:\n",
        ("tests/api/fleet/test_drivers.py::TestAvailability",),
    ),
    Mutant(
        "a-confirmation-nails-a-truck-that-has-not-arrived",
        "freight/lifecycles.py",
        "        _A.CONFIRM_PICKUP,\n        None,\n",
        "        _A.CONFIRM_PICKUP,\n        _L.PICKUP_CONFIRMED,\n",
        ("tests/services/loads/test_pickups.py::TestConfirm",),
    ),
    Mutant(
        "a-dispatcher-who-posts-may-not-correct-a-pickup",
        "freight/lifecycles.py",
        "        _A.AMEND_PICKUP,\n        None,\n        _POSTING,\n",
        "        _A.AMEND_PICKUP,\n        None,\n        POSTERS,\n",
        ("tests/services/loads/test_pickups.py::TestConfirm",),
    ),
    Mutant(
        "freight-aboard-goes-back-to-the-market",
        "services/booking/hand_back.py",
        "        if stops.is_aboard(load):\n",
        "        if load.status is None:\n",
        (f"{WAYS_OUT}::TestFreightAboard",),
    ),
    Mutant(
        "a-confirmation-outlives-its-truck",
        "services/loads/stops.py",
        "        if stop.confirmed_at is not None and ",
        "        if False and ",
        (f"{WAYS_OUT}::TestNothingAboard",),
    ),
    Mutant(
        "a-confirmation-of-what-was-not-loaded-outlives-an-interruption",
        "services/loads/interruptions.py",
        "    stops.clear_waiting(session, load, cause)\n",
        "",
        (f"{ANOTHER}::TestAConfirmedPickupThatWasNotLoaded",),
    ),
    Mutant(
        "a-poster-reads-the-way-driven-for-another",
        "migrations/versions/0016_exits.py",
        "select driver_id, current_at as since",
        "select driver_id, created_at as since",
        (OWED,),
    ),
    Mutant(
        "an-old-position-is-the-place-of-the-freight",
        "services/loads/interruptions.py",
        " and way.located_at and way.located_at >= at - RECENT",
        "",
        (f"{WAYS_OUT}::TestFreightAboard",),
    ),
    Mutant(
        "a-reassigned-load-keeps-the-arrival-of-the-old-truck",
        "services/booking/reassign.py",
        "    if not stops.is_aboard(load):\n",
        "    if False:\n",
        (f"{ANOTHER}::TestReassignWithNothingAboard",),
    ),
    Mutant(
        "a-driver-changes-the-truck-under-a-load",
        "services/booking/exchange.py",
        "    if not actor.is_dispatcher:\n",
        "    if False:\n",
        (f"{ANOTHER}::TestTheTruckIsExchanged",),
    ),
    Mutant(
        "an-exchanged-truck-carries-what-it-may-not",
        "services/booking/exchange.py",
        "        objections.check_truck(session, load, driver, driver.truck, now=now)"
        "\n",
        "",
        (f"{ANOTHER}::TestTheTruckIsExchanged",),
    ),
    Mutant(
        "a-truck-is-locked-before-its-slot-is-taken",
        "services/booking/exchange.py",
        "    for each in carried:\n        each.truck_id = truck_id\n",
        "    drivers.lock_with_trucks(session, {driver.id}, left | {truck_id})\n"
        "    for each in carried:\n        each.truck_id = truck_id\n",
        (SLOTS,),
    ),
    Mutant(
        "the-rest-of-a-crew-waits-for-a-truck-that-is-free",
        "services/booking/exchange.py",
        "settle_availability(session, driver.id, left)",
        "settle_availability(session, driver.id)",
        (SLOTS,),
    ),
    Mutant(
        "a-driver-who-has-left-gets-a-load",
        "services/booking/objections.py",
        "        is_driver_gone=gone_at is not None,\n",
        "",
        (f"{ANOTHER}::test_a_driver_who_is_no_longer_a_member_gets_no_load",),
    ),
    Mutant(
        "a-driver-who-lost-a-load-is-owed-nothing",
        "services/loads/assignments.py",
        "    enqueue(session, Job.SEARCH_AFTER_END,"
        " assignment_id=str(assignment.id))\n",
        "",
        (f"{OWED}::TestASearchIsOwed",),
    ),
    Mutant(
        "offers-that-were-all-declined-are-the-last",
        "services/offers/ending.py",
        '            {"search_id": str(search_id), "once_all_ended": True}\n'
        "            for search_id in sorted(of_broadcasts)\n",
        "",
        ("tests/services/search/test_going_on.py",),
    ),
    Mutant(
        "a-search-whose-loads-are-full-ends",
        "services/search/offer.py",
        "    if skipped := full | (set(load_ids) - set(free)):\n",
        "    if skipped := set(load_ids) - set(free):\n",
        ("tests/services/search/test_going_on.py",),
    ),
    Mutant(
        "a-decline-brings-the-next-offer-at-once",
        "services/search/going_on.py",
        "    if once_all_ended and ",
        "    if False and ",
        ("tests/services/booking/test_answer.py::TestStrategies",),
    ),
    Mutant(
        "a-suspended-company-with-a-load-may-do-all",
        "api/kernel/auth.py",
        "    if not finishes_loads:\n        raise OrganisationSuspended\n",
        "",
        (SUSPENDED,),
    ),
    Mutant(
        "a-suspended-company-decides-all-of-its-loads",
        "api/booking/overrides.py",
        "        if actor().is_suspended and ",
        "        if False and ",
        (FINISHES,),
    ),
    Mutant(
        "a-suspended-carrier-loses-sight-of-the-freight-on-its-truck",
        "services/loads/assignments.py",
        "or_(is_active, exists(has_freight))",
        "is_active",
        (FINISHES,),
    ),
    Mutant(
        "a-suspended-company-sees-all-its-loads",
        "services/loads/loads.py",
        "    if actor.is_suspended:\n",
        "    if False:\n",
        (SUSPENDED,),
    ),
    Mutant(
        "a-posting-dispatcher-ends-a-load-at-its-delivery",
        "services/loads/interruptions.py",
        "    if load.status is not LoadStatus.INTERRUPTED:\n",
        "    if load.status in {LoadStatus.DRAFT}:\n",
        ("tests/services/booking/test_ways_out.py::TestInterrupted",),
    ),
)
