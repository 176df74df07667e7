"""Which releases run on which schema: the previous one must while it is replaced."""

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from local import create_database
from runtime import migrating, schema
from runtime.config import Settings
from runtime.db import SCHEMA, DatabaseUnusable, Session, check_schema, make_engine
from tests.world import World


def script(revision: str, down: str | None, phase: str | None) -> SimpleNamespace:
    module = SimpleNamespace(**({"phase": phase} if phase else {}))
    return SimpleNamespace(revision=revision, down_revision=down, module=module)


class Chain:
    """A fake folder of revisions a <- b <- c <- d; `d` is the newest."""

    def __init__(self, *phases: str | None) -> None:
        names = "abcd"
        downs = [None, *names]
        self.scripts = [
            script(*row) for row in zip(names, downs, phases, strict=False)
        ][::-1]

    def walk_revisions(self, base: str, head: str) -> list[SimpleNamespace]:
        return [script for script in self.scripts if script.revision <= head]


@pytest.mark.parametrize(
    ("phases", "runs"),
    [
        ((None, None, None, None), "d"),
        ((None, None, None, "expand"), "dc"),
        ((None, None, None, "contract"), "dc"),
        ((None, "expand", "expand", "expand"), "dcba"),
        # a used what c dropped, so it is not served by any revision from c on.
        ((None, "expand", "contract", "expand"), "dcb"),
        ((None, "expand", "expand", "contract"), "dc"),
        ((None, None, "expand", "expand"), "dcb"),
    ],
)
def test_older_releases_are_served_unless_they_use_what_was_dropped(
    phases: tuple[str | None, ...], runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptDirectory, "from_config", lambda _: Chain(*phases))

    assert migrating.served("d") == list(runs)


def test_each_revision_says_its_phase() -> None:
    scripts = ScriptDirectory.from_config(migrating._config())
    phases = {
        script.revision: getattr(script.module, "phase", None)
        for script in scripts.walk_revisions()
    }

    assert set(phases.values()) <= {"expand", "contract"}, phases


@pytest.fixture
def migrated(server_url: str) -> Iterator[Engine]:
    name = f"test_{uuid4().hex[:12]}"
    engine = make_engine(Settings(DATABASE_URL=create_database(server_url, name)))
    migrating.upgrade(engine)
    yield engine
    engine.dispose()
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def test_todays_schema_serves_this_release(migrated: Engine) -> None:
    with migrated.connect() as connection:
        at = connection.execute(SCHEMA).one()

    assert at.served == migrating.served(schema.head())
    assert at.served[0] == at.revision == schema.head()


def let_it_be_newer(engine: Engine, *, serving: str) -> None:
    """Change the database as if a future release had migrated it."""
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'next'"))
        connection.execute(
            text(f"comment on table alembic_version is 'next {serving}'")
        )


class TestANewerSchema:
    def test_that_serves_this_release_is_accepted(self, migrated: Engine) -> None:
        let_it_be_newer(migrated, serving=schema.head())

        check_schema(migrated, schema.head())

    def test_that_does_not_serve_it_is_refused_in_one_sentence(
        self, migrated: Engine
    ) -> None:
        let_it_be_newer(migrated, serving="somebody else")

        with pytest.raises(DatabaseUnusable, match="is at next, this release needs"):
            check_schema(migrated, schema.head())

    def test_is_left_as_it_is_by_an_older_release_s_migration(
        self, migrated: Engine
    ) -> None:
        let_it_be_newer(migrated, serving=schema.head())

        migrating.upgrade(migrated)

        with migrated.connect() as connection:
            at = connection.scalar(text("select version_num from alembic_version"))
        assert at == "next"

    def test_that_does_not_serve_it_refuses_to_be_migrated(
        self, migrated: Engine
    ) -> None:
        let_it_be_newer(migrated, serving="")

        with pytest.raises(DatabaseUnusable, match="deploy the release"):
            migrating.upgrade(migrated)

    def test_a_list_older_than_the_schema_does_not_count(
        self, migrated: Engine
    ) -> None:
        """The schema was migrated by hand, without the command that writes the list."""
        let_it_be_newer(migrated, serving=schema.head())
        with migrated.begin() as connection:
            connection.execute(text("update alembic_version set version_num = 'later'"))

        with pytest.raises(DatabaseUnusable):
            check_schema(migrated, schema.head())


@pytest.mark.parametrize(("serving", "status"), [("{head}", 200), ("another", 503)])
def test_a_web_server_stays_ready_while_the_schema_serves_it(
    world: World, serving: str, status: int
) -> None:
    words = f"next {serving.format(head=schema.head())}"
    with Session.begin() as session:
        session.execute(text("update alembic_version set version_num = 'next'"))
        session.execute(text("set local role backhaul_owner"))
        session.execute(text(f"comment on table alembic_version is '{words}'"))

    answer = world.app.test_client().get("/readyz")

    assert answer.status_code == status
