"""Booking: who carries which load, and what dispatchers override.

Assignments refer to the offer they come from, so they follow the offers.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_booking"
down_revision = "0007_offers"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "assignments",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("load_org_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("truck_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'active') = (ended_at IS NULL)",
            name=op.f("ck_assignments_ended_iff_not_active"),
        ),
        sa.ForeignKeyConstraint(
            ["load_org_id", "load_id"],
            ["loads.org_id", "loads.id"],
            name=op.f("fk_assignments_load_org_id_load_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_assignments_org_id_driver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "offer_id"],
            ["offers.org_id", "offers.id"],
            name=op.f("fk_assignments_org_id_offer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "truck_id"],
            ["trucks.org_id", "trucks.id"],
            name=op.f("fk_assignments_org_id_truck_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_assignments_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_assignments_org_id_id")),
    )
    op.create_index(op.f("ix_assignments_driver_id"), "assignments", ["driver_id"])
    op.create_index(
        op.f("ix_assignments_load_id_org_id"), "assignments", ["load_id", "org_id"]
    )
    op.create_index(
        "uq_assignments_active_backhaul",
        "assignments",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND kind = 'backhaul'"),
    )
    op.create_index(
        "uq_assignments_active_load",
        "assignments",
        ["load_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "uq_assignments_active_planned",
        "assignments",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active' AND kind = 'planned'"),
    )
    op.create_table(
        "overrides",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        sa.Column("notified", postgresql.JSONB(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reason <> 'other' OR note <> ''",
            name=op.f("ck_overrides_other_needs_a_note"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "actor_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_overrides_org_id_actor_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "assignment_id"],
            ["assignments.org_id", "assignments.id"],
            name=op.f("fk_overrides_org_id_assignment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_overrides_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrides")),
    )
    op.create_index(op.f("ix_overrides_org_id_id"), "overrides", ["org_id", "id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("overrides")
    op.drop_table("assignments")
