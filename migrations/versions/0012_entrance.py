"""The entrance of a request: who asks, and what their limits leave, in one statement.

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


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(ACT_FOR)
    op.execute(TAKE_LIMITS)
    op.execute(ENTER)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("drop function enter(uuid, uuid, uuid, text[], float8[], float8[])")
    op.execute("drop function take_limits(text[], float8[], float8[])")
    op.execute("drop function act_for(text, text, text)")
