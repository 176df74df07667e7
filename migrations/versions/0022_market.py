"""What the market in memory reads: which loads changed since it last looked.

`loads.changed_xid` is the last transaction that changed a load on the market, or its
stops: as in `events.xid`, a reader asks for the transactions that it could not see the
last time. It stays as it is while the load is not posted, so that reports along the way
write no index. The triggers fire always: also in a replica's session, and for rows that
a restore writes into these tables.

Only a row that is gone needs a tombstone: a load that left the market is still there,
and has a new `changed_xid`.
"""

import sqlalchemy as sa
from alembic import op

from models.kernel.events import Xid8

revision = "0022_market"
down_revision = "0021_roads"
phase = "expand"
branch_labels = None
depends_on = None

NOTE_CHANGE = """
create function note_change() returns trigger language plpgsql as $$
begin
    new.changed_xid := pg_current_xact_id();
    return new;
end $$;
create trigger note_insert before insert on loads for each row
    when (new.changed_xid is distinct from pg_current_xact_id())
    execute function note_change();
create trigger note_update before update on loads for each row
    when (old.status = 'posted' or new.status = 'posted')
    execute function note_change();
alter table loads enable always trigger note_insert;
alter table loads enable always trigger note_update;
"""

NOTE_DELETION = """
create function note_deletion() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into load_tombstones (load_id) select id from gone;
    return null;
end $$;
create trigger note_deletion after delete on loads
    referencing old table as gone for each statement execute function note_deletion();
alter table loads enable always trigger note_deletion;
"""

NOTE_STOPS = """
create function note_stops() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare touched uuid[]; begin
    if tg_op = 'UPDATE' then
        touched := array(select load_id from changed union select load_id from before);
    else
        touched := array(select distinct load_id from changed);
    end if;
    update loads set changed_xid = pg_current_xact_id()
    where id = any(touched) and status = 'posted'
        and changed_xid <> pg_current_xact_id();
    return null;
end $$;
"""
"""A load that was inserted or changed by the same transaction is not written again."""

ROWS_OF_STOPS = {
    "insert": "new table as changed",
    "update": "new table as changed old table as before",
    "delete": "old table as changed",
}

AS_WORKER = ("note_deletion()", "note_stops()")
"""Owned by the worker, which sees all rows; triggers need no right to execute."""

AUDIT_ROW = """
create or replace function audit_row() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    actor uuid := nullif(current_setting('app.member', true), '')::uuid;
    company uuid := app_org();
    after_row jsonb := case when tg_op = 'DELETE' then '{{}}' else to_jsonb(new) end;
    before_row jsonb := case when tg_op = 'INSERT' then '{{}}' else to_jsonb(old) end;
    changed text[];
begin
    -- The server acts: `events` has what it did.
    if actor is null or company is null then return null; end if;
    changed := array(
        select key from jsonb_each(after_row || before_row)
        where after_row -> key is distinct from before_row -> key
        and {is_told} order by key
    );
    if changed = '{{}}' then return null; end if;
    insert into audit_unchained
        (org_id, at, member_id, act, subject, subject_id, columns)
    values (company, clock_timestamp(), actor, lower(tg_op), tg_table_name,
        -- A second factor has the id of its member.
        coalesce(after_row ->> 'id', before_row ->> 'id',
            after_row ->> 'member_id', before_row ->> 'member_id')::uuid, changed);
    return null;
end $$;
"""

WALLS = """
alter table load_tombstones enable row level security;
alter table load_tombstones force row level security;
create policy server on load_tombstones to backhaul_worker
    using (true) with check (true);
grant select, insert, update, delete on load_tombstones to backhaul_worker;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # The default is not volatile: rows that are there get this transaction's id, and
    # the table is not rewritten.
    now = sa.text("pg_current_xact_id()")
    op.add_column(
        "loads", sa.Column("changed_xid", Xid8(), server_default=now, nullable=False)
    )
    op.create_index(op.f("ix_loads_changed_xid"), "loads", ["changed_xid"])
    op.create_index(
        "ix_organisations_suspended",
        "organisations",
        ["id"],
        postgresql_where=sa.text("suspended_at IS NOT NULL"),
    )
    op.create_table(
        "load_tombstones",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("xid", Xid8(), server_default=now, nullable=False),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_load_tombstones")),
    )
    op.create_index(op.f("ix_load_tombstones_xid"), "load_tombstones", ["xid"])
    op.execute(WALLS)
    op.execute(NOTE_CHANGE)
    op.execute(NOTE_DELETION)
    op.execute(NOTE_STOPS)
    for command, rows in ROWS_OF_STOPS.items():
        op.execute(
            f"create trigger note_stops_{command} after {command} on stops"
            f" referencing {rows} for each statement execute function note_stops()"
        )
        op.execute(f"alter table stops enable always trigger note_stops_{command}")
    op.execute(AUDIT_ROW.format(is_told="key <> all ('{version,changed_xid}')"))
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    for function in AS_WORKER:
        op.execute(f"alter function {function} owner to backhaul_worker")
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(AUDIT_ROW.format(is_told="key <> 'version'"))
    for command in ROWS_OF_STOPS:
        op.execute(f"drop trigger note_stops_{command} on stops")
    for trigger in ("note_insert", "note_update", "note_deletion"):
        op.execute(f"drop trigger {trigger} on loads")
    op.execute("drop function note_change()")
    op.execute("reset role")
    for function in AS_WORKER:
        op.execute(f"drop function {function}")
    op.execute("set local role backhaul_owner")
    op.drop_table("load_tombstones")
    op.drop_index("ix_organisations_suspended", "organisations")
    op.drop_index(op.f("ix_loads_changed_xid"), "loads")
    op.drop_column("loads", "changed_xid")
