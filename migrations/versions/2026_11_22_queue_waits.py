"""A fetch does not walk over the jobs that wait for another day.

Phase: expand. The queue's own index is in the order of priorities: with 100,000 pushes
put off, each fetch of an idle worker read them all (37 to 70 ms; 5 to 7 ms with this).
"""

from alembic import op

revision = "2026_11_22_queue_waits"
down_revision = "2026_11_22_push_waits"
phase = "expand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(
        "create index ix_procrastinate_jobs_scheduled_at"
        " on procrastinate_jobs (scheduled_at) where status = 'todo'"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute("drop index ix_procrastinate_jobs_scheduled_at")
