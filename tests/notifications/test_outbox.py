"""The outbox: which pushes are owed, and that they are rows of the transaction."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, update
from uuid_utils.compat import uuid7

from models.offers.pushes import Push
from models.people.devices import Device
from notifications import outbox
from notifications.messages import MessageKind
from runtime.db import Session
from tests.services.scene import Scene, queued, rows_of


@pytest.fixture
def scene(world):
    return Scene(world)


class TestOutbox:
    def test_nothing_is_owed_when_the_transaction_fails(self, scene):
        driver = scene.driver()
        before = len(queued("push.send"))

        def owe_and_fail():
            with Session.begin() as session:
                outbox.put(
                    session, [driver.member_id], MessageKind.LOAD_ASSIGNED, uuid7()
                )
                raise ConnectionError

        with pytest.raises(ConnectionError):
            owe_and_fail()

        assert rows_of(Push) == []
        assert len(queued("push.send")) == before

    def test_news_without_an_expiry_is_not_tried_for_ever(self, scene):
        driver = scene.driver()
        with Session.begin() as session:
            outbox.put(session, [driver.member_id], MessageKind.LOAD_ASSIGNED, uuid7())

        (push,) = rows_of(Push)
        assert push.expires_at - push.created_at == outbox.LONGEST_LIFE

    def test_dead_phones_are_owed_nothing(self, scene):
        driver = scene.driver()
        with Session.begin() as session:
            session.execute(update(Device).values(dead_at=func.now()))
            owed = outbox.put(
                session, [driver.member_id], MessageKind.LOAD_ASSIGNED, uuid7()
            )

        assert owed == 0

    def test_a_person_named_twice_gets_one_push(self, scene):
        driver = scene.driver()
        with Session.begin() as session:
            people = [driver.member_id, UUID(str(driver.member_id))]
            owed = outbox.put(session, people, MessageKind.LOAD_ASSIGNED, uuid7())

        assert owed == 1

    def test_several_subjects_end_each_at_its_own_time(self, scene):
        driver = scene.driver()
        soon = datetime(2030, 1, 1, tzinfo=UTC)
        ends = {uuid7(): soon, uuid7(): soon + timedelta(hours=1)}

        with Session.begin() as session:
            owed = outbox.put_expiring(
                session, driver.member_id, MessageKind.OFFER, ends
            )

        pushes = rows_of(Push)
        assert owed == len(pushes) == 2
        assert {push.subject_id: push.expires_at for push in pushes} == ends
