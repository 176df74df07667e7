"""Loads that stand by for drivers who may not be rung now, and when they may be rung.

An expand: the previous release neither reads nor writes the table and the columns, and
rings as before.

The worker writes `standing_by`; the app only notes that a job was queued to open it,
and lets it end with the driver's availability.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030_standing_by"
down_revision = "0029_waiting_home"
phase = "expand"
branch_labels = None
depends_on = None

OWN = "org_id = (select app_org())"

WALLS = f"""
alter table standing_by enable row level security;
alter table standing_by force row level security;
create policy server on standing_by to backhaul_worker
    using (true) with check (true);
create policy app_select on standing_by for select to backhaul_app using ({OWN});
create policy app_update on standing_by for update to backhaul_app
    using ({OWN}) with check ({OWN});
create policy app_delete on standing_by for delete to backhaul_app using ({OWN});
grant select, update (asked_at), delete on standing_by to backhaul_app;
grant select, insert, update, delete on standing_by to backhaul_worker;
"""

END_STANDING_BY = """
create function end_standing_by() returns trigger language plpgsql as $$
begin
    delete from standing_by where driver_id = new.id;
    return null;
end $$;
create trigger end_standing_by after update of availability on drivers for each row
    when (new.availability <> 'available' and old.availability = 'available')
    execute function end_standing_by();
"""
"""Whatever gives the driver a load or lets them go off duty."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "standing_by",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("loads", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "jsonb_typeof(loads) = 'array' AND loads <> '[]'",
            name=op.f("ck_standing_by_loads"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_standing_by_org_id_driver_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("driver_id", name=op.f("pk_standing_by")),
    )
    op.execute(WALLS)
    op.add_column(
        "drivers", sa.Column("app_opened_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("drivers", sa.Column("quiet_hours", postgresql.JSONB()))
    op.add_column(
        "drivers",
        sa.Column(
            "rings_while_moving", sa.String(), server_default="never", nullable=False
        ),
    )
    op.execute(END_STANDING_BY)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # What the older release cannot read goes.
    op.execute("set local role backhaul_worker")
    op.execute(
        "update backhaul_searches set outcome = 'nothing_found'"
        " where outcome = 'stands_by'"
    )
    op.execute("delete from pushes where kind = 'loads_stand_by'")
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.execute("drop trigger end_standing_by on drivers")
    op.execute("drop function end_standing_by()")
    for column in ("rings_while_moving", "quiet_hours", "app_opened_at"):
        op.drop_column("drivers", column)
    op.drop_table("standing_by")
