"""Holes in the schema: indexes, keys, policies, the transaction's settings."""

from tests.mutants import Mutant

FLEET = "migrations/versions/0004_fleet.py"
BOOKING = "migrations/versions/0008_booking.py"
UPKEEP = "migrations/versions/0009_upkeep.py"
WALLS = "migrations/versions/0010_walls.py"
LOCKS = "migrations/versions/0013_locks.py"
SLOTS = "migrations/versions/0017_slots.py"
FETCH = "migrations/versions/0019_fetch.py"

ONE_DRIVER = ("tests/models/loads/test_assignments.py",)
ROWS = "tests/tenants/test_rows.py"
ITS_OWN = (f"{ROWS}::TestEveryTable::test_shows_a_company_its_own",)
LOCKED = "tests/flows/test_a_locked_company.py"
BOUND = ("tests/tenants/test_binding.py",)


def _index(name: str, column: str, unique: bool) -> str:
    return (
        f'        "{name}",\n        "assignments",\n        ["{column}"],\n'
        f"        unique={unique},\n"
    )


def _without_unique(name: str, column: str) -> tuple[str, str]:
    return _index(name, column, True), _index(name, column, False)


MUTANTS = (
    Mutant(
        "a-fetch-of-the-queue-compares-all-jobs-with-each-other",
        FETCH,
        '    op.execute(f"{FETCH} set enable_seqscan = off")\n'
        '    op.execute(f"{FETCH} set enable_sort = off")\n',
        "",
        ("tests/jobs/test_queue.py",),
    ),
    Mutant(
        "a-load-may-have-two-drivers",
        BOOKING,
        *_without_unique("uq_assignments_active_load", "load_id"),
        ONE_DRIVER,
    ),
    Mutant(
        "a-driver-and-a-truck-may-have-two-loads-at-once",
        SLOTS,
        "            unique=True,\n"
        "            postgresql_where=sa.text(\"status = 'active'\"),\n",
        "            unique=False,\n"
        "            postgresql_where=sa.text(\"status = 'active'\"),\n",
        ONE_DRIVER,
    ),
    Mutant(
        "a-truck-may-have-a-crew-of-three",
        SLOTS,
        "        and m.deactivated_at is null) >= 2\n",
        "        and m.deactivated_at is null) >= 3\n",
        ("tests/api/fleet/test_crews.py",),
    ),
    Mutant(
        "a-next-load-waits-for-ever",
        SLOTS,
        "        update assignments set slot = 'current' where id = waiting.id\n",
        "        update assignments set slot = slot where id = waiting.id\n",
        ("tests/services/booking/test_slots.py",),
    ),
    Mutant(
        "references-leave-the-company",
        FLEET,
        '["org_id", "truck_id"],\n            ["trucks.org_id", "trucks.id"],\n',
        '["truck_id"],\n            ["trucks.id"],\n',
        (
            f"{ROWS}::TestWriting::test_even_the_server_cannot_join_rows_of_two_companies",
        ),
    ),
    Mutant(
        "everybody-reads-all-trucks",
        WALLS,
        '"trucks": {"select": (OWN, None)',
        '"trucks": {"select": ("true", None)',
        ITS_OWN,
    ),
    Mutant(
        "everybody-reads-all-offers",
        WALLS,
        '"offers": {\n        "select": (f"{OWN} or {ACTED_ON}", None)',
        '"offers": {\n        "select": ("true", None)',
        ITS_OWN,
    ),
    Mutant(
        "the-tables-owner-is-not-fenced",
        WALLS,
        'op.execute(f"alter table {table} force row level security")',
        'op.execute(f"alter table {table} enable row level security")',
        (f"{ROWS}::TestEveryTable::test_has_row_security_that_binds_the_owner_too",),
    ),
    Mutant(
        "who-sees-a-load-may-change-it",
        WALLS,
        'f"{OWN} or id = any((select app_loads())::uuid[])",\n',
        '"true",\n',
        (
            f"{ROWS}::TestWriting"
            "::test_a_market_load_may_be_locked_on_sight_and_changed_only_in_an_act_on_it",
        ),
    ),
    Mutant(
        "a-truck-is-written-into-another-company",
        WALLS,
        '"trucks": {"select": (OWN, None), "insert": (None, OWN)',
        '"trucks": {"select": (OWN, None), "insert": (None, "true")',
        (f"{ROWS}::TestWriting::test_a_row_of_another_company_is_refused",),
    ),
    Mutant(
        "a-held-load-opens-no-other-companys-offers",
        WALLS,
        '"offers": {\n        "select": (f"{OWN} or {ACTED_ON}", None)',
        '"offers": {\n        "select": (OWN, None)',
        (
            "tests/api/offers/test_offers.py::TestTheWinner"
            "::test_drivers_of_other_companies_lose_too",
        ),
    ),
    Mutant(
        "the-app-works-as-the-worker",
        "runtime/db.py",
        "if whom is Hand.SERVER else DatabaseRole.APP",
        "if whom is Hand.SERVER else DatabaseRole.WORKER",
        (f"{ROWS}::TestEveryTable::test_shows_nothing_without_a_tenant",),
    ),
    Mutant(
        "who-is-nobody-is-the-server",
        "runtime/db.py",
        'session.info.get("acting", Hand.NOBODY)',
        'session.info.get("acting", Hand.SERVER)',
        BOUND,
    ),
    Mutant(
        "a-connection-remembers-the-company",
        "migrations/versions/0012_entrance.py",
        "set_config('app.org', org, true)",
        "set_config('app.org', org, false)",
        BOUND,
    ),
    Mutant(
        "a-connection-remembers-the-role",
        "migrations/versions/0012_entrance.py",
        "set_config('role', acting_role, true)",
        "set_config('role', acting_role, false)",
        BOUND,
    ),
    Mutant(
        "a-transaction-begins-with-anothers-holds",
        "migrations/versions/0012_entrance.py",
        " set_config('app.loads', '', true),",
        "",
        BOUND,
    ),
    Mutant(
        "a-hold-outlives-its-transaction",
        "services/kernel/tenancy.py",
        "set_config('app.loads', :loads, true)",
        "set_config('app.loads', :loads, false)",
        BOUND,
    ),
    Mutant(
        "an-audit-entry-does-not-hash-the-one-before",
        LOCKS,
        "encode(head.hash, 'hex'), company, head.seq + 1,\n                    (",
        "'', company, head.seq + 1,\n                    (",
        (
            "tests/services/upkeep/test_audit.py::TestVerify::test_an_untouched_log_verifies",
        ),
    ),
    Mutant(
        "the-audit-log-may-be-edited",
        UPKEEP,
        'for table in ("audit", "audit_signatures"):',
        'for table in ("audit_signatures",):',
        (
            "tests/services/upkeep/test_audit.py::TestTampering"
            "::test_even_a_superuser_cannot_rewrite_it_by_mistake",
        ),
    ),
    Mutant(
        "a-batch-is-chosen-again-for-each-row",
        "services/kernel/batches.py",
        "keys.in_(select(chosen))",
        "keys.in_(batch)",
        (
            "tests/services/upkeep/test_retention.py::TestPushes"
            "::test_come_in_batches_oldest_first",
        ),
    ),
    Mutant(
        "a-commit-waits-for-the-audit-chain",
        LOCKS,
        'AUDIT_ROW.format(variables="", write=WRITE)',
        "AUDIT_ROW.format(variables=CHAINING, write=WRITE_AND_CHAIN)",
        (f"{LOCKED}::test_a_locked_chain_holds_up_no_request",),
    ),
    Mutant(
        "a-wait-at-the-commit-is-not-cut",
        "runtime/db.py",
        '" -c lock_timeout={lock_timeout_ms(settings)}"',
        '" -c lock_timeout=0"',
        (f"{LOCKED}::test_a_wait_at_the_commit_is_cut_and_leaves_nothing",),
    ),
    Mutant(
        "public-executes-our-functions",
        LOCKS,
        'op.execute(RIGHTS.format(act="revoke execute on function %s from public"))',
        "continue",
        ("tests/tenants/test_public.py::test_public_has_no_right",),
    ),
    Mutant(
        "public-connects-to-our-database",
        "runtime/migrating.py",
        "connection.execute(CLOSE_DATABASE)",
        "assert CLOSE_DATABASE is not None",
        ("tests/tenants/test_public.py::test_an_ordinary_login_cannot_connect",),
    ),
    Mutant(
        "an-unchained-entry-may-be-deleted",
        LOCKS,
        "if tg_op = 'DELETE' and current_user = 'backhaul_owner' then",
        "if tg_op = 'DELETE' then",
        (
            "tests/services/upkeep/test_audit.py::TestTampering"
            "::test_even_a_superuser_cannot_rewrite_it_by_mistake",
        ),
    ),
)
