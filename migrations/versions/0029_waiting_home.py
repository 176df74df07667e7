"""For which home and crew the empty way home of a waiting driver is.

An expand: the previous release neither reads nor writes the columns. A way home that it
notes counts as not known, until the driver's next search.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029_waiting_home"
down_revision = "0028_requests"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.add_column("waiting_drivers", sa.Column("home_lat", sa.Float(), nullable=True))
    op.add_column("waiting_drivers", sa.Column("home_lon", sa.Float(), nullable=True))
    op.add_column("waiting_drivers", sa.Column("is_crew", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for name in ("is_crew", "home_lon", "home_lat"):
        op.drop_column("waiting_drivers", name)
