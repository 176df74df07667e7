"""The best loads of a place, found without reading all of them.

Phase: expand. The previous release must run on this schema.

Building it takes 3 s on a million posted loads, and nobody posts meanwhile. Where that
is too long, build it before by hand with `create index concurrently`; it is left alone
then. The expressions are those of `services/search/candidates.py`, to the letter.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_best_first"
down_revision = "2026_11_22_queue_waits"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_index(
        "ix_loads_best",
        "loads",
        [
            sa.text("(floor(pickup_lat)::int * 361 + floor(pickup_lon)::int)"),
            sa.text("(coalesce(left(equipment[2], 0), equipment[1]))"),
            sa.text("(price_cents - loaded_m * 0.14)"),
            "price_cents",
            "delivery_lat",
            "delivery_lon",
        ],
        postgresql_where=sa.text("status = 'posted'"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_index("ix_loads_best", "loads")
