"""Drop the index of a place's best loads: a search reads the market in memory.

A contract: the previous release still searches by it, and is slower without it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025_no_best_index"
down_revision = "0024_posters"
phase = "contract"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_index("ix_loads_best", table_name="loads")


def downgrade() -> None:
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
    )
