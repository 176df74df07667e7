"""A transaction begins without a tenant and leaves no settings behind."""

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from runtime.db import Hand, Session, Tenant, acting
from services.kernel.tenancy import act_on_loads
from tests.world import World

ADDED_LOADS = text("select current_setting('app.loads', true)")
ALL_OF_IT = text(
    "select current_setting('role'), current_setting('app.org', true),"
    " current_setting('app.visible', true), current_setting('app.member', true),"
    " current_setting('app.loads', true)"
)


def test_a_transaction_without_a_tenant_sees_nothing(
    committed: World, engine: Engine
) -> None:
    """Also on a connection whose login may work as the server."""
    committed.company()
    Session.configure(bind=engine, info={})
    companies = text("select count(*) from organisations")

    with Session() as session:
        seen = session.scalar(companies)
    with acting(Hand.SERVER), Session() as session:
        there = session.scalar(companies)

    assert (seen, there) == (0, 1)


def test_nothing_outlives_a_committed_transaction(
    committed: World, engine: Engine
) -> None:
    org_id, member_id, load_id = uuid7(), uuid7(), uuid7()
    with engine.connect() as connection:
        Session.configure(bind=connection)
        before = list(connection.execute(ALL_OF_IT).one())
        connection.commit()
        with acting(Tenant(org_id, member_id)), Session.begin() as session:
            act_on_loads(session, [load_id])
            within = list(session.execute(ALL_OF_IT).one())
        after = list(connection.execute(ALL_OF_IT).one())

    bound = [org_id, org_id, member_id, load_id]
    assert within == ["backhaul_app", *map(str, bound)]
    assert after[0] == before[0]
    assert not any(after[1:])


def test_each_begins_without_added_loads(session: OrmSession) -> None:
    """Also within another transaction, which keeps its own settings."""
    with Session.begin() as first:
        act_on_loads(first, [uuid7()])
    with Session.begin() as second:
        added = second.scalar(ADDED_LOADS)

    assert added == ""
