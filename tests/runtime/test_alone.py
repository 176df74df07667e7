"""Statements with a transaction of their own: who acts, what is kept, dead servers."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from bench.tapping import tapping
from runtime.db import (
    DatabaseRole,
    Hand,
    Session,
    Tenant,
    acting,
    call_alone,
    read_alone,
)
from tests.runtime.test_pool import cut, fill, pool_of

WHO = "select current_user::text, app_org(), current_setting('app.member')"
COUNT = "insert into rate_limits values (%s, 0) returning key"


@pytest.fixture
def engine(login_url: str, superuser: Engine) -> Iterator[Engine]:
    with pool_of(login_url, DatabaseRole.APP) as engine:
        Session.configure(bind=engine)
        yield engine
        Session.configure(bind=None)
    with superuser.begin() as connection:
        connection.execute(text("delete from rate_limits"))


def is_kept(engine: Engine, key: str) -> bool:
    with engine.connect() as connection:
        query = text("select count(*) from rate_limits where key = :key")
        return connection.scalar(query, {"key": key}) == 1


def test_a_read_acts_for_the_tenant_and_leaves_nothing_behind(engine: Engine) -> None:
    org_id, member_id = uuid4(), uuid4()

    with acting(Tenant(org_id, member_id)):
        found = read_alone(WHO, ())

    assert found == [("backhaul_app", org_id, str(member_id))]
    with acting(Hand.NOBODY):
        assert read_alone(WHO, ()) == [("backhaul_app", None, "")]
    with engine.connect() as connection:
        assert connection.scalar(text("select app_org()")) is None


def test_a_read_changes_nothing_and_a_call_does(engine: Engine) -> None:
    read, called = str(uuid4()), str(uuid4())

    with pytest.raises(DBAPIError, match="read-only"):
        read_alone(COUNT, [read])
    assert call_alone(COUNT, [called]) == [(called,)]

    assert not is_kept(engine, read)
    assert is_kept(engine, called)


def test_a_failed_statement_raises_as_sqlalchemy_does_and_spoils_nothing(
    engine: Engine,
) -> None:
    for alone in (read_alone, call_alone):
        with pytest.raises(ProgrammingError, match="no_such_table"):
            alone("select * from no_such_table", ())
        with pytest.raises(DBAPIError, match="division"):
            alone("select 1 / %s", [0])

    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert read_alone("select 1", ()) == [(1,)]


@pytest.mark.parametrize("alone", [read_alone, call_alone])
def test_after_a_lost_connection_the_pool_replaces_all(
    engine: Engine, server_url: str, alone
) -> None:
    fill(engine, 3)
    cut(server_url)

    with pytest.raises(OperationalError):
        alone("select 1", ())
    for _ in range(4):
        assert alone("select 1", ()) == [(1,)]


def test_within_an_open_transaction_it_is_part_of_it(engine: Engine) -> None:
    key = str(uuid4())
    with engine.connect() as connection:
        connection.execute(text("select 1"))
        Session.configure(bind=connection)
        call_alone(COUNT, [key])
        read_alone("select 1", ())
        query = text("select count(*) from rate_limits where key = :key")
        assert connection.scalar(query, {"key": key}) == 1
        connection.rollback()

    assert not is_kept(engine, key)


def test_each_takes_one_round_trip_and_so_does_the_beginning_of_a_session(
    login_url: str,
) -> None:
    with tapping(login_url) as (address, tap), pool_of(address, DatabaseRole.APP) as e:
        Session.configure(bind=e)
        fill(e, 1)
        for statement in (
            lambda: read_alone("select 1", ()),
            lambda: call_alone("select 1", ()),
            _begun,
        ):
            tap.forget()
            with acting(Tenant(UUID(int=1), UUID(int=2))):
                statement()
            trips = sum(asked.round_trips for asked in tap.seen.values())
            assert trips == (2 if statement is _begun else 1), dict(tap.seen)
        Session.configure(bind=None)


def _begun() -> None:
    """Begin with who acts, and roll back: two round trips."""
    with Session() as session:
        session.connection()
