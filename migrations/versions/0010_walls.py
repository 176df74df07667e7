"""The walls between companies: three database roles, and row security.

Each transaction says who acts (`runtime/db.py`): `app.org` is the company, `app.member`
the member, `app.visible` the companies whose rows they see, and `app.loads` the loads
on which they act, set once their right is checked (`services/kernel/tenancy.py`).
Where nothing is set, no row is visible.

A later revision that makes a table enables and forces row security on it, and adds the
policy `server` and the policies and grants of the app, as POLICIES has them here.
"""

from alembic import op

revision = "0010_walls"
down_revision = "0009_upkeep"
phase = "expand"
branch_labels = None
depends_on = None

ROLES = """
do $$ declare wanted text; begin
    foreach wanted in array array['backhaul_owner', 'backhaul_app', 'backhaul_worker']
    loop
        -- Roles belong to the whole server: another database may have made them, or
        -- may be making them now.
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I %s nosuperuser nobypassrls', wanted,
                    case wanted when 'backhaul_owner' then 'nologin' else 'login' end);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
        if not pg_has_role(wanted, 'member') then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
    grant usage, create on schema public to backhaul_owner;
    grant usage on schema public to backhaul_app, backhaul_worker;
end $$
"""

OWNERSHIP = """
do $$ declare found record; begin
    for found in select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') loop
        execute format('alter table %I owner to backhaul_owner', found.relname);
    end loop;
    for found in select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace loop
        execute format('alter function %s owner to backhaul_owner', found.name);
    end loop;
end $$
"""
"""The queue's tables too: revisions of ours bring the changes of its later versions."""

CONTEXT = """
create function app_org() returns uuid language sql stable parallel safe as
$$ select nullif(current_setting('app.org', true), '')::uuid $$;
create function app_visible() returns uuid[] language sql stable parallel safe as
$$ select string_to_array(nullif(current_setting('app.visible', true), ''), ',')::uuid[]
$$;
create function app_loads() returns uuid[] language sql stable parallel safe as
$$ select string_to_array(nullif(current_setting('app.loads', true), ''), ',')::uuid[]
$$;
"""
"""What a transaction has set reads as '' after it, not as null."""

OWN = "org_id = (select app_org())"
ACTED_ON = "load_id = any((select app_loads())::uuid[])"
OF_A_LOAD = """
    org_id = any((select app_visible())::uuid[])
    or {id} = any((select app_loads())::uuid[])
    or exists (select from assignments a
        where a.load_id = {id} and a.org_id = (select app_org()))
    or exists (select from offers o
        where o.load_id = {id} and o.org_id = (select app_org()) {and_it})
"""
IS_OPEN = "and o.status in ('created', 'sent', 'seen')"
"""A company that lost a load still sees the load, which its offer shows. It no longer
sees the stops: how far the load's next truck is, and the contacts at the docks."""
ON_THE_MARKET = """
    (status = 'posted' and visibility = 'network' and (select app_org()) is not null)
"""
OUR_DRIVER = "exists (select from drivers d where d.id = driver_id)"
"""Row security applies in sub-queries too: a position is visible where its driver is.
No policy refers to a table whose own policy refers back."""

EVENTS_LOAD = (
    "case subject when 'load' then subject_id else (body ->> 'load_id')::uuid end"
)
CONCERNS_US = f"""(subject in ('load', 'stop') and (
    exists (select from assignments a
        where a.load_id = {EVENTS_LOAD} and a.org_id = (select app_org()))
    or exists (select from offers o
        where o.load_id = {EVENTS_LOAD} and o.org_id = (select app_org()))))"""
"""A carrier sees the events of the loads that it carries or was offered."""

POLICIES: dict[str, dict[str, tuple[str | None, str | None]]] = {
    "organisations": {
        "select": ("id = any((select app_visible())::uuid[])", None),
        # Only to lock the row: reassignments and drawn areas take turns on it.
        "update": ("id = (select app_org())", "false"),
    },
    "members": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "refresh_families": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "devices": {"select": (OWN, None), "insert": (None, OWN), "update": (OWN, OWN)},
    "invitations": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "password_resets": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "second_factors": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
        "delete": (OWN, None),
    },
    "trucks": {"select": (OWN, None), "insert": (None, OWN), "update": (OWN, OWN)},
    "drivers": {"select": (OWN, None), "insert": (None, OWN), "update": (OWN, OWN)},
    "areas": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
        "delete": (OWN, None),
    },
    "loads": {
        "select": (
            f"{OF_A_LOAD.format(id='loads.id', and_it='')} or {ON_THE_MARKET}",
            None,
        ),
        "insert": (None, OWN),
        # Locking a load takes the right to see it, changing it the right to act on it.
        "update": (
            f"{OF_A_LOAD.format(id='loads.id', and_it='')} or {ON_THE_MARKET}",
            f"{OWN} or id = any((select app_loads())::uuid[])",
        ),
    },
    "stops": {
        "select": (OF_A_LOAD.format(id="stops.load_id", and_it=IS_OPEN), None),
        "insert": (None, OWN),
        "update": (f"{OWN} or {ACTED_ON}", f"{OWN} or {ACTED_ON}"),
        "delete": (OWN, None),
    },
    "backhaul_searches": {"select": (OWN, None)},
    "offers": {
        "select": (f"{OWN} or {ACTED_ON}", None),
        "update": (f"{OWN} or {ACTED_ON}", f"{OWN} or {ACTED_ON}"),
    },
    "assignments": {
        "select": (f"{OWN} or {ACTED_ON}", None),
        # An assignment makes its load visible: the transaction must act on that load.
        "insert": (None, f"{OWN} and {ACTED_ON}"),
        "update": (f"{OWN} or {ACTED_ON}", f"{OWN} or {ACTED_ON}"),
    },
    "idempotency_keys": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "overrides": {"select": (OWN, None), "insert": (None, OWN)},
    "events": {
        # A transaction sees the events it writes: their ids are returned to it.
        "select": (
            f"{OWN} or subject_id = any((select app_loads())::uuid[])"
            f" or xid = pg_current_xact_id() or {CONCERNS_US}",
            None,
        ),
        # Acting on a load writes events of every company that it concerns.
        "insert": (None, f"{OWN} or (select app_loads()) is not null"),
    },
    "positions": {"select": (OUR_DRIVER, None), "insert": (None, OUR_DRIVER)},
    "last_positions": {
        "select": (OUR_DRIVER, None),
        "insert": (None, OUR_DRIVER),
        "update": (OUR_DRIVER, OUR_DRIVER),
    },
    # The app queues a push for any phone; only the worker reads pushes.
    "pushes": {"insert": (None, "true")},
    "audit": {"select": (OWN, None)},
    "audit_heads": {},
    "audit_signatures": {},
}
"""table -> command -> (using, with check) for the app. The worker sees all rows."""

CHAINS = ("audit", "audit_heads")
"""Only `audit_row` writes them: it runs as the owner, which has no login."""

NOT_FOR_THE_WORKER = {
    "audit": "insert, update, delete",
    "audit_heads": "insert, update, delete",
    "audit_signatures": "update, delete",
    "periodic_runs": "delete",
}

WITHOUT_ROWS_OF_A_COMPANY = """
grant insert on procrastinate_jobs to backhaul_app;
grant select (id, queue_name, task_name, status, scheduled_at)
    on procrastinate_jobs to backhaul_app;
grant insert, select on procrastinate_events to backhaul_app;
grant select (last_heartbeat) on procrastinate_workers to backhaul_app;
grant usage on all sequences in schema public to backhaul_app, backhaul_worker;
grant select, insert, update on rate_limits to backhaul_app;
grant select, insert, update, delete on sign_in_failures to backhaul_app;
grant select on periodic_runs to backhaul_app;
grant select on alembic_version to backhaul_app, backhaul_worker;
"""
"""What the app may do with tables that have no row security. It writes jobs and sees
which kinds wait or failed, but not their arguments: they name rows of other companies.
Rate limits and failed sign-ins hold hashes only."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(ROLES)
    op.execute(OWNERSHIP)
    # From here on as the owner: it owns what this and later revisions make.
    op.execute("set local role backhaul_owner")
    op.execute(CONTEXT)
    op.execute(
        "grant select, insert, update, delete on all tables in schema public"
        " to backhaul_worker"
    )
    for table, commands in NOT_FOR_THE_WORKER.items():
        op.execute(f"revoke {commands} on {table} from backhaul_worker")
    for table, policies in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy server on {table} to backhaul_worker"
            " using (true) with check (true)"
        )
        for command, (using, check) in policies.items():
            op.execute(f"grant {command} on {table} to backhaul_app")
            words = [f"create policy app_{command} on {table} for {command}"]
            words += ["to backhaul_app"]
            words += [f"using ({using})"] if using else []
            words += [f"with check ({check})"] if check else []
            op.execute(" ".join(words))
    for table in CHAINS:
        op.execute(
            f"create policy chain on {table} to backhaul_owner"
            " using (true) with check (true)"
        )
    op.execute(WITHOUT_ROWS_OF_A_COMPANY)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # The roles stay: they belong to the server, and other databases may use them.
    for table in CHAINS:
        op.execute(f"drop policy chain on {table}")
    for table, policies in POLICIES.items():
        for name in (*(f"app_{command}" for command in policies), "server"):
            op.execute(f"drop policy {name} on {table}")
        op.execute(f"alter table {table} no force row level security")
        op.execute(f"alter table {table} disable row level security")
    for function in ("app_org()", "app_visible()", "app_loads()"):
        op.execute(f"drop function {function}")
    op.execute("reset role")
    op.execute("reassign owned by backhaul_owner to session_user")
    op.execute("drop owned by backhaul_app, backhaul_worker, backhaul_owner")
