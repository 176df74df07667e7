"""When a push may be tried again is a fact of its row.

Phase: expand. The previous release leaves the column null, which means at once.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_push_waits"
down_revision = "2026_11_22_audit"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column(
        "pushes",
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_column("pushes", "next_attempt_at")
