"""What a transaction begins with, and what it leaves behind: nothing."""

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from db import Hand, Session, acting
from services.holds import hold
from tests.world import World

HOLDS = text("select current_setting('app.loads', true)")


def test_who_says_nothing_is_nobody(committed: World, engine: Engine) -> None:
    """Also on a connection that works as the server."""
    committed.company()
    Session.configure(bind=engine, info={})
    companies = text("select count(*) from organisations")

    with Session() as session:
        seen = session.scalar(companies)
    with acting(Hand.SERVER), Session() as session:
        there = session.scalar(companies)

    assert (seen, there) == (0, 1)


def test_a_hold_ends_with_its_transaction(committed: World, engine: Engine) -> None:
    with engine.connect() as connection:
        Session.configure(bind=connection)
        with Session.begin() as session:
            hold(session, [uuid7()])
            held = session.scalar(HOLDS)
        left = connection.scalar(HOLDS)

    assert held
    assert not left


def test_each_begins_without_holds(session: OrmSession) -> None:
    """Also within another, which keeps what was set in it."""
    with Session.begin() as first:
        hold(first, [uuid7()])
    with Session.begin() as second:
        held = second.scalar(HOLDS)

    assert held == ""
