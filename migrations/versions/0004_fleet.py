"""The fleet: trucks, drivers, their areas and their positions.

The partitions of `positions`, one a day, are made by `make_position_partitions`
(0011_doors).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_fleet"
down_revision = "0003_kernel"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "trucks",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("unit_number", sa.String(), nullable=False),
        sa.Column("equipment", sa.String(), nullable=False),
        sa.Column("payload_kg", sa.Integer(), nullable=True),
        sa.Column("deck_length_m", sa.Double(), nullable=True),
        sa.Column("is_hazmat_allowed", sa.Boolean(), nullable=False),
        sa.Column("cost_empty_cents_per_km", sa.Double(), nullable=True),
        sa.Column("cost_loaded_cents_per_km", sa.Double(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "cost_empty_cents_per_km >= 0 AND cost_loaded_cents_per_km >= 0",
            name=op.f("ck_trucks_costs"),
        ),
        sa.CheckConstraint(
            "payload_kg > 0 AND deck_length_m > 0", name=op.f("ck_trucks_sizes")
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_trucks_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trucks")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_trucks_org_id_id")),
        sa.UniqueConstraint(
            "org_id", "unit_number", name=op.f("uq_trucks_org_id_unit_number")
        ),
    )
    op.create_table(
        "drivers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("truck_id", sa.Uuid(), nullable=True),
        sa.Column("home_label", sa.String(), nullable=True),
        sa.Column("home_lat", sa.Double(), nullable=True),
        sa.Column("home_lon", sa.Double(), nullable=True),
        sa.Column("home_by_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("max_deadhead_m", sa.Double(), nullable=True),
        sa.Column("min_pay_cents_per_km", sa.Double(), nullable=True),
        sa.Column("has_hazmat_endorsement", sa.Boolean(), nullable=False),
        sa.Column("availability", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(home_lat IS NULL) = (home_lon IS NULL)",
            name=op.f("ck_drivers_home_is_a_point"),
        ),
        sa.CheckConstraint(
            "max_deadhead_m >= 0 AND min_pay_cents_per_km >= 0",
            name=op.f("ck_drivers_limits"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"],
            ["members.org_id", "members.id"],
            name=op.f("fk_drivers_org_id_member_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "truck_id"],
            ["trucks.org_id", "trucks.id"],
            name=op.f("fk_drivers_org_id_truck_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_drivers_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drivers")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_drivers_org_id_id")),
        sa.UniqueConstraint(
            "org_id", "member_id", name=op.f("uq_drivers_org_id_member_id")
        ),
    )
    op.create_table(
        "areas",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("geometry", postgresql.JSONB(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_areas_org_id_driver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_areas_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_areas")),
    )
    op.create_index(op.f("ix_areas_org_id"), "areas", ["org_id"])
    op.create_table(
        "positions",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("fix_id", sa.Uuid(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "abs(lat) <= 90 AND abs(lon) <= 180", name=op.f("ck_positions_on_earth")
        ),
        sa.PrimaryKeyConstraint(
            "driver_id", "fix_id", "fixed_at", name=op.f("pk_positions")
        ),
        postgresql_partition_by="RANGE (fixed_at)",
    )
    op.create_table(
        "last_positions",
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("heading_deg", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("driver_id", name=op.f("pk_last_positions")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("last_positions")
    op.drop_table("positions")
    op.drop_table("areas")
    op.drop_table("drivers")
    op.drop_table("trucks")
