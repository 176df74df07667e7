"""The schema: up from nothing, equal to the models, down to nothing, and up again."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic.util import CommandError
from sqlalchemy import Engine, text

from local import create_database
from runtime import schema
from runtime.config import Settings
from runtime.db import make_engine

THINGS = text(
    "select 'table ' || relname from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace"
    " where nspname = 'public' and relkind in ('r', 'p', 'v', 'm', 'S')"
    " and relname <> 'alembic_version'"
    " union all select 'type ' || typname from pg_type t"
    " join pg_namespace n on n.oid = t.typnamespace"
    " where nspname = 'public' and typtype in ('e', 'd', 'c')"
    " and not exists (select from pg_class c where c.reltype = t.oid"
    " and c.relname = 'alembic_version')"
    " union all select 'function ' || proname from pg_proc p"
    " join pg_namespace n on n.oid = p.pronamespace where nspname = 'public'"
    " union all select 'extension ' || extname from pg_extension"
    " where extname <> 'plpgsql' order by 1"
)

DEFINITIONS = text(
    "select 'column', table_name::text, column_name::text, data_type || is_nullable"
    " || coalesce(column_default, '') from information_schema.columns"
    " where table_schema = 'public'"
    " union all select 'index', tablename, indexname, indexdef from pg_indexes"
    " where schemaname = 'public'"
    " union all select 'constraint', conrelid::regclass::text, conname,"
    " pg_get_constraintdef(oid) from pg_constraint"
    " where connamespace = 'public'::regnamespace order by 1, 2, 3"
)


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    name = f"test_{uuid4().hex[:12]}"
    engine = make_engine(Settings(DATABASE_URL=create_database(server_url, name)))
    yield engine
    engine.dispose()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def rows(engine: Engine, query) -> list[tuple]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_up_down_to_nothing_and_up_again_is_the_same(empty: Engine) -> None:
    before = rows(empty, THINGS)

    schema.upgrade(empty)
    schema.check(empty)
    first = rows(empty, DEFINITIONS)
    schema.downgrade(empty)
    left = rows(empty, THINGS)
    schema.upgrade(empty)

    assert before == left == []
    assert len(first) > 100
    assert rows(empty, DEFINITIONS) == first
    # Safe to repeat.
    schema.upgrade(empty)


def test_drift_is_noticed(empty: Engine) -> None:
    schema.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("alter table trucks drop column deck_length_m"))

    with pytest.raises(CommandError, match="deck_length_m"):
        schema.check(empty)


def test_there_is_one_head() -> None:
    assert schema.head()


def test_constraints_are_named_by_the_convention(engine: Engine) -> None:
    strange = [
        (table, name)
        for kind, table, name, _ in rows(engine, DEFINITIONS)
        if kind == "constraint"
        and not table.startswith(("procrastinate_", "alembic_version", "positions_2"))
        and not name.startswith(("pk_", "fk_", "uq_", "ck_", "ix_", "ex_", "ct_"))
        # PostgreSQL 18 names its NOT NULL constraints itself.
        and not name.endswith("_not_null")
    ]

    assert strange == []
