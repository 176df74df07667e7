"""A way out of every state: interrupted loads, how far a truck had come when it was
sent away, a search for a driver who lost a load, and loads underway of a suspended
company.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016_exits"
down_revision = "0015_give_backs"
phase = "expand"
branch_labels = None
depends_on = None

UNDERWAY = """
create function has_load_underway(org uuid, deny_within interval) returns boolean
    language sql stable security definer set search_path = public, pg_temp as $$
    select exists (select from assignments
        where org_id = org and status = 'active')
    or exists (select from assignments a join loads l on l.id = a.load_id
        where a.org_id = org and l.interrupted_assignment_id = a.id)
    or exists (select from loads where org_id = org and status in ('booked',
        'at_pickup', 'pickup_confirmed', 'in_transit', 'at_delivery', 'interrupted'))
    or exists (select from loads l join assignments a on a.load_id = l.id
        where l.org_id = org and l.status = 'delivered'
        and a.status = 'completed' and a.ended_at >= now() - deny_within
        and not exists (select from stops s
            where s.load_id = l.id and s.confirmed_at is not null))
$$
"""
"""Whether a company carries a load, has the freight of an interrupted one on its truck,
or has posted one that is carried or whose delivery it may still deny
(`services/loads/denials.py`): asked before its members are signed in, and only of a
suspended company."""

WAY = """
create function way_of(
    assignment uuid, out driven_m float8,
    out lat float8, out lon float8, out located_at timestamptz, out since timestamptz
) language sql stable security definer set search_path = public, pg_temp as $$
    with own as (
        select driver_id, current_at as since from assignments
        where id = assignment and load_id = any((select app_loads())::uuid[])
    ), fixes as (
        select radians(p.lat) as lat, radians(p.lon) as lon,
            radians(lag(p.lat) over w) as lat_before,
            radians(lag(p.lon) over w) as lon_before,
            extract(epoch from p.corrected_at - lag(p.corrected_at) over w) as seconds
        from own join positions p on p.driver_id = own.driver_id
        where p.corrected_at >= own.since
        and p.fixed_at >= own.since - interval '2 days'
        and coalesce(p.accuracy_m, 0) <= 5000
        window w as (order by p.corrected_at, p.fix_id)
    ), legs as (
        select seconds, 2 * 6371008.8 * asin(sqrt(least(1,
            sin((lat - lat_before) / 2) ^ 2 + cos(lat) * cos(lat_before)
            * sin((lon - lon_before) / 2) ^ 2))) as metres
        from fixes where lat_before is not null
    )
    select (
        select coalesce(sum(metres), 0) from legs
        where metres <= 45 * greatest(seconds, 1)
    ), known.lat, known.lon, known.corrected_at, own.since
    from own left join last_positions known on known.driver_id = own.driver_id
$$
"""
"""The metres between a driver's fixes since the load is the one they drive for
(`current_at`), and their newest position. A poster who ends an assignment has no other
way to a carrier's positions, and this one only for the loads on which the transaction
acts. Vague fixes, and ways that no truck drives in the time, are left out, as by
`services/fleet/tracks.py`."""

DESK = """
create function live_devices_at_desk(assignment uuid) returns setof uuid
    language sql stable security definer set search_path = public, pg_temp as $$
    select d.id from assignments a
    join members m on m.org_id = a.org_id
    join devices d on d.member_id = m.id
    where a.id = assignment and a.load_id = any((select app_loads())::uuid[])
    and 'dispatcher' = any(m.roles) and m.deactivated_at is null and d.dead_at is null
    order by d.id
$$
"""
"""The phones of a carrier's dispatchers, for a poster who tells them of a load on which
the transaction acts. Like `live_devices`, but a poster does not know the members."""

AS_WORKER = (
    *("has_load_underway(uuid, interval)", "way_of(uuid)"),
    "live_devices_at_desk(uuid)",
)
"""Owned by the worker, executed by the app, as in 0011_doors."""

ENTER = """
create or replace function enter(
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
    if kind is not null {condition}then
        select taken.ahead_s, taken.waiting_s into ahead_s, waiting_s
        from take_limits(keys, intervals_s, most_ahead_s) taken;
    end if;
end $$
"""
"""A suspended company's requests are counted too, as it may finish what is underway."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for name, kind in (
        ("interrupted_at", sa.DateTime(timezone=True)),
        ("interruption_reason", sa.String()),
        ("interrupted_lat", sa.Float()),
        ("interrupted_lon", sa.Float()),
        ("interrupted_assignment_id", sa.Uuid()),
    ):
        op.add_column("loads", sa.Column(name, kind, nullable=True))
    op.execute(
        "alter table loads add constraint ck_loads_interrupted check"
        " ((status = 'interrupted') = (interrupted_at is not null))"
    )
    for name, kind in (
        ("ended_party", sa.String()),
        ("ended_by", sa.Uuid()),
        ("driven_m", sa.Float()),
        ("left_m", sa.Float()),
    ):
        op.add_column("assignments", sa.Column(name, kind, nullable=True))
    # Without slots, a driver drives for each load from its booking on.
    since = sa.Column("current_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("assignments", since)
    op.alter_column("assignments", "current_at", server_default=sa.func.now())
    op.execute("set local role backhaul_worker")
    op.execute("update assignments set current_at = created_at where status = 'active'")
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.alter_column("backhaul_searches", "stop_id", nullable=True)
    op.add_column(
        "backhaul_searches", sa.Column("assignment_id", sa.Uuid(), nullable=True)
    )
    op.create_unique_constraint(
        "uq_backhaul_searches_assignment_id", "backhaul_searches", ["assignment_id"]
    )
    op.execute(
        "alter table backhaul_searches add constraint ck_backhaul_searches_start check"
        " (num_nonnulls(stop_id, assignment_id) = 1)"
    )
    op.execute(UNDERWAY)
    op.execute(WAY)
    op.execute(DESK)
    op.execute(ENTER.format(condition=""))
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    for function in AS_WORKER:
        op.execute(f"alter function {function} owner to backhaul_worker")
        op.execute(f"revoke execute on function {function} from public")
        op.execute(f"grant execute on function {function} to backhaul_app")
    # `way_of` and `live_devices_at_desk` run as the worker.
    op.execute("grant execute on function app_loads() to backhaul_worker")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    # What the older release cannot read goes: searches without a drop, with their
    # offers. An interrupted load is cancelled, as no driver has it.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("reset role")
    op.execute("revoke execute on function app_loads() from backhaul_worker")
    for function in AS_WORKER:
        op.execute(f"drop function {function}")
    op.execute("set local role backhaul_owner")
    op.execute(ENTER.format(condition="and suspended_at is null "))
    op.execute("set local role backhaul_worker")
    op.execute(
        "update assignments set offer_id = null where offer_id in (select o.id from"
        " offers o join backhaul_searches s on s.id = o.search_id"
        " where s.stop_id is null)"
    )
    op.execute(
        "delete from offers where search_id in"
        " (select id from backhaul_searches where stop_id is null)"
    )
    op.execute("delete from backhaul_searches where stop_id is null")
    op.execute(
        "update loads set status = 'cancelled', interrupted_at = null,"
        " cancel_reason = 'interrupted' where status = 'interrupted'"
    )
    # The audit entries of these changes are due at the commit, which is too late: a
    # table with a due trigger cannot be altered.
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.drop_constraint("ck_backhaul_searches_start", "backhaul_searches")
    op.drop_column("backhaul_searches", "assignment_id")
    op.alter_column("backhaul_searches", "stop_id", nullable=False)
    for name in ("current_at", "left_m", "driven_m", "ended_by", "ended_party"):
        op.drop_column("assignments", name)
    op.drop_constraint("ck_loads_interrupted", "loads")
    for name in (
        *("interrupted_assignment_id", "interrupted_lon", "interrupted_lat"),
        *("interruption_reason", "interrupted_at"),
    ):
        op.drop_column("loads", name)
