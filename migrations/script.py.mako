"""${message}

The previous release must run on this schema. An expand adds what that release does not
need to know. A contract removes what it no longer uses, and is never in the same release
as the expand that came before. Backfills are batched CLI commands, not migrations.
NOT NULL comes in three steps.
A new table needs row security, enabled and forced, a policy for the worker, and policies
and grants for the app: see 0010_walls. A revision sees no rows: it runs as the owner,
from whom row security hides them.
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
