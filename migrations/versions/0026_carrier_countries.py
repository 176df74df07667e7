"""The countries where a company may carry freight, as a driver has those to drive in.

An expand: the previous release neither reads nor writes the column, whose null says
"its home country alone".

The app may write it for its own company, beside the costs.
"""

from alembic import op

revision = "0026_carrier_countries"
down_revision = "0025_no_best_index"
phase = "expand"
branch_labels = None
depends_on = None

CONSTRAINT = "ck_organisations_countries"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("alter table organisations add column countries varchar[]")
    op.create_check_constraint(op.f(CONSTRAINT), "organisations", "countries <> '{}'")
    op.execute("grant update (countries) on organisations to backhaul_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.drop_column("organisations", "countries")
