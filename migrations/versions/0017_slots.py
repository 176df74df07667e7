"""Slots: a driver and a truck have one active load that is current and one that is
next; the crew of a truck; the objections that an override overruled; and the countries
of companies and drivers.

`slot` replaces the two indexes by kind. A release that does not name a slot gets one by
`choose_slot`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017_slots"
down_revision = "0016_exits"
phase = "expand"
branch_labels = None
depends_on = None

FREE_SLOT = """
create function free_slot(driver uuid, truck uuid) returns text
    language sql stable set search_path = public, pg_temp as $$
    select slot from (values (1, 'current'), (2, 'next')) as slots (place, slot)
    where not exists (
        select from assignments a where a.status = 'active' and a.slot = slots.slot
        and (a.driver_id = driver or a.truck_id = truck)
    )
    order by place limit 1
$$;
revoke execute on function free_slot(uuid, uuid) from public;
grant execute on function free_slot(uuid, uuid) to backhaul_app, backhaul_worker;

create function choose_slot() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
begin
    -- Without a free one the unique indexes refuse the row.
    new.slot := coalesce(free_slot(new.driver_id, new.truck_id), 'current');
    return new;
end $$;
revoke execute on function choose_slot() from public;
create trigger choose_slot before insert on assignments
    for each row when (new.slot is null and new.status = 'active')
    execute function choose_slot();
"""

NOTE_CURRENT = """
create function note_current() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
begin
    new.current_at := now();
    return new;
end $$;
revoke execute on function note_current() from public;
create trigger note_current before insert or update of slot on assignments
    for each row when (new.slot = 'current' and new.current_at is null)
    execute function note_current();
"""
"""Since when the truck drives for this load. It fires after `choose_slot`: triggers of
one kind fire by name."""

GIVE_SLOTS = """
do $$ declare old record; begin
    for old in select id, driver_id, truck_id from assignments
        where status = 'active' order by created_at, id
    loop
        update assignments set slot = free_slot(old.driver_id, old.truck_id),
            current_at = case free_slot(old.driver_id, old.truck_id)
                when 'current' then current_at end
        where id = old.id;
    end loop;
end $$
"""
"""The oldest is current. A load that fits into no slot, as of the third driver of one
truck, keeps none until its driver's or truck's current load ends."""

SETTLE_DRIVER = """
drop function settle_driver(uuid);
create function settle_driver(driver uuid, also uuid[] default '{}') returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
declare settled text; theirs uuid[]; waiting record; begin
    -- Lock before reading: one load may begin while another ends.
    perform from drivers where id = driver for no key update;
    -- Not by id: the client may make it.
    theirs := array(select truck_id from assignments where driver_id = driver
        order by ended_at desc nulls first, created_at desc, id desc limit 3) || also;
    -- A load of the other driver of the crew may wait for the truck.
    perform from trucks where id = any(theirs) order by id for no key update;
    for waiting in
        select id, driver_id, truck_id from assignments
        where status = 'active' and slot is distinct from 'current'
        and (driver_id = driver or truck_id = any(theirs))
        order by id for update skip locked
    loop
        update assignments set slot = 'current' where id = waiting.id
        and free_slot(waiting.driver_id, waiting.truck_id) = 'current';
    end loop;
    settled := case when exists (
        select from assignments where driver_id = driver and status = 'active'
    ) then 'on_load' else 'available' end;
    update drivers set availability = settled, version = version + 1
    where id = driver and availability <> settled;
end $$;
alter function settle_driver(uuid, uuid[]) owner to backhaul_worker;
revoke execute on function settle_driver(uuid, uuid[]) from public;
grant execute on function settle_driver(uuid, uuid[]) to backhaul_app
"""
"""`also`: further trucks, whose next load may become the current one: those that the
driver has left. The next load becomes the current one when that has ended. A row that
another transaction has locked is left to it: it settles the same driver or truck
afterwards."""

AS_BEFORE = """
drop function settle_driver(uuid, uuid[]);
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
alter function settle_driver(uuid) owner to backhaul_worker;
revoke execute on function settle_driver(uuid) from public;
grant execute on function settle_driver(uuid) to backhaul_app
"""

CREW = """
create function check_crew() returns trigger
    language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' and old.truck_id is not distinct from new.truck_id then
        return new;
    end if;
    -- Transactions that give the same truck to drivers take turns.
    perform from trucks where id = new.truck_id for no key update;
    if (select count(*) from drivers d join members m on m.id = d.member_id
        where d.truck_id = new.truck_id and d.id <> new.id
        and m.deactivated_at is null) >= 2
    then
        raise exception 'The truck has a crew of two already.' using
            errcode = 'check_violation', table = 'drivers',
            constraint = 'ck_drivers_crew';
    end if;
    return new;
end $$;
revoke execute on function check_crew() from public;
create trigger check_crew before insert or update of truck_id on drivers
    for each row when (new.truck_id is not null) execute function check_crew();
"""

IS_CABOTAGE = """
create function is_cabotage(load uuid, driver uuid) returns boolean
    language sql stable set search_path = public, pg_temp as $$
    select exists (
        select from drivers d join organisations o on o.id = d.org_id
        where d.id = driver and exists (
            select from stops s where s.load_id = load
            having count(distinct s.address->>'country') = 1
            and count(s.address->>'country') = count(*)
            and (min(s.address->>'country') <> o.country
                or min(s.address->>'country') <> d.country)
        )
    )
$$;
revoke execute on function is_cabotage(uuid, uuid) from public;
grant execute on function is_cabotage(uuid, uuid) to backhaul_app, backhaul_worker;
"""
"""All stops are in one country, and the carrier or the driver is of another. A driver
without a country of their own is of the carrier's. A stop without an address says no
country: then it is not known."""

TWO_KINDS = """
update assignments second
set kind = case kind when 'planned' then 'backhaul' else 'planned' end
where status = 'active' and slot = 'next' and exists (
    select from assignments a where a.driver_id = second.driver_id
    and a.status = 'active' and a.slot = 'current' and a.kind = second.kind)
"""


def _replace(body: str) -> None:
    op.execute("reset role")
    op.execute("grant create on schema public to backhaul_worker")
    op.execute(body)
    op.execute("revoke create on schema public from backhaul_worker")
    op.execute("set local role backhaul_owner")


def _add_countries() -> None:
    country = "country ~ '^[A-Z]{2}$'"
    column = sa.Column("country", sa.String(), server_default="US", nullable=False)
    op.add_column("organisations", column)
    op.add_column("drivers", sa.Column("country", sa.String(), nullable=True))
    for table in ("organisations", "drivers"):
        op.create_check_constraint(op.f(f"ck_{table}_country"), table, country)
    op.execute(IS_CABOTAGE)


def _as_worker(statement: str) -> None:
    """Change rows of all companies, which the owner does not see."""
    op.execute("set local role backhaul_worker")
    op.execute(statement)
    op.execute("set local role backhaul_owner")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column(
        "overrides",
        sa.Column(
            "warnings",
            postgresql.JSONB(),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.create_index(op.f("ix_drivers_truck_id"), "drivers", ["truck_id"])
    op.execute(CREW)
    _add_countries()
    op.add_column("assignments", sa.Column("slot", sa.String(), nullable=True))
    for whose in ("driver", "truck"):
        op.create_index(
            f"uq_assignments_active_{whose}_slot",
            "assignments",
            [f"{whose}_id", "slot"],
            unique=True,
            postgresql_where=sa.text("status = 'active'"),
        )
    for kind in ("backhaul", "planned"):
        op.drop_index(f"uq_assignments_active_{kind}", "assignments")
    op.execute(FREE_SLOT)
    op.alter_column("assignments", "current_at", server_default=None)
    op.execute(NOTE_CURRENT)
    _replace(SETTLE_DRIVER)
    _as_worker(GIVE_SLOTS)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    _replace(AS_BEFORE)
    _as_worker(TWO_KINDS)
    _as_worker(
        "update assignments set current_at = created_at"
        " where status = 'active' and slot = 'next'"
    )
    op.execute("set constraints all immediate")
    op.execute("drop trigger note_current on assignments")
    op.execute("drop function note_current()")
    op.alter_column("assignments", "current_at", server_default=sa.func.now())
    op.execute("drop trigger choose_slot on assignments")
    op.execute("drop function choose_slot()")
    op.execute("drop function free_slot(uuid, uuid)")
    for kind in ("backhaul", "planned"):
        op.create_index(
            f"uq_assignments_active_{kind}",
            "assignments",
            ["driver_id"],
            unique=True,
            postgresql_where=sa.text(f"status = 'active' AND kind = '{kind}'"),
        )
    for whose in ("driver", "truck"):
        op.drop_index(f"uq_assignments_active_{whose}_slot", "assignments")
    op.drop_column("assignments", "slot")
    op.execute("drop trigger check_crew on drivers")
    op.execute("drop function check_crew()")
    op.execute("drop function is_cabotage(uuid, uuid)")
    for table in ("drivers", "organisations"):
        op.drop_column(table, "country")
    op.drop_index(op.f("ix_drivers_truck_id"), "drivers")
    op.drop_column("overrides", "warnings")
