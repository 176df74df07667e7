"""Faults in idempotency, versions and rate limits of requests."""

from tests.mutants import Mutant

ONCE = "tests/api/kernel/test_idempotency.py"

MUTANTS = (
    Mutant(
        "a-stale-edit-overwrites",
        "services/kernel/versions.py",
        "if row.tag not in self.tags:",
        "if not self.tags:",
        ("tests/api/kernel/test_versions.py",),
    ),
    Mutant(
        "a-key-answers-for-another-request",
        "services/kernel/idempotency.py",
        "if known.fingerprint != fingerprint:",
        "if not known.fingerprint:",
        (f"{ONCE}::TestARepeat",),
    ),
    Mutant(
        "a-key-is-not-written-with-its-effect",
        "api/kernel/idempotency.py",
        "            g.transaction = session\n            response",
        "        with Session.begin() as session:\n"
        "            g.transaction = session\n            response",
        (f"{ONCE}::TestARepeat", f"{ONCE}::TestABug"),
    ),
    Mutant(
        "a-repeat-does-its-work-again",
        "services/kernel/idempotency.py",
        ".on_conflict_do_nothing()\n",
        ".on_conflict_do_update(index_elements=['org_id', 'member_id', 'key'],"
        " set_={'status': None})\n",
        (f"{ONCE}::TestARepeat",),
    ),
    Mutant(
        "a-misspelt-filter-is-ignored",
        "api/kernel/queries.py",
        "        if name not in known or len(values) > 1\n",
        "        if len(values) > 1\n",
        ("tests/api/kernel/test_queries.py",),
    ),
    Mutant(
        "an-answer-lacks-a-field-that-the-document-promises",
        "api/loads/routes.py",
        '{"source": rules.roads.source, "features": ',
        '{"features": ',
        ("tests/api/loads/test_routes.py::TestAnOffer",),
    ),
    Mutant(
        "anybody-writes-a-cursor",
        "services/kernel/cursors.py",
        "if not is_ours or _text(raw) != cursor:",
        "if len(raw) <= MAC_BYTES or _text(raw) != cursor:",
        (
            "tests/api/kernel/test_lists.py::TestACursor::test_edited_anywhere_is_refused",
        ),
    ),
    Mutant(
        "a-cursor-is-good-for-another-list",
        "services/kernel/cursors.py",
        "if scope_hash != _scope_hash(scope):",
        "if len(scope_hash) != len(_scope_hash(scope)):",
        ("tests/api/kernel/test_lists.py::TestACursor",),
    ),
    Mutant(
        "the-feed-leaves-out-what-commits-late",
        "services/upkeep/feed.py",
        "            Event.xid < _xid(end),\n",
        "",
        ("tests/services/upkeep/test_feed.py",),
    ),
    Mutant(
        "a-tag-is-good-for-anybody",
        "api/kernel/tags.py",
        "{actor().member_id} {sorted(actor().roles)} ",
        "",
        (
            "tests/api/offers/test_inbox.py::TestTheTag"
            "::test_of_another_driver_is_not_good_even_if_they_have_the_same",
        ),
    ),
    Mutant(
        "a-poll-does-not-notice-a-changed-load",
        "services/offers/inbox.py",
        "then loads.xmin::text",
        "then ''",
        (
            "tests/api/offers/test_inbox.py::TestTheTag"
            "::test_changes_with_an_offer_and_its_load",
        ),
    ),
    Mutant(
        "a-phone-is-not-told-of-what-concerns-it",
        "services/upkeep/feed.py",
        "    return and_(xid <= end, not_(exists(later)))\n",
        "    return xid <= end\n",
        ("tests/api/upkeep/test_polling.py::TestSync",),
    ),
    Mutant(
        "a-client-asks-without-limit",
        "migrations/versions/0012_entrance.py",
        "- extract(epoch from clock_timestamp()) <= most_ahead_s[n]\n",
        "- extract(epoch from clock_timestamp()) <= most_ahead_s[n] + 1e6\n",
        ("tests/services/kernel/test_limits.py::TestTake",),
    ),
    Mutant(
        "of-a-name-given-twice-the-last-counts",
        "api/kernel/bodies.py",
        "if is_double:",
        "if is_double and not body:",
        ("tests/api/kernel/test_bodies.py::TestNamesGivenTwice",),
    ),
    Mutant(
        "a-name-may-turn-its-direction",
        "api/kernel/fields.py",
        "if not DIRECTIONS.isdisjoint(value):",
        "if DIRECTIONS.issuperset(value):",
        (
            "tests/api/kernel/test_fields.py::TestALine"
            "::test_must_not_turn_its_direction",
        ),
    ),
    Mutant(
        "a-line-end-in-a-load-number",
        "api/kernel/fields.py",
        "_controls(ONE_LINE)",
        "_controls(NO_CONTROLS)",
        (
            "tests/api/kernel/test_fields.py"
            "::TestALine::test_must_not_control_what_prints_it",
        ),
    ),
    Mutant(
        "text-of-private-use-is-text",
        "services/kernel/characters.py",
        '{"Cc", "Cf", "Cn", "Co", "Cs",',
        '{"Cc", "Cf", "Cn", "Cs",',
        ("tests/api/kernel/test_fields.py::TestALine::test_must_show_something",),
    ),
)
