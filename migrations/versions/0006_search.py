"""The search: one row for each search that followed a drop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_search"
down_revision = "0005_loads"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "backhaul_searches",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("stop_id", sa.Uuid(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("searched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strategy", sa.String(), nullable=True),
        sa.Column("situation", postgresql.JSONB(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("area", postgresql.JSONB(), nullable=False),
        sa.Column("map", postgresql.JSONB(), nullable=False),
        sa.Column("radius_m", sa.Double(), nullable=True),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("ranked", postgresql.JSONB(), nullable=False),
        sa.Column("timings", postgresql.JSONB(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_backhaul_searches_org_id_driver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_backhaul_searches_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["stop_id"], ["stops.id"], name=op.f("fk_backhaul_searches_stop_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backhaul_searches")),
        sa.UniqueConstraint(
            "org_id", "id", name=op.f("uq_backhaul_searches_org_id_id")
        ),
        sa.UniqueConstraint("stop_id", name=op.f("uq_backhaul_searches_stop_id")),
    )
    op.create_index(
        op.f("ix_backhaul_searches_driver_id_id"),
        "backhaul_searches",
        ["driver_id", "id"],
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("backhaul_searches")
