"""The entrance of a request: who asks, and what their limits leave, in one statement;
who sees a load, with the cheap questions first; and the phones of many drivers at once.

`act_for` says who acts in a transaction, for `runtime/db.py` and for `enter`.
"""

from alembic import op

revision = "0012_entrance"
down_revision = "0011_doors"
phase = "expand"
branch_labels = None
depends_on = None

ACT_FOR = """
create function act_for(acting_role text, org text, member text) returns void
    language sql as $$
    select set_config('role', acting_role, true), set_config('app.org', org, true),
        set_config('app.visible', org, true), set_config('app.loads', '', true),
        set_config('app.member', member, true)
$$
"""

TAKE_LIMITS = """
create function take_limits(
    keys text[], intervals_s float8[], most_ahead_s float8[],
    out ahead_s float8[], out waiting_s float8
) language plpgsql as $$
declare ahead float8; begin
    ahead_s := '{}';
    for n in 1 .. cardinality(keys) loop
        insert into rate_limits as r (key, tat)
        values (keys[n], extract(epoch from clock_timestamp()) + intervals_s[n])
        on conflict (key) do update set tat =
            greatest(r.tat, extract(epoch from clock_timestamp())) + intervals_s[n]
        where greatest(r.tat, extract(epoch from clock_timestamp()))
            - extract(epoch from clock_timestamp()) <= most_ahead_s[n]
        returning tat - extract(epoch from clock_timestamp()) into ahead;
        if not found then
            select greatest(tat - extract(epoch from clock_timestamp()), 0)
            into waiting_s from rate_limits where key = keys[n];
            waiting_s := coalesce(waiting_s, 0);
            return;
        end if;
        ahead_s := ahead_s || ahead;
    end loop;
end $$
"""
"""GCRA: services/kernel/limits.py. `ahead_s` has the rules that allowed the request;
`waiting_s` is of the first that refused it, null if none did."""

ENTER = """
create function enter(
    org uuid, member uuid, family uuid,
    keys text[], intervals_s float8[], most_ahead_s float8[],
    out kind text, out suspended_at timestamptz, out roles text[], out driver uuid,
    out locale text, out ahead_s float8[], out waiting_s float8
) language plpgsql as $$
begin
    perform act_for('backhaul_app', org::text, member::text);
    select o.kind, o.suspended_at, m.roles, d.id, m.locale
    into kind, suspended_at, roles, driver, locale
    from members m join organisations o on o.id = m.org_id
    join refresh_families f on f.member_id = m.id
    left join drivers d on d.member_id = m.id
    where m.id = enter.member and m.org_id = enter.org and m.deactivated_at is null
    and f.id = enter.family and f.revoked_at is null;
    if kind is not null and suspended_at is null then
        select taken.ahead_s, taken.waiting_s into ahead_s, waiting_s
        from take_limits(keys, intervals_s, most_ahead_s) taken;
    end if;
end $$
"""
"""Without a member of this token, or with a suspended company, nothing is counted."""


PHONES = """
create or replace function live_devices(member_ids uuid[], driver_ids uuid[])
    returns setof uuid
    language sql stable security definer set search_path = public, pg_temp as $$
    select d.id from devices d
    where d.dead_at is null and d.member_id = any(member_ids || array(
        select member_id from drivers where drivers.id = any(driver_ids)))
    order by d.id
$$;

create function live_devices_of(driver_ids uuid[])
    returns table (driver_id uuid, device_id uuid)
    language sql stable security definer set search_path = public, pg_temp as $$
    select drivers.id, devices.id
    from drivers join devices on devices.member_id = drivers.member_id
    where drivers.id = any(driver_ids) and devices.dead_at is null
    order by devices.id
$$;
alter function live_devices_of(uuid[]) owner to backhaul_worker;
revoke execute on function live_devices_of(uuid[]) from public;
grant execute on function live_devices_of(uuid[]) to backhaul_app;
"""
"""The first read every device, as an `or` of members and drivers uses no index. The
second replaces a call of the first for each driver."""

CHEAP_FIRST = """
    org_id = any((select app_visible())::uuid[])
    or (status = 'posted' and visibility = 'network' and (select app_org()) is not null)
    or id = any((select app_loads())::uuid[])
    or exists (select from offers o
        where o.load_id = loads.id and o.org_id = (select app_org()))
    or exists (select from assignments a
        where a.load_id = loads.id and a.org_id = (select app_org()))
"""
AS_BEFORE = """
    org_id = any((select app_visible())::uuid[])
    or id = any((select app_loads())::uuid[])
    or exists (select from assignments a
        where a.load_id = loads.id and a.org_id = (select app_org()))
    or exists (select from offers o
        where o.load_id = loads.id and o.org_id = (select app_org()))
    or (status = 'posted' and visibility = 'network' and (select app_org()) is not null)
"""
"""Who sees a load, as 0010_walls says; PostgreSQL asks in the order that is written.
Most loads that are read are on the market: then the sub-queries are not needed."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(ACT_FOR)
    op.execute(TAKE_LIMITS)
    op.execute(ENTER)
    for command in ("select", "update"):
        op.execute(f"alter policy app_{command} on loads using ({CHEAP_FIRST})")
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(PHONES)
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for command in ("select", "update"):
        op.execute(f"alter policy app_{command} on loads using ({AS_BEFORE})")
    op.execute("reset role")
    op.execute("drop function live_devices_of(uuid[])")
    op.execute("set local role backhaul_owner")
    op.execute("drop function enter(uuid, uuid, uuid, text[], float8[], float8[])")
    op.execute("drop function take_limits(text[], float8[], float8[])")
    op.execute("drop function act_for(text, text, text)")
