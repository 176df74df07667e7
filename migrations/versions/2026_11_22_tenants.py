"""The second wall: three roles, and row security that knows whose transaction it is.

Phase: contract: a release before this one sees nothing once it logs in as the app.

Every transaction says who acts (`runtime/db.py`): `app.org` is the company that acts,
`app.member` who in it,
`app.visible` the companies it sees, `app.loads` the loads it holds by a right that
was checked (`services/kernel/tenancy.py`). Nothing set, nothing seen.
"""

from alembic import op

revision = "2026_11_22_tenants"
down_revision = "2026_11_22_tenant_keys"
branch_labels = None
depends_on = None

ROLES = """
do $$ declare it text; begin
    foreach it in array array['backhaul_owner', 'backhaul_app', 'backhaul_worker'] loop
        -- Roles belong to the whole server: another database may have made them, or
        -- be making them now.
        begin
            if not exists (select from pg_roles where rolname = it) then
                execute format('create role %I %s nosuperuser nobypassrls', it,
                    case it when 'backhaul_owner' then 'nologin' else 'login' end);
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
        if not pg_has_role(it, 'member') then
            execute format('grant %I to current_user', it);
        end if;
    end loop;
    execute format('grant usage, create on schema public to backhaul_owner');
    execute format('grant usage on schema public to backhaul_app, backhaul_worker');
end $$
"""

OWNERSHIP = """
do $$ declare it record; begin
    for it in select c.relname, c.relkind from pg_class c
        where c.relnamespace = 'public'::regnamespace
        and c.relkind in ('r', 'p') loop
        execute format('alter table %I owner to backhaul_owner', it.relname);
    end loop;
    for it in select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace loop
        execute format('alter function %s owner to backhaul_owner', it.name);
    end loop;
end $$;
"""
"""The queue's tables too: its later versions alter them by revisions of ours."""

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
"""A setting that was set in a transaction stays behind as '', not as null."""

OWN = "org_id = (select app_org())"
HELD = "load_id = any((select app_loads())::uuid[])"
OF_A_LOAD = """
    org_id = any((select app_visible())::uuid[])
    or {id} = any((select app_loads())::uuid[])
    or exists (select from assignments a
        where a.load_id = {id} and a.org_id = (select app_org()))
    or exists (select from offers o
        where o.load_id = {id} and o.org_id = (select app_org()) {and_it})
"""
IS_OPEN = "and o.status in ('created', 'sent', 'seen')"
"""Of a load that was lost the header stays, which its offer shows; where its next truck
is, and who stands at its docks, does not."""
ON_THE_MARKET = """
    (status = 'posted' and visibility = 'network' and (select app_org()) is not null)
"""
OUR_DRIVER = "exists (select from drivers d where d.id = driver_id)"
"""Row security holds in sub-queries too: who may not see the driver may not see where
he is. No policy refers to a table whose own policy refers back."""

EVENTS_LOAD = (
    "case subject when 'load' then subject_id else (body ->> 'load_id')::uuid end"
)
CONCERNS_US = f"""(subject in ('load', 'stop') and (
    exists (select from assignments a
        where a.load_id = {EVENTS_LOAD} and a.org_id = (select app_org()))
    or exists (select from offers o
        where o.load_id = {EVENTS_LOAD} and o.org_id = (select app_org()))))"""
"""A carrier hears what becomes of the loads it carries or was offered."""

POLICIES: dict[str, dict[str, tuple[str | None, str | None]]] = {
    "organisations": {
        "select": ("id = any((select app_visible())::uuid[])", None),
        # Only to lock it: reassignments and drawings take turns.
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
        # To lock a load one needs to see it, to change it one needs to hold it.
        "update": (
            f"{OF_A_LOAD.format(id='loads.id', and_it='')} or {ON_THE_MARKET}",
            f"{OWN} or id = any((select app_loads())::uuid[])",
        ),
    },
    "stops": {
        "select": (OF_A_LOAD.format(id="stops.load_id", and_it=IS_OPEN), None),
        "insert": (None, OWN),
        "update": (f"{OWN} or {HELD}", f"{OWN} or {HELD}"),
        "delete": (OWN, None),
    },
    "backhaul_searches": {"select": (OWN, None)},
    "offers": {
        "select": (f"{OWN} or {HELD}", None),
        "update": (f"{OWN} or {HELD}", f"{OWN} or {HELD}"),
    },
    "assignments": {
        "select": (f"{OWN} or {HELD}", None),
        # A row here opens its load: only who was let hold that load makes one.
        "insert": (None, f"{OWN} and {HELD}"),
        "update": (f"{OWN} or {HELD}", f"{OWN} or {HELD}"),
    },
    "idempotency_keys": {
        "select": (OWN, None),
        "insert": (None, OWN),
        "update": (OWN, OWN),
    },
    "overrides": {"select": (OWN, None), "insert": (None, OWN)},
    "events": {
        # A transaction sees what it writes: its ids are returned to it.
        "select": (
            f"{OWN} or subject_id = any((select app_loads())::uuid[])"
            f" or xid = pg_current_xact_id() or {CONCERNS_US}",
            None,
        ),
        # Who holds a load writes into the history of everybody it concerns.
        "insert": (None, f"{OWN} or (select app_loads()) is not null"),
    },
    "positions": {"select": (OUR_DRIVER, None), "insert": (None, OUR_DRIVER)},
    "last_positions": {
        "select": (OUR_DRIVER, None),
        "insert": (None, OUR_DRIVER),
        "update": (OUR_DRIVER, OUR_DRIVER),
    },
    # Anybody's phone may be rung; what rang is the worker's to read.
    "pushes": {"insert": (None, "true")},
}
"""table -> command -> (using, with check) for the app's role."""

DOOR = """
create function {name}(key text, out company uuid, out subject uuid)
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    select org_id, id into company, subject from {table} where {condition};
    perform set_config('app.org', coalesce(company::text, ''), true),
        set_config('app.visible', coalesce(company::text, ''), true);
end $$
"""
DOORS = {
    "enter_by_login": (
        "members",
        "(lower(email) = lower(key) or phone = key) and deactivated_at is null",
    ),
    "enter_by_family": ("refresh_families", "id = key::uuid"),
    "enter_by_invitation": ("invitations", "token_hash = key"),
    "enter_by_reset": ("password_resets", "token_hash = key"),
}
"""Before anybody is signed in: from what he shows to his company and the row's id."""

FUNCTIONS = """
create function is_suspended(org uuid) returns boolean
    language sql stable security definer set search_path = public, pg_temp as
$$ select suspended_at is not null from organisations where id = org $$;

create function suspended_organisations() returns setof uuid
    language sql stable security definer set search_path = public, pg_temp as
$$ select id from organisations where suspended_at is not null $$;

create function live_devices(member_ids uuid[], driver_ids uuid[]) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp as $$
    select d.id from devices d
    where d.dead_at is null and (d.member_id = any(member_ids) or d.member_id in
        (select member_id from drivers where drivers.id = any(driver_ids)))
    order by d.id
$$;

create function settle_driver(driver uuid) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare settled text; begin
    -- Locked before asked: a load that comes and one that ends meet here.
    perform from drivers where id = driver for no key update;
    settled := case when exists (
        select from assignments where driver_id = driver and status = 'active'
    ) then 'on_load' else 'available' end;
    update drivers set availability = settled, version = version + 1
    where id = driver and availability <> settled;
end $$;

create function release_target(kind text, held text, by_device uuid, at timestamptz)
    returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    -- In id order, its own too: phones that swap their targets do not wait in a ring.
    perform from devices where id = by_device
        or (target_kind = kind and target = held and dead_at is null)
        order by id for update;
    update devices set dead_at = at, dead_reason = 'registered by another device'
        where target_kind = kind and target = held and dead_at is null
        and id <> by_device;
end $$;
"""
"""What the app's role may do beyond its rows, and no more than that. They run as the
worker, who sees all rows. `live_devices` tells which phones ring, not their targets."""

PARTITIONS = """
create function make_position_partitions(from_day date, until_day date) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare day date; it text; begin
    for day in select generate_series(from_day, until_day - 1, interval '1 day')::date
    loop
        execute format(
            'create table if not exists positions_%s partition of positions'
            ' for values from (%L) to (%L)', to_char(day, 'YYYYMMDD'),
            day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end loop;
    for it in select inhrelid::regclass::text from pg_inherits
        where inhparent = 'positions'::regclass loop
        if it < 'positions_' || to_char(from_day, 'YYYYMMDD') then
            execute format('drop table %I', it);
        end if;
    end loop;
end $$;
revoke execute on function make_position_partitions(date, date) from public;
grant execute on function make_position_partitions(date, date) to backhaul_worker;
"""

AS_WORKER = (
    *(f"{name}(text)" for name in DOORS),
    "is_suspended(uuid)",
    "suspended_organisations()",
    "live_devices(uuid[], uuid[])",
    "settle_driver(uuid)",
    "release_target(text, text, uuid, timestamptz)",
)

QUEUE = """
grant insert, select (id) on procrastinate_jobs to backhaul_app;
grant select (status, scheduled_at) on procrastinate_jobs to backhaul_app;
grant insert, select on procrastinate_events to backhaul_app;
grant usage on all sequences in schema public to backhaul_app, backhaul_worker;
grant select, insert, update on rate_limits to backhaul_app;
grant select, insert, update, delete on sign_in_failures to backhaul_app;
grant select on alembic_version to backhaul_app, backhaul_worker;
"""
"""The app writes jobs and sees that they wait; their arguments name others' rows. Of
who asks how often nothing is kept but hashes."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(ROLES)
    op.execute(OWNERSHIP)
    op.execute("grant create on schema public to backhaul_worker")
    # From here on, as the owner: what later revisions make is his as well.
    op.execute("set local role backhaul_owner")
    _run(CONTEXT)
    op.execute(
        "grant select, insert, update, delete on all tables in schema public"
        " to backhaul_worker"
    )
    for table, commands in POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy server on {table} to backhaul_worker"
            " using (true) with check (true)"
        )
        for command, (using, check) in commands.items():
            op.execute(f"grant {command} on {table} to backhaul_app")
            words = [f"create policy app_{command} on {table} for {command}"]
            words += ["to backhaul_app"]
            words += [f"using ({using})"] if using else []
            words += [f"with check ({check})"] if check else []
            op.execute(" ".join(words))
    for name, (table, condition) in DOORS.items():
        op.execute(DOOR.format(name=name, table=table, condition=condition))
    _run(FUNCTIONS)
    _run(PARTITIONS)
    _run(QUEUE)
    op.execute("reset role")
    for function in AS_WORKER:
        op.execute(f"alter function {function} owner to backhaul_worker")
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to backhaul_app")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # The roles stay: they belong to the server, other databases may use them.
    for table, commands in POLICIES.items():
        for command in (*(f"app_{command}" for command in commands), "server"):
            op.execute(f"drop policy {command} on {table}")
        op.execute(f"alter table {table} no force row level security")
        op.execute(f"alter table {table} disable row level security")
    op.execute("reset role")
    for function in AS_WORKER:
        op.execute(f"drop function {function}")
    for function in (
        "make_position_partitions(date, date)",
        "app_org()",
        "app_visible()",
        "app_loads()",
    ):
        op.execute(f"drop function {function}")
    op.execute(
        "do $$ begin execute format('reassign owned by backhaul_owner to %I',"
        " session_user); end $$"
    )
    op.execute("drop owned by backhaul_app, backhaul_worker, backhaul_owner")


def _run(statements: str) -> None:
    """Straight to the driver: several statements in one text."""
    op.get_bind().connection.driver_connection.execute(statements)
