"""Phones and sign-ins are bound to a key of the phone; approvals of phones without one
are used up."""

import sqlalchemy as sa
from alembic import op

revision = "0014_phone_keys"
down_revision = "0013_locks"
# "expand": every release that ran before runs. "contract": only the one before this.
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column("devices", sa.Column("key_thumbprint", sa.String(), nullable=True))
    # An approval from before this revision counts as used.
    op.add_column(
        "devices",
        sa.Column(
            "is_approval_unused",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
    )
    for name in ("key_thumbprint", "sign_in_proof"):
        op.add_column("refresh_families", sa.Column(name, sa.String(), nullable=True))
    op.add_column(
        "refresh_families",
        sa.Column(
            "used_proofs",
            sa.ARRAY(sa.String()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for name in ("used_proofs", "sign_in_proof", "key_thumbprint"):
        op.drop_column("refresh_families", name)
    for name in ("is_approval_unused", "key_thumbprint"):
        op.drop_column("devices", name)
