"""The job queue's own tables, by the pinned procrastinate.

Phase: expand.

An upgrade of procrastinate brings its own migration files: each becomes a revision
here, this one stays as it is for new databases of the version it was written for.
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "2026_11_22_queue"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Straight to the driver: the text has several statements and per cent signs.
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())


def downgrade() -> None:
    op.execute(
        """
        do $$ declare it record; begin
            for it in select tablename from pg_tables
                where schemaname = current_schema()
                and tablename like 'procrastinate\\_%' loop
                execute format('drop table %I cascade', it.tablename);
            end loop;
            for it in select p.oid::regprocedure as name from pg_proc p
                where p.proname like 'procrastinate\\_%' loop
                execute 'drop function ' || it.name || ' cascade';
            end loop;
            for it in select t.typname from pg_type t
                where t.typname like 'procrastinate\\_%' and t.typtype in ('e', 'c')
                loop
                execute format('drop type if exists %I cascade', it.typname);
            end loop;
        end $$
        """
    )
