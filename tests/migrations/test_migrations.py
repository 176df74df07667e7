"""The schema: up from nothing, equal to the models, down to nothing, and up again."""

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text

from local import create_database
from runtime import migrating, schema
from runtime.config import Settings
from runtime.db import make_engine
from tests.source import ROOT

VERSIONS = ROOT / "migrations" / "versions"
CHECKSUMS = ROOT / "migrations" / "checksums.txt"

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

    migrating.upgrade(empty)
    migrating.check(empty)
    first = rows(empty, DEFINITIONS)
    migrating.downgrade(empty)
    left = rows(empty, THINGS)
    migrating.upgrade(empty)

    assert before == left == []
    assert len(first) > 100
    assert rows(empty, DEFINITIONS) == first
    # Safe to repeat.
    migrating.upgrade(empty)


def test_drift_is_noticed(empty: Engine) -> None:
    migrating.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("alter table trucks drop column deck_length_m"))

    with pytest.raises(CommandError, match="deck_length_m"):
        migrating.check(empty)


def test_there_is_one_head() -> None:
    scripts = ScriptDirectory.from_config(migrating._config())

    assert schema.head() == scripts.get_current_head()


def oldest_first() -> list[Script]:
    return [*ScriptDirectory.from_config(migrating._config()).walk_revisions()][::-1]


def test_revisions_are_numbered_without_a_gap() -> None:
    names = [script.revision for script in oldest_first()]

    assert [name[:5] for name in names] == [
        f"{number:04}_" for number in range(1, len(names) + 1)
    ]
    assert [script.down_revision for script in oldest_first()] == [None, *names[:-1]]


def test_a_revision_is_named_as_its_file() -> None:
    names = [script.revision for script in oldest_first()]

    assert names == sorted(path.stem for path in VERSIONS.glob("*.py"))


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Rest breaks", "rest_breaks"),
        ("a driver's hours, by day; and by week", "a_driver_s_hours_by_day_and"),
    ],
)
def test_a_new_revision_gets_the_next_number(
    engine: Engine, tmp_path: Path, message: str, name: str
) -> None:
    folder = shutil.copytree(VERSIONS.parent, tmp_path / "migrations")
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(folder))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message)

    number = len(oldest_first()) + 1
    made = folder / "versions" / f"{number:04}_{name}.py"
    assert f"down_revision = {schema.head()!r}" in made.read_text()
    assert f"revision = {made.stem!r}" in made.read_text()


def kept_checksums() -> dict[str, str]:
    """Return what `sha256sum *.py` said of each revision when it landed, by file."""
    lines = [line.split() for line in CHECKSUMS.read_text().splitlines()]
    return {name: checksum for checksum, name in lines}


def checksums() -> dict[str, str]:
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(VERSIONS.glob("*.py"))
    }


def test_each_revision_has_a_checksum() -> None:
    lines = [
        f"{checksum}  {name}"
        for name, checksum in checksums().items()
        if name not in kept_checksums()
    ]

    assert lines == [], (
        "Is the revision finished? Then add to migrations/checksums.txt:\n"
        + "\n".join(lines)
    )


def test_a_revision_that_has_landed_is_not_rewritten() -> None:
    today = checksums()
    changed = {
        name
        for name, checksum in kept_checksums().items()
        if today.get(name) != checksum
    }

    assert changed == set(), (
        "Databases have run these as they were: put them back as"
        " migrations/checksums.txt knows them, and change the schema in a new revision,"
        ' by `make migration m="..."`.'
    )


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
