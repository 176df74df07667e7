"""What another session has locked of one company stops that company's requests for a
bounded time, and no other company's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from uuid_utils.compat import uuid7

from runtime.db import DatabaseRole, Hand, Session, acting, make_engine
from tests.over_http import HttpWorld
from tests.world import Caller, World

LIMIT_S = 6
"""STATEMENT_TIMEOUT_S of these tests: a wait for one lock is cut after a third."""

WAIT_AT_COMMIT = (
    """
create function wait_at_commit() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform from audit_heads where org_id = new.org_id for update;
    return null;
end $$""",
    "alter function wait_at_commit() owner to backhaul_owner",
    "create constraint trigger ct_wait_at_commit after insert on trucks deferrable"
    " initially deferred for each row execute function wait_at_commit()",
)
"""Stands for any lock that a transaction takes only when it commits."""


@pytest.fixture
def kind_of_world() -> type[World]:
    return HttpWorld


@pytest.fixture
def impatient(committed: World) -> Iterator[World]:
    """A world whose requests may take LIMIT_S."""
    settings = replace(committed.settings, STATEMENT_TIMEOUT_S=LIMIT_S)
    engine = make_engine(settings, DatabaseRole.WORKER)
    Session.configure(bind=engine)
    yield committed
    engine.dispose()


@contextmanager
def locked(
    superuser: Engine, table: str, column: str, company: Caller
) -> Iterator[None]:
    """Lock the company's row of this table in another session."""
    lock = text(f"select from {table} where {column} = :org for update")
    with superuser.begin() as connection:
        assert connection.execute(lock, {"org": company.org_id}).rowcount == 1
        yield


def add_truck(desk: Caller) -> Any:
    body = {"unit_number": str(uuid7()), "equipment": "van"}
    return desk.put(f"/v1/trucks/{uuid7()}", body)


def unchained(desk: Caller) -> int:
    with acting(Hand.SERVER), Session() as session:
        query = text("select count(*) from audit_unchained where org_id = :org")
        return session.scalars(query, {"org": desk.org_id}).one()


@pytest.fixture
def companies(impatient: World) -> tuple[Caller, Caller]:
    """Two companies whose chains have begun."""
    one, other = impatient.company(), impatient.company()
    for desk in (one, other):
        assert add_truck(desk).status == 200
    with acting(Hand.SERVER), Session.begin() as session:
        session.execute(text("select chain_audit(1000)"))
    return one, other


def test_a_locked_chain_holds_up_no_request(
    companies: tuple[Caller, Caller], superuser: Engine
) -> None:
    with locked(superuser, "audit_heads", "org_id", companies[0]):
        with ThreadPoolExecutor(9) as pool:
            answers = list(pool.map(add_truck, companies * 9))
        waiting = unchained(companies[0])

    assert [answer.status for answer in answers] == [200] * 18
    assert waiting >= 9


def test_a_locked_company_is_answered_while_it_is_locked_and_so_are_others(
    companies: tuple[Caller, Caller], superuser: Engine
) -> None:
    one, other = companies
    with locked(superuser, "organisations", "id", one):
        refused = add_truck(one)
        served = add_truck(other)

    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert served.status == 200
    assert len(one.get("/v1/trucks")["data"]) == 1
    assert unchained(one) == 0
    assert add_truck(one).status == 200


def test_a_locked_queue_is_answered_as_any_lock(
    companies: tuple[Caller, Caller], superuser: Engine
) -> None:
    person = {"name": "Sam", "email": "sam@example.com", "roles": ["driver"]}
    with superuser.begin() as connection:
        connection.execute(text("lock table procrastinate_jobs in exclusive mode"))
        refused = companies[0].post("/v1/invitations", person)

    assert (refused.status, refused.code) == (503, "unavailable")
    assert companies[0].get("/v1/invitations")["data"] == []
    assert companies[0].post("/v1/invitations", person).status == 201


def test_a_wait_at_the_commit_is_cut_and_leaves_nothing(
    companies: tuple[Caller, Caller], superuser: Engine
) -> None:
    """PostgreSQL's statement_timeout ends before a transaction's deferred triggers."""
    one, other = companies
    try:
        with superuser.begin() as connection:
            for statement in WAIT_AT_COMMIT:
                connection.execute(text(statement))
        with locked(superuser, "audit_heads", "org_id", one):
            refused = add_truck(one)
            served = add_truck(other)
    finally:
        with superuser.begin() as connection:
            connection.execute(text("drop function wait_at_commit() cascade"))

    assert (refused.status, refused.code) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert served.status == 200
    assert len(one.get("/v1/trucks")["data"]) == 1
    assert unchained(one) == 0
