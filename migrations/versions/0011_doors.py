"""Doors in the walls: functions that do one thing beyond the rows a role may reach.

Each runs with the rights of its owner (`security definer`), for the one role that may
execute it. What the app calls runs as the worker, which sees all rows.
"""

from alembic import op

revision = "0011_doors"
down_revision = "0010_walls"
phase = "expand"
branch_labels = None
depends_on = None

ENTER = """
create function {name}(key text, out company uuid, out subject uuid)
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    select org_id, id into company, subject from {table} where {condition};
    perform set_config('app.org', coalesce(company::text, ''), true),
        set_config('app.visible', coalesce(company::text, ''), true);
end $$
"""
ENTRANCES = {
    "enter_by_login": (
        "members",
        "(lower(email) = lower(key) or phone = key) and deactivated_at is null",
    ),
    "enter_by_family": ("refresh_families", "id = key::uuid"),
    "enter_by_invitation": ("invitations", "token_hash = key"),
    "enter_by_reset": ("password_resets", "token_hash = key"),
}
"""Used before sign-in: from what a caller shows to their company and the row's id."""

ACROSS_COMPANIES = """
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
    -- Lock before reading: one load may begin while another ends.
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
    -- Lock in the order of ids: phones that swap their targets cannot deadlock.
    perform from devices where id = by_device
        or (target_kind = kind and target = held and dead_at is null)
        order by id for update;
    update devices set dead_at = at, dead_reason = 'registered by another device'
        where target_kind = kind and target = held and dead_at is null
        and id <> by_device;
end $$;
"""
"""`live_devices` returns the ids of the devices that get a push, not their targets."""

PARTITIONS = """
create function make_position_partitions(from_day date, until_day date) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare day date; child text; begin
    for day in select generate_series(from_day, until_day - 1, interval '1 day')::date
    loop
        execute format(
            'create table if not exists positions_%s partition of positions'
            ' for values from (%L) to (%L)', to_char(day, 'YYYYMMDD'),
            day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end loop;
    for child in select inhrelid::regclass::text from pg_inherits
        where inhparent = 'positions'::regclass loop
        if child < 'positions_' || to_char(from_day, 'YYYYMMDD') then
            execute format('drop table %I', child);
        end if;
    end loop;
end $$;
revoke execute on function make_position_partitions(date, date) from public;
grant execute on function make_position_partitions(date, date) to backhaul_worker;
"""

OLDEST_TRANSACTION = """
create function oldest_transaction_s() returns float8
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select case when pg_has_role('pg_read_all_stats', 'usage') then coalesce((
        select max(extract(epoch from clock_timestamp() - xact_start))::float8
        from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()), 0) end
$$;
revoke execute on function oldest_transaction_s() from public;
grant execute on function oldest_transaction_s() to backhaul_app, backhaul_worker;
"""
"""Of the whole server: in whichever database, it holds back vacuum and the feed."""

SEE_ACTIVITY = """
do $$ begin
    if not pg_has_role('backhaul_owner', 'pg_read_all_stats', 'member') then
        grant pg_read_all_stats to backhaul_owner;
    end if;
exception when insufficient_privilege or unique_violation then
    raise notice 'pg_read_all_stats could not be granted to backhaul_owner';
end $$
"""
"""If it fails, an administrator may grant it later; until then `oldest_transaction_s`
returns null."""

AS_WORKER = (
    *(f"{name}(text)" for name in ENTRANCES),
    "is_suspended(uuid)",
    "suspended_organisations()",
    "live_devices(uuid[], uuid[])",
    "settle_driver(uuid)",
    "release_target(text, text, uuid, timestamptz)",
)
"""Owned by the worker, executed by the app."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for name, (table, condition) in ENTRANCES.items():
        op.execute(ENTER.format(name=name, table=table, condition=condition))
    op.execute(ACROSS_COMPANIES)
    op.execute(PARTITIONS)
    op.execute(OLDEST_TRANSACTION)
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    for function in AS_WORKER:
        op.execute(f"alter function {function} owner to backhaul_worker")
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to backhaul_app")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute(SEE_ACTIVITY)
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # The owner's membership in pg_read_all_stats stays: roles belong to the server.
    op.execute("drop function oldest_transaction_s()")
    op.execute("drop function make_position_partitions(date, date)")
    op.execute("reset role")
    for function in AS_WORKER:
        op.execute(f"drop function {function}")
    op.execute("set local role backhaul_owner")
