"""Holes in what a desk may see of a load, how much it may book, and what follows when
it gives a load back."""

from tests.mutants import Mutant

FORMS = "api/loads/forms.py"
LIMITS = "api/kernel/limits.py"
AFTER = "tests/owasp/test_api03_after_a_give_back.py"
BEFORE = "tests/owasp/test_api03_before_acceptance.py"
BACK = "tests/flows/test_a_load_comes_back.py"
GIVEN_BACK = "tests/flows/test_a_load_is_given_back.py"

MUTANTS = (
    Mutant(
        "a-position-is-exact-before-acceptance",
        FORMS,
        "return round(value, DECIMALS)",
        "return value",
        (f"{BEFORE}::test_no_operation_tells_any_role_more_than_the_market_sees",),
    ),
    Mutant(
        "contacts-are-read-before-acceptance",
        FORMS,
        "bool(load.is_carried)",
        "load.is_carried is not None",
        (f"{BEFORE}::test_no_operation_tells_any_role_more_than_the_market_sees",),
    ),
    Mutant(
        "contacts-are-read-after-giving-back",
        "services/loads/loads.py",
        "carried.status != AssignmentStatus.CANCELLED,",
        "carried.status.is_not(None),",
        (
            f"{BEFORE}::test_the_carrier_reads_it_from_acceptance_on_and_not_after_giving_back",
        ),
    ),
    Mutant(
        "another-driver-begins-the-booking-anew",
        "services/loads/assignments.py",
        "first_booked_at=after.booked_at if after else None,",
        "first_booked_at=None,",
        ("tests/flows/test_a_load_is_given_back.py",),
    ),
    Mutant(
        "a-change-of-driver-counts-as-a-booking",
        "migrations/versions/0020_bookings.py",
        'bookings=f"distinct (load_id, {BOOKED_AT})"',
        'bookings="*"',
        ("tests/flows/test_a_load_is_given_back.py",),
    ),
    Mutant(
        "a-load-booked-again-counts-once",
        "migrations/versions/0020_bookings.py",
        'bookings=f"distinct (load_id, {BOOKED_AT})"',
        'bookings="distinct load_id"',
        ("tests/flows/test_a_load_is_given_back.py",),
    ),
    Mutant(
        "the-desk-books-without-a-limit",
        LIMITS,
        'if request.method != "POST" or path not in DESK:',
        "if True:",
        ("tests/api/kernel/test_limits.py::TestPeople",),
    ),
    Mutant(
        "a-driver-whom-the-desk-took-off-is-offered-the-load-again",
        "services/offers/ending.py",
        "            ~exists(had_it),\n",
        "",
        (BACK,),
    ),
    Mutant(
        "an-offer-is-renewed-again-and-again",
        "services/search/renew.py",
        "or_(Offer.renews_id == fell.id, is_open()),",
        "is_open(),",
        (BACK,),
    ),
    Mutant(
        "a-load-that-comes-back-is-offered-to-nobody",
        "services/booking/overrides.py",
        "    enqueue(session, Job.OFFERS_RENEW, assignment_id=str(old.id))\n",
        "",
        (BACK,),
    ),
    Mutant(
        "a-quick-give-back-is-not-counted",
        "services/booking/overrides.py",
        "    old.given_back_after_s = old.after_s\n",
        "",
        (GIVEN_BACK,),
    ),
    Mutant(
        "a-driver-of-another-country-carries-domestic-freight",
        "migrations/versions/0017_slots.py",
        "            and (min(s.address->>'country') <> o.country\n",
        "            and (false\n",
        ("tests/services/booking/test_cabotage.py",),
    ),
    Mutant(
        "a-driver-overrules-cabotage-by-their-own-word",
        "services/fleet/drivers.py",
        "(refused := OF_THE_DESK.keys() & fields)",
        "(refused := {'has_hazmat_endorsement'} & fields.keys())",
        ("tests/services/booking/test_cabotage.py",),
    ),
    Mutant(
        "letting-go-with-freight-aboard-is-not-counted",
        "services/loads/interruptions.py",
        "    if party is EndedParty.CARRIER:\n",
        "    if party is None:\n",
        (f"{GIVEN_BACK}::test_letting_go_with_freight_said_to_be_aboard_counts",),
    ),
    Mutant(
        "a-pickup-that-nobody-confirmed-is-let-go-uncounted",
        "services/booking/take_over.py",
        "    if stops.has_confirmed_pickup(load):\n",
        "    if load.stops:\n",
        (
            f"{GIVEN_BACK}"
            "::test_a_pickup_that_the_poster_did_not_confirm_is_not_let_go_uncounted",
        ),
    ),
    Mutant(
        "an-explanation-tells-what-an-edit-made-of-a-load",
        "services/search/explain.py",
        "    if has_changed:\n",
        "    if False:\n",
        (f"{AFTER}::test_an_explanation_says_that_it_was_edited_and_not_what",),
    ),
    Mutant(
        "a-former-carrier-learns-that-a-load-is-private-by-now",
        "services/search/explain.py",
        "    return session.scalar(had.limit(1)) is not None\n",
        "    return False\n",
        (f"{AFTER}::test_an_explanation_says_that_it_was_edited_and_not_what",),
    ),
    Mutant(
        "a-former-carrier-follows-the-load",
        "services/upkeep/sync.py",
        "own.where(not_(was_cut_short))",
        "own",
        (f"{AFTER}::test_nothing_of_the_next_carriers_trip_is_seen",),
    ),
    Mutant(
        "a-former-carrier-reads-later-edits",
        "api/loads/assignments.py",
        "return obj.load if is_theirs else as_kept(obj.load_kept)",
        "return obj.load",
        (f"{AFTER}::test_nothing_of_a_later_edit_is_seen",),
    ),
    Mutant(
        "who-had-interrupted-freight-is-not-told-of-its-end",
        "services/loads/interruptions.py",
        ", LEFT_WITH: str(carried_by)}",
        "}",
        (f"{AFTER}::test_a_carrier_with_interrupted_freight_hears_of_its_end",),
    ),
)
