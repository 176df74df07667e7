"""${message}

The previous release must run on this schema: expand adds what it does not need to
know; contract takes away what it does not use any more, and is never in one release
with the expand that came before. Backfills are batched CLI commands, not migrations.
NOT NULL comes in three steps.
A new table: row security on and forced, a policy for the worker, policies and grants
for the app (see 2026_11_22_tenants). Rows are not to be seen from here: as the owner,
row security hides them.
"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# "expand": every release that ran before runs. "contract": only the one before this.
phase = "expand"
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    ${downgrades if downgrades else "pass"}
