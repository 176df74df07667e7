"""What an operator watches: the periodic jobs' last success, the queue, transactions.

Phase: expand: a table, a function and grants that the release before does not use.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_operation"
down_revision = "2026_11_22_best_first"
phase = "expand"
branch_labels = None
depends_on = None

SEE_ACTIVITY = """
do $$ begin
    if not pg_has_role('backhaul_owner', 'pg_read_all_stats', 'member') then
        grant pg_read_all_stats to backhaul_owner;
    end if;
exception when insufficient_privilege or unique_violation then
    raise notice 'pg_read_all_stats could not be granted to backhaul_owner';
end $$
"""
"""An administrator may do it later. Until then the function below answers null."""

OLDEST_TRANSACTION = """
create function oldest_transaction_s() returns float8
    language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select case when pg_has_role('pg_read_all_stats', 'usage') then coalesce((
        select max(extract(epoch from clock_timestamp() - xact_start))::float8
        from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()), 0) end
$$
"""
"""Of the whole server: it holds back vacuum and the feed, in whichever database."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.create_table(
        "periodic_runs",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_periodic_runs")),
    )
    op.execute("grant select, insert, update on periodic_runs to backhaul_worker")
    op.execute("grant select on periodic_runs to backhaul_app")
    # That jobs wait or failed, and of which kind; their arguments stay hidden.
    op.execute(
        "grant select (queue_name, task_name) on procrastinate_jobs to backhaul_app"
    )
    op.execute("grant select (last_heartbeat) on procrastinate_workers to backhaul_app")
    op.execute(OLDEST_TRANSACTION)
    op.execute("revoke execute on function oldest_transaction_s() from public")
    op.execute(
        "grant execute on function oldest_transaction_s()"
        " to backhaul_app, backhaul_worker"
    )
    op.execute("reset role")
    op.execute(SEE_ACTIVITY)
    op.execute("set local role backhaul_owner")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # The owner's membership stays: roles belong to the server.
    op.execute("drop function oldest_transaction_s()")
    op.execute(
        "revoke select (last_heartbeat) on procrastinate_workers from backhaul_app"
    )
    op.execute(
        "revoke select (queue_name, task_name) on procrastinate_jobs from backhaul_app"
    )
    op.drop_table("periodic_runs")
