"""The feed: every event once, also beside many and slow writers."""

import random
import threading
from contextlib import ExitStack
from time import sleep
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, true
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from runtime.db import Session
from services.kernel import events
from services.kernel.events import Cause
from services.upkeep import feed
from services.upkeep.feed import Position
from tests.services.scene import see_feed_settle
from tests.world import World, utcnow

WRITERS, EACH = 8, 60
START = Position(0)


def write(session: OrmSession, org_id: UUID | None) -> None:
    events.record(
        session,
        Cause(utcnow()),
        Role.SYSTEM,
        org_id=org_id,
        subject="load",
        subject_id=uuid4(),
        kind="load.test",
    )
    session.flush()


def read(after: Position, limit: int = 500) -> tuple[list[int], Position]:
    with Session() as session:
        found, position = feed.read(session, after, true(), limit=limit)
        return [event.id for event in found], position


def all_ids() -> list[int]:
    with Session() as session:
        return list(session.scalars(text("select id from events order by id")))


class TestReading:
    @pytest.mark.parametrize("limit", [3, 500])
    def test_beside_many_writers_loses_nothing_and_repeats_nothing(
        self, committed: World, limit: int
    ) -> None:
        org_id = committed.company().org_id

        def keep_writing(number: int) -> None:
            rng = random.Random(number)
            for _ in range(EACH):
                with Session() as session:
                    for _ in range(rng.randint(1, 3)):
                        write(session, org_id)
                        sleep(rng.random() / 500)
                    (session.commit if rng.random() > 0.1 else session.rollback)()

        threads = [threading.Thread(target=keep_writing, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        position = START
        while any(thread.is_alive() for thread in threads):
            found, position = read(position, limit)
            seen += found
        for thread in threads:
            thread.join()
        see_feed_settle()
        while found := read(position, limit)[0]:
            seen += found
            position = read(position, limit)[1]

        assert len(seen) == len(set(seen))
        assert sorted(seen) == all_ids()
        assert len(seen) > WRITERS * EACH / 2

    def test_waits_for_a_smaller_id_that_is_not_committed_yet(
        self, committed: World
    ) -> None:
        org_id = committed.company().org_id

        with ExitStack() as stack:
            slow, quick = (stack.enter_context(Session()) for _ in range(2))
            write(slow, org_id)
            write(quick, org_id)
            quick.commit()
            before, position = read(START)
            slow.commit()
            see_feed_settle()
            after, _ = read(position)

        assert before == []
        assert after == all_ids()

    def test_does_not_skip_a_smaller_id_of_a_younger_transaction(
        self, committed: World
    ) -> None:
        """Reading by id alone, with the guard, would lose the smaller id here."""
        org_id = committed.company().org_id

        with ExitStack() as stack:
            older, younger = (stack.enter_context(Session()) for _ in range(2))
            older.execute(text("select pg_current_xact_id()"))
            write(younger, org_id)
            write(older, org_id)
            older.commit()
            see_feed_settle()
            first, position = read(START)
            younger.commit()
            see_feed_settle()
            rest, _ = read(position)

        assert first == all_ids()[1:]
        assert rest == all_ids()[:1]

    def test_is_page_by_page(self, committed: World) -> None:
        org_id = committed.company().org_id
        with Session.begin() as session:
            for _ in range(5):
                write(session, org_id)

        see_feed_settle()
        pages, position = [], START
        for _ in range(4):
            found, position = read(position, 2)
            pages.append(len(found))

        assert pages == [2, 2, 1, 0]
