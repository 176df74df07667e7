"""Promises of the API: kept answers, versions of what clients edit, a feed's index.

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_promises"
down_revision = "2026_11_22_market"
branch_labels = None
depends_on = None

EDITED = ("areas", "drivers", "trucks")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "idempotency_keys",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organisations.id"], name=op.f("fk_idempotency_keys_org_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["members.id"], name=op.f("fk_idempotency_keys_member_id")
        ),
        sa.PrimaryKeyConstraint(
            "org_id", "member_id", "key", name=op.f("pk_idempotency_keys")
        ),
    )
    op.create_index(
        op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"]
    )
    for table in EDITED:
        op.add_column(
            table,
            # A default, so that the release before, which knows no versions, inserts.
            sa.Column(
                "version", sa.Integer(), server_default=sa.text("1"), nullable=False
            ),
        )
    op.create_index(op.f("ix_events_xid_id"), "events", ["xid", "id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_index(op.f("ix_events_xid_id"), table_name="events")
    for table in EDITED:
        op.drop_column(table, "version")
    op.drop_table("idempotency_keys")
