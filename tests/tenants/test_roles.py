"""Owners, logins, and the message where a server does not have our roles."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url, text

from edges.start import connect
from local import create_database
from runtime import migrating
from runtime.config import Settings
from runtime.db import (
    DatabaseRole,
    DatabaseUnusable,
    Hand,
    Session,
    check_role,
    make_engine,
)

OURS = ("backhaul_owner", "backhaul_app", "backhaul_worker", "backhaul_logins")


def as_login(url: str, login: str) -> Settings:
    changed = make_url(url).set(username=login)
    return Settings(DATABASE_URL=changed.render_as_string(hide_password=False))


@pytest.fixture
def managed(server_url: str) -> Iterator[tuple[str, str]]:
    """(url, login) of a database as a hosting company provides it: its owner may make
    roles and is no superuser."""
    name, login = f"test_{uuid4().hex[:12]}", f"dba_{uuid4().hex[:8]}"
    url = create_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create role {login} login createrole")
        connection.execute(f"alter database {name} owner to {login}")
        # Other tests made our roles already; grant them as if this login had made them.
        for role in OURS:
            connection.execute(f"grant {role} to {login} with admin option")
    yield url, login
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
        connection.execute(f"drop owned by {login}")
        connection.execute(f"drop role {login}")


class TestRoles:
    def test_own_nothing_and_bypass_nothing(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            roles = connection.execute(
                "select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole"
                " from pg_roles where rolname like 'backhaul\\_%' order by 1"
            ).fetchall()
            owned = connection.execute(
                "select distinct relowner::regrole::text from pg_class"
                " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            ).fetchall()

        assert roles == [
            ("backhaul_app", True, False, False, False),
            ("backhaul_logins", False, False, False, False),
            ("backhaul_owner", False, False, False, False),
            ("backhaul_tests", True, False, False, False),
            ("backhaul_worker", True, False, False, False),
        ]
        assert owned == [("backhaul_owner",)]

    def test_the_app_may_not_become_the_worker(self, database_url: str) -> None:
        engine = make_engine(as_login(database_url, "backhaul_app"))
        with engine.connect() as connection, pytest.raises(Exception, match="denied"):
            connection.execute(text("set role backhaul_worker"))
        engine.dispose()

    def test_the_app_makes_no_tables_and_reads_no_job_arguments(
        self, database_url: str
    ) -> None:
        engine = make_engine(as_login(database_url, "backhaul_app"))
        for statement in (
            "create table more (n int)",
            "select args from procrastinate_jobs",
            "select target from devices, pushes",
            "select make_position_partitions(current_date, current_date)",
            "alter table loads no force row level security",
            "truncate loads",
        ):
            with (
                engine.connect() as connection,
                pytest.raises(Exception, match=r"permission|owner"),
            ):
                connection.execute(text(statement))
        engine.dispose()


class TestAManagedDatabase:
    def test_is_migrated_and_used_by_its_owner(self, managed: tuple[str, str]) -> None:
        url, login = managed
        settings = as_login(url, login)
        engine = make_engine(settings)
        migrating.upgrade(engine)
        migrating.check(engine)
        engine.dispose()

        for hand, role in (
            (Hand.NOBODY, "backhaul_app"),
            (Hand.SERVER, "backhaul_worker"),
        ):
            engine = connect(settings, hand=hand)
            with Session.begin() as session:
                assert session.scalar(text("select current_user")) == role
            Session.configure(bind=None)
            engine.dispose()

    def test_without_the_right_to_make_roles_says_so_in_a_sentence(
        self, managed: tuple[str, str]
    ) -> None:
        url, login = managed
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"alter role {login} nocreaterole")
            for role in OURS:
                connection.execute(f"revoke {role} from {login}")
        engine = make_engine(as_login(url, login))

        with pytest.raises(DatabaseUnusable, match="CREATEROLE and owns the database"):
            migrating.upgrade(engine)
        engine.dispose()

    @pytest.mark.parametrize("login", ["backhaul_app", "stranger"])
    def test_a_login_that_may_not_work_as_the_role_is_told(
        self, database_url: str, login: str
    ) -> None:
        if login == "stranger":
            login = f"dba_{uuid4().hex[:8]}"
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(f"create role {login} login")
        engine = make_engine(as_login(database_url, login), DatabaseRole.WORKER)

        with pytest.raises(DatabaseUnusable, match="cannot work as backhaul_worker"):
            check_role(engine, DatabaseRole.WORKER)
        engine.dispose()
        if login != "backhaul_app":
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(f"drop role {login}")

    def test_a_superusers_login_gives_up_its_rights(self, database_url: str) -> None:
        engine = make_engine(Settings(DATABASE_URL=database_url), DatabaseRole.APP)
        check_role(engine, DatabaseRole.APP)
        with engine.connect() as connection:
            connection.execute(text("reset role"))
            assert connection.scalar(text("select current_user")) == "backhaul_app"
            assert connection.scalar(text("select count(*) from members")) == 0
        engine.dispose()


def test_a_server_that_does_not_answer_is_not_taken_for_a_wrong_login() -> None:
    url = "postgresql://127.0.0.1:1/nowhere"
    engine = make_engine(Settings(DATABASE_URL=url), DatabaseRole.APP)

    with pytest.raises(DatabaseUnusable, match="No PostgreSQL answers"):
        check_role(engine, DatabaseRole.APP)
