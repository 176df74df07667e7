"""Where a load's stops are on the road network, and how long its legs are."""

import sqlalchemy as sa
from alembic import op

revision = "0021_roads"
down_revision = "0020_bookings"
phase = "expand"
branch_labels = None
depends_on = None

OF_A_STOP = (
    ("road_place", sa.LargeBinary()),
    ("road_version", sa.String()),
    ("leg_m", sa.Double()),
    ("leg_access_m", sa.Double()),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    for name, kind in OF_A_STOP:
        op.add_column("stops", sa.Column(name, kind, nullable=True))
    access = sa.Column(
        "loaded_access_m", sa.Double(), nullable=False, server_default="0"
    )
    op.add_column("loads", access)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_column("loads", "loaded_access_m")
    for name, _ in OF_A_STOP:
        op.drop_column("stops", name)
