"""Offers to drivers, and the pushes that are owed to their phones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_offers"
down_revision = "0006_search"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "offers",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("search_id", sa.Uuid(), nullable=False),
        sa.Column("load_org_id", sa.Uuid(), nullable=False),
        sa.Column("load_id", sa.Uuid(), nullable=False),
        sa.Column("driver_id", sa.Uuid(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undeliverable_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.String(), nullable=True),
        sa.Column("decline_note", sa.String(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["load_org_id", "load_id"],
            ["loads.org_id", "loads.id"],
            name=op.f("fk_offers_load_org_id_load_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "driver_id"],
            ["drivers.org_id", "drivers.id"],
            name=op.f("fk_offers_org_id_driver_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "search_id"],
            ["backhaul_searches.org_id", "backhaul_searches.id"],
            name=op.f("fk_offers_org_id_search_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_offers_org_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("org_id", "id", name=op.f("uq_offers_org_id_id")),
    )
    op.create_index(op.f("ix_offers_driver_id_id"), "offers", ["driver_id", "id"])
    op.create_index("ix_offers_load_id_org_id", "offers", ["load_id", "org_id"])
    op.create_index(
        "ix_offers_open_expiry",
        "offers",
        ["expires_at"],
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        "ix_offers_open_load",
        "offers",
        ["load_id"],
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        "uq_offers_open_driver_load",
        "offers",
        ["driver_id", "load_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'sent', 'seen')"),
    )
    op.create_index(
        "uq_offers_search_load", "offers", ["search_id", "load_id"], unique=True
    )
    op.create_table(
        "pushes",
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("message_name", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_pushes_device_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
    )
    op.create_index(op.f("ix_pushes_device_id"), "pushes", ["device_id"])
    op.create_index(op.f("ix_pushes_subject_id"), "pushes", ["subject_id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_table("pushes")
    op.drop_table("offers")
