"""Drivers who wait for a load, and searches that a load starts.

An expand: the previous release neither reads nor writes the table and the column, and
its searches have a start of their own as before.

Only the worker writes `waiting_drivers`; a company reads its own.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027_waiting"
down_revision = "0026_carrier_countries"
phase = "expand"
branch_labels = None
depends_on = None

WALLS = """
alter table waiting_drivers enable row level security;
alter table waiting_drivers force row level security;
create policy server on waiting_drivers to backhaul_worker
    using (true) with check (true);
create policy app_select on waiting_drivers for select to backhaul_app
    using (org_id = (select app_org()));
grant select on waiting_drivers to backhaul_app;
grant select, insert, update, delete on waiting_drivers to backhaul_worker;
"""

START = "ck_backhaul_searches_start"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "waiting_drivers",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("baseline_m", sa.Float(), nullable=True),
        sa.Column("baseline_s", sa.Float(), nullable=True),
        sa.Column(
            "load_ids",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "abs(lat) <= 90 AND abs(lon) <= 180",
            name=op.f("ck_waiting_drivers_on_earth"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_waiting_drivers_org_id_driver_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("driver_id", name=op.f("pk_waiting_drivers")),
    )
    op.execute(WALLS)
    op.add_column(
        "backhaul_searches",
        sa.Column("load_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
    )
    op.drop_constraint(START, "backhaul_searches")
    op.execute(
        f"alter table backhaul_searches add constraint {START} check"
        " (num_nonnulls(stop_id, assignment_id, load_ids) = 1) not valid"
    )
    op.execute(f"alter table backhaul_searches validate constraint {START}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # What the older release cannot read goes: searches that a load started, with their
    # offers.
    op.execute("set local role backhaul_worker")
    op.execute(
        "update assignments set offer_id = null where offer_id in (select o.id from"
        " offers o join backhaul_searches s on s.id = o.search_id"
        " where s.load_ids is not null)"
    )
    op.execute(
        "delete from offers where search_id in"
        " (select id from backhaul_searches where load_ids is not null)"
    )
    op.execute("delete from backhaul_searches where load_ids is not null")
    # What is due at the commit would come too late: a table with a due trigger cannot
    # be altered.
    op.execute("set constraints all immediate")
    op.execute("set local role backhaul_owner")
    op.drop_constraint(START, "backhaul_searches")
    op.execute(
        f"alter table backhaul_searches add constraint {START} check"
        " (num_nonnulls(stop_id, assignment_id) = 1)"
    )
    op.drop_column("backhaul_searches", "load_ids")
    op.drop_table("waiting_drivers")
