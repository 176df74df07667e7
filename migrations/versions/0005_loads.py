"""Loads and their stops.

The expressions of `ix_loads_best` are CELL, ONLY and KEY of
`services/search/candidates.py`, to the letter: the planner compares them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_loads"
down_revision = "0004_fleet"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "loads",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("posted_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("load_number", sa.String(), nullable=False),
        sa.Column("references", postgresql.JSONB(), nullable=False),
        sa.Column("consignee", sa.String(), nullable=True),
        sa.Column("bill_to", sa.String(), nullable=True),
        sa.Column("commodity", sa.String(), nullable=True),
        sa.Column("equipment", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("weight_kg", sa.Integer(), nullable=True),
        sa.Column("length_m", sa.Double(), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=True),
        sa.Column("has_hazmat", sa.Boolean(), nullable=False),
        sa.Column("temperature_min_c", sa.Double(), nullable=True),
        sa.Column("temperature_max_c", sa.Double(), nullable=True),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("rate_type", sa.String(), nullable=False),
        sa.Column("loaded_m", sa.Double(), nullable=False),
        sa.Column("distance_source", sa.String(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("stop_count", sa.Integer(), nullable=False),
        sa.Column("pickup_place", sa.String(), nullable=True),
        sa.Column("pickup_lat", sa.Double(), nullable=False),
        sa.Column("pickup_lon", sa.Double(), nullable=False),
        sa.Column("pickup_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pickup_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_place", sa.String(), nullable=True),
        sa.Column("delivery_lat", sa.Double(), nullable=False),
        sa.Column("delivery_lon", sa.Double(), nullable=False),
        sa.Column("delivery_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivery_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("equipment <> '{}'", name=op.f("ck_loads_equipment")),
        sa.CheckConstraint(
            "status <> 'posted' OR lease_expires_at IS NOT NULL",
            name=op.f("ck_loads_leased"),
        ),
        sa.CheckConstraint("price_cents >= 0", name=op.f("ck_loads_price")),
        sa.CheckConstraint(
            "temperature_min_c <= temperature_max_c", name=op.f("ck_loads_temperature")
        ),
        sa.CheckConstraint(
            "weight_kg >= 0 AND length_m >= 0 AND pieces >= 0",
            name=op.f("ck_loads_size"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "posted_by"],
            ["members.org_id", "members.id"],
            name=op.f("fk_loads_org_id_posted_by"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_loads_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loads")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_loads_org_id_id")),
        sa.UniqueConstraint(
            "org_id", "load_number", name=op.f("uq_loads_org_id_load_number")
        ),
    )
    op.create_index(
        "ix_loads_best",
        "loads",
        [
            sa.literal_column(
                "(floor(pickup_lat)::int * 361 + floor(pickup_lon)::int)"
            ),
            sa.literal_column("(coalesce(left(equipment[2], 0), equipment[1]))"),
            sa.literal_column("(price_cents - loaded_m * 0.14)"),
            "price_cents",
            "delivery_lat",
            "delivery_lon",
        ],
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.create_index(
        "ix_loads_lease",
        "loads",
        ["lease_expires_at"],
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.create_index(
        "ix_loads_pickup_until",
        "loads",
        ["pickup_until"],
        postgresql_where=sa.text("status IN ('posted', 'held')"),
    )
    op.create_index(
        "ix_loads_two_ended",
        "loads",
        [
            sa.literal_column("point(pickup_lon, pickup_lat)"),
            sa.literal_column("point(delivery_lon, delivery_lat)"),
        ],
        postgresql_using="gist",
        postgresql_where=sa.text("status = 'posted'"),
    )
    op.create_table(
        "stops",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("facility", sa.String(), nullable=True),
        sa.Column("address", postgresql.JSONB(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("contact", postgresql.JSONB(), nullable=False),
        sa.Column("instructions", sa.String(), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("departed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_pieces", sa.Integer(), nullable=True),
        sa.Column("confirmed_weight_kg", sa.Integer(), nullable=True),
        sa.Column("seal_number", sa.String(), nullable=True),
        sa.Column("bol_number", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status <> 'pending') = (arrived_at IS NOT NULL)",
            name=op.f("ck_stops_arrived"),
        ),
        sa.CheckConstraint(
            "(status = 'departed') = (departed_at IS NOT NULL)",
            name=op.f("ck_stops_departed"),
        ),
        sa.CheckConstraint(
            "(status IN ('completed', 'departed')) = (completed_at IS NOT NULL)",
            name=op.f("ck_stops_completed"),
        ),
        sa.CheckConstraint("window_from <= window_until", name=op.f("ck_stops_window")),
        sa.ForeignKeyConstraint(
            ["org_id", "load_id"],
            ["loads.org_id", "loads.id"],
            name=op.f("fk_stops_org_id_load_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_stops_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
        sa.UniqueConstraint(
            "load_id", "sequence", name=op.f("uq_stops_load_id_sequence")
        ),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("stops")
    op.drop_table("loads")
