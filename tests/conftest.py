"""Fixtures: the real database, the app, the jobs, the world of a test."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from flask import Flask
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session as OrmSession

from api.app import create_app, make_posting_rules
from cli import cli as commands
from edges.start import keyring, read_gauges
from geo.roads import EstimatedRoads
from local import EmbeddedServerError, create_database, server
from runtime import migrating, schema
from runtime.config import UNLIMITED, Settings
from runtime.db import (
    DatabaseRole,
    DatabaseUnusable,
    Hand,
    Session,
    check_server,
    make_engine,
)
from runtime.telemetry import GAUGES
from services.fleet import positions
from services.people import passwords
from services.people.tokens import Keyring
from tests import answers, canaries, codes, examples, marks, workers
from tests.waiting import LONGEST_S
from tests.world import World, drain_jobs, utcnow

hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")

DATA_DIR = Path(__file__).parent.parent / ".data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-examples",
        action="store_true",
        help="keep the document's examples from this run (make examples)",
    )
    parser.addoption(
        "--write-fields",
        action="store_true",
        help="record which fields each role sees (make fields)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(marks.Marks())
    if config.pluginmanager.has_plugin("xdist"):
        if config.getoption("write_examples") and config.getoption("numprocesses"):
            raise pytest.UsageError("One process writes the examples: add -n 0.")
        # A crashed worker is not replaced: what it saw is lost, so the run must fail.
        config.option.maxworkerrestart = "0"
        config.pluginmanager.register(workers.Workers())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("write_examples"):
        examples.write()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail the test if an answer does not fit its schema in the document."""
    try:
        yield
    finally:
        faults, answers.wrong[:] = answers.wrong[:], []
    assert faults == [], item.nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    workers.in_order(items)


@pytest.fixture(scope="session")
def all_saw(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Gather what every process of this run saw; the folder below which they wrote.

    For the tests of the whole suite, which run last.
    """
    mine = workers.input_of(pytestconfig)
    if not mine:
        return tmp_path_factory.getbasetemp()
    everyone = {f"gw{number}" for number in range(mine["workercount"])}
    others = sorted(everyone - {mine["workerid"]})
    workers.gather(Path(mine["seen_in"]), others)
    return tmp_path_factory.getbasetemp().parent


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The server of DATABASE_URL, or the embedded one. Without one the run ends."""
    with ExitStack() as stack:
        try:
            url = os.environ.get("DATABASE_URL") or stack.enter_context(
                server(DATA_DIR / "postgres")
            )
            engine = make_engine(Settings(DATABASE_URL=url))
            stack.callback(engine.dispose)
            check_server(engine)
        except (EmbeddedServerError, DatabaseUnusable) as error:
            pytest.exit(str(error), returncode=2)
        yield url


@pytest.fixture(scope="session")
def database_url(server_url: str) -> Iterator[str]:
    """A new database for this run, with the schema built by the migrations."""
    name = f"test_{uuid4().hex[:12]}"
    url = create_database(server_url, name)
    engine = make_engine(Settings(DATABASE_URL=url))
    try:
        migrating.upgrade(engine)
        with OrmSession(engine) as session, session.begin():
            session.execute(text("set local role backhaul_worker"))
            positions.make_partitions(session, now=utcnow())
    finally:
        engine.dispose()
    yield url
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def login_url(server_url: str, database_url: str) -> str:
    """The login of the suite, a role that is neither owner nor superuser.

    In each transaction it takes the role of the app or of the worker, as the processes
    do. A test that breaks the schema on purpose takes the owner's role for a statement.
    """
    role = sql.Identifier("backhaul_tests")
    with psycopg.connect(server_url, autocommit=True) as connection:
        # Roles belong to the whole server, so concurrent processes must not change one.
        connection.execute("select pg_advisory_lock(hashtext('backhaul_tests'))")
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(
                sql.SQL("create role {} login noinherit nobypassrls").format(role)
            )
        password = make_url(database_url).password or ""
        connection.execute(
            sql.SQL("alter role {} password {}").format(role, sql.Literal(password))
        )
        connection.execute(
            sql.SQL("grant backhaul_app, backhaul_worker, backhaul_owner to {}").format(
                role
            )
        )
        # It does not inherit the right to connect from these roles.
        name = sql.Identifier(make_url(database_url).database or "")
        connection.execute(
            sql.SQL("grant connect on database {} to {}").format(name, role)
        )
    return (
        make_url(database_url)
        .set(username="backhaul_tests")
        .render_as_string(hide_password=False)
    )


@pytest.fixture(scope="session")
def settings(login_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    canaries.record()
    # A hash in a hundredth of the time, as the suite makes hundreds of members.
    passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=512, parallelism=1)
    passwords.NOBODY = passwords.hash_password("nobody's")
    return Settings(
        DATABASE_URL=login_url,
        DATA_DIR=str(tmp_path_factory.mktemp("data")),
        # A hundred requests for one row, or for a connection, wait for each other.
        STATEMENT_TIMEOUT_S=int(LONGEST_S),
        **dict.fromkeys(UNLIMITED, 0),
    )


@pytest.fixture(scope="session")
def keys(settings: Settings) -> Keyring:
    return keyring(settings)


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine that acts as the server itself where no member acts."""
    made = make_engine(settings, DatabaseRole.WORKER)
    yield made
    made.dispose()


@pytest.fixture
def superuser(database_url: str) -> Iterator[Engine]:
    """An engine of the superuser, for what no process of ours may do."""
    made = make_engine(Settings(DATABASE_URL=database_url))
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def app(settings: Settings, keys: Keyring) -> Flask:
    app = create_app(
        settings,
        keys,
        make_posting_rules(settings, EstimatedRoads()),
        schema_head=schema.head(),
    )
    GAUGES.read = read_gauges
    return answers.watch(canaries.watch(examples.watch(codes.watch(app))))


@pytest.fixture
def session(engine: Engine) -> Iterator[OrmSession]:
    """A database session in a transaction that is rolled back; the app uses savepoints
    in it."""
    with engine.connect() as connection, connection.begin() as outer:
        Session.configure(
            bind=connection,
            join_transaction_mode="create_savepoint",
            info={"acting": Hand.SERVER},
        )
        with Session() as opened:
            yield opened
        outer.rollback()
    Session.configure(bind=None)


@pytest.fixture
def kind_of_world() -> type[World]:
    """What makes people and loads: the flows do it over HTTP, other tests by rows."""
    return World


@pytest.fixture
def world(
    session: OrmSession,
    app: Flask,
    keys: Keyring,
    settings: Settings,
    kind_of_world: type[World],
) -> World:
    """Makes companies, members and loads, in the rolled-back transaction."""
    return kind_of_world(app, keys, settings)


EMPTY = """
do $$ declare item record; begin
    set local session_replication_role = replica;
    for item in select format('%I', tablename) as name from pg_tables
        where schemaname = 'public' and tablename <> 'alembic_version'
        -- Last, as each deleted load leaves one.
        order by tablename = 'load_tombstones' loop
        if pg_relation_size(item.name::regclass) > 1000000 then
            execute 'truncate ' || item.name || ' cascade';
        else
            execute 'delete from ' || item.name;
        end if;
    end loop;
    for item in select format('%I', sequencename) as name, start_value from pg_sequences
        where schemaname = 'public' and last_value is not null loop
        perform setval(item.name, item.start_value, false);
    end loop;
end $$
"""


@pytest.fixture
def committed(
    engine: Engine,
    app: Flask,
    keys: Keyring,
    settings: Settings,
    database_url: str,
    kind_of_world: type[World],
) -> Iterator[World]:
    """A `world` whose rows are committed, for races; every table is emptied afterwards.

    Deleting a few rows takes a tenth of the time of truncating all tables. Triggers and
    foreign keys are switched off for it.
    """
    Session.configure(
        bind=engine,
        join_transaction_mode="conditional_savepoint",
        info={"acting": Hand.SERVER},
    )
    yield kind_of_world(app, keys, settings)
    Session.configure(bind=None)
    with psycopg.connect(database_url) as connection:
        connection.execute(EMPTY)


@pytest.fixture
def run_jobs(settings: Settings) -> Callable[..., list[str]]:
    """A function that runs the due jobs by their real handlers; returns their names."""

    def run(gateway: Any = None, **rules: Any) -> list[str]:
        return drain_jobs(settings, gateway, **rules)

    return run


@pytest.fixture
def invoke(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Result]]:
    """Run a command in this process, as starting another one takes most of the time."""
    bound = Session.kw.get("bind")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LOG_LEVEL", "CRITICAL")

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(commands, arguments)
        if (used := Session.kw.get("bind")) not in {bound, None}:
            used.dispose()
        Session.configure(bind=bound)
        return result

    yield run
    canaries.record()
