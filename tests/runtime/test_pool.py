"""Which connections the pool pings before their use, and how it replaces dead ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bench.tapping import tapping
from runtime import db
from runtime.config import Settings
from runtime.db import DatabaseRole, make_engine

PING = "ping of the pool"
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'a test of the pool'
"""


@contextmanager
def pool_of(url: str, role: DatabaseRole) -> Iterator[Engine]:
    mark = "&" if "?" in url else "?"
    url = f"{url}{mark}application_name=a%20test%20of%20the%20pool"
    engine = make_engine(Settings(DATABASE_URL=url), role)
    yield engine
    engine.dispose()


def ask(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1


def fill(engine: Engine, number: int) -> None:
    lent = [engine.connect() for _ in range(number)]
    for connection in lent:
        connection.close()


def cut(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(CUT)
        waits = "select count(*) from pg_stat_activity where application_name = %s"
        while connection.execute(waits, ["a test of the pool"]).fetchone() != (0,):
            pass


def pings(url: str, role: DatabaseRole) -> int:
    with tapping(url) as (address, tap), pool_of(address, role) as engine:
        for _ in range(3):
            ask(engine)
        return tap.seen[PING].round_trips


@pytest.mark.parametrize("role", DatabaseRole)
def test_each_role_waits_for_a_lock_for_less_than_a_request_may_take(
    login_url: str, role: DatabaseRole
) -> None:
    with pool_of(login_url, role) as engine, engine.connect() as connection:
        limits = "select current_setting(:name)::interval < interval '30 s'"
        shown = [
            connection.scalar(text(limits), {"name": name})
            for name in ("lock_timeout", "statement_timeout")
        ]
        assert connection.scalar(text("show lock_timeout")) != "0"

    assert shown == [True, False]


def test_a_wait_for_a_connection_is_cut_as_one_for_a_lock(login_url: str) -> None:
    settings = Settings(DATABASE_URL=login_url, DB_POOL_SIZE=1, STATEMENT_TIMEOUT_S=1)
    engine = make_engine(settings, DatabaseRole.APP)
    refused = pytest.raises(PoolTimeout, match=r"timeout 0\.33")
    with engine.connect(), engine.connect(), refused:
        engine.connect()
    engine.dispose()


def test_web_does_not_ping_a_connection_used_recently(login_url: str) -> None:
    assert pings(login_url, DatabaseRole.APP) == 0


def test_web_pings_an_idle_connection(
    login_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "UNASKED_S", 0.0)

    assert pings(login_url, DatabaseRole.APP) == 2


def test_the_worker_pings_before_each_transaction(login_url: str) -> None:
    assert pings(login_url, DatabaseRole.WORKER) == 2


def test_a_connection_that_died_idle_is_replaced_without_an_error(
    server_url: str, login_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "UNASKED_S", 0.0)
    with pool_of(login_url, DatabaseRole.APP) as engine:
        fill(engine, 3)
        cut(server_url)

        for _ in range(4):
            ask(engine)


def test_after_one_error_all_dead_connections_are_replaced(
    server_url: str, login_url: str
) -> None:
    with pool_of(login_url, DatabaseRole.APP) as engine:
        fill(engine, 3)
        cut(server_url)

        with pytest.raises(OperationalError):
            ask(engine)
        for _ in range(4):
            ask(engine)


def test_web_keeps_its_prepared_statements_after_a_rollback(login_url: str) -> None:
    with pool_of(login_url, DatabaseRole.APP) as engine, engine.connect() as connection:
        for _ in range(7):
            connection.execute(text("select 1 as number"))
            connection.rollback()
        kept = "select count(*) from pg_prepared_statements"

        assert connection.scalar(text(kept)) == 1


def test_a_rollback_of_web_undoes_and_of_a_lost_connection_raises(
    server_url: str, login_url: str
) -> None:
    with pool_of(login_url, DatabaseRole.APP) as engine:
        with engine.connect() as connection:
            connection.execute(text("create temporary table kept (n int)"))
            connection.rollback()
            with pytest.raises(ProgrammingError):
                connection.execute(text("select * from kept"))
            connection.rollback()
            assert connection.scalar(text("select 1")) == 1
            cut(server_url)
            with pytest.raises(OperationalError):
                connection.execute(text("select 1"))
            connection.rollback()
        ask(engine)
