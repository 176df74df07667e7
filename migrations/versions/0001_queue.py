"""The job queue: the tables of procrastinate, and an index for jobs that wait.

The tables are those of the installed procrastinate, which requirements.txt pins. A
newer one brings migration files of its own. Each becomes a revision here, which must
also run on a database where this revision has made the newer tables already.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001_queue"
down_revision = None
phase = "expand"
branch_labels = None
depends_on = None

WAITING = """
create index ix_procrastinate_jobs_scheduled_at on procrastinate_jobs (scheduled_at)
    where status = 'todo'
"""
"""Lets a fetch skip the jobs that are due later. The queue's own index is in the order
of priorities: with 100,000 jobs put off, each fetch read them all and took 37 to 70 ms;
with this index it takes 5 to 7 ms."""

DROP_QUEUE = """
do $$ declare found record; begin
    for found in select tablename from pg_tables
        where schemaname = current_schema()
        and tablename like 'procrastinate\\_%' loop
        execute format('drop table %I cascade', found.tablename);
    end loop;
    for found in select p.oid::regprocedure as name from pg_proc p
        where p.proname like 'procrastinate\\_%' loop
        execute 'drop function ' || found.name || ' cascade';
    end loop;
    for found in select t.typname from pg_type t
        where t.typname like 'procrastinate\\_%' and t.typtype in ('e', 'c') loop
        execute format('drop type if exists %I cascade', found.typname);
    end loop;
end $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    # Straight to the driver: the text has several statements and per cent signs.
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())
    op.execute(WAITING)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("SET LOCAL statement_timeout = '15s'")
    op.execute(DROP_QUEUE)
