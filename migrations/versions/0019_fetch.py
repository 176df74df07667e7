"""A fetch of the queue reads its index, however many jobs came since the last ANALYZE.

A worker keeps the plan of `procrastinate_fetch_job_v2` that was made when the queue was
nearly empty: it reads the table without an index and compares each waiting job with
each other. 3,600 jobs that came within 13 seconds made each fetch take 2 seconds, until
autovacuum looked at the table. Without sorting and without reading the whole table, the
first job of `procrastinate_jobs_priority_idx_v1` is the answer.

A newer procrastinate may have a fetch of another name: it needs the same settings.
"""

from alembic import op

revision = "0019_fetch"
down_revision = "0018_claims"
phase = "expand"
branch_labels = None
depends_on = None

FETCH = "alter function procrastinate_fetch_job_v2(varchar[], bigint)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(f"{FETCH} set enable_seqscan = off")
    op.execute(f"{FETCH} set enable_sort = off")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(f"{FETCH} reset all")
