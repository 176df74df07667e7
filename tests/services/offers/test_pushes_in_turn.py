"""Pushes of one job in turn: what may happen before one's turn, and between runs."""

import time

import pytest
from sqlalchemy import func, text, update

from handlers.push import CHECK_HOLDS_S
from models.offers.pushes import Push
from models.people.devices import Device
from notifications.gateway import QUOTA_WAIT_S
from notifications.sender import Attempt, Outcome
from runtime.db import Session
from services.offers import pushes
from tests.services.offers.of_one_job import (
    Acting,
    best_first,
    of_each,
    owed,
    searched,
    send,
    told,
)
from tests.services.scene import (
    Scene,
    after,
    at_once,
    decline,
    let_waits_pass,
    offer_row,
    rows_of,
)
from tests.world import FakeGateway


@pytest.fixture
def driver(world):
    """A driver whose search has just made three offers."""
    return searched(Scene(world))


class TestBeforeItsTurn:
    def test_an_offer_that_was_closed_is_not_pushed(self, driver):
        first, second, third = best_first(driver)
        decline(driver, second)
        gateway = FakeGateway()

        assert send(gateway) is None

        assert told(gateway) == [first, third]
        assert of_each("outcome")[1] == "offer is no longer open"

    def test_nor_is_one_that_is_closed_while_a_slow_provider_answers(self, driver):
        first, second, third = best_first(driver)

        def act():
            time.sleep(CHECK_HOLDS_S)
            decline(driver, second)

        gateway = Acting(act)

        assert send(gateway) == 0

        assert told(gateway) == [first]
        assert of_each("attempts") == [1, 0, 0]
        assert send(gateway) is None
        assert told(gateway) == [first, third]
        assert of_each("status") == ["accepted", "dropped", "accepted"]

    def test_one_that_is_closed_during_its_own_attempt_stays_closed(self, driver):
        first, *others = best_first(driver)

        assert send(Acting(lambda: decline(driver, first))) is None

        assert of_each("status") == ["accepted"] * 3
        assert offer_row(first).status == "declined"
        assert {offer_row(each).status for each in others} == {"sent"}

    def test_one_that_expires_during_a_quick_attempt_is_not_pushed(self, driver):
        with Session.begin() as session:
            session.execute(
                update(Push)
                .where(Push.id == owed()[1].id)
                .values(expires_at=func.clock_timestamp() + text("interval '0.6 s'"))
            )
        gateway = Acting(lambda: time.sleep(0.7))

        assert send(gateway) == 0

        assert len(gateway.sent) == 1
        assert send(gateway) is None
        assert of_each("outcome")[1] == "expired"
        assert of_each("status") == ["accepted", "dropped", "accepted"]


class TestRepeated:
    def test_a_worker_killed_during_an_attempt_counts_as_refused(self, driver):
        class Killed(FakeGateway):
            def send(self, *push):
                if self.sent:
                    raise KeyboardInterrupt
                return super().send(*push)

        with pytest.raises(KeyboardInterrupt):
            send(Killed())
        gateway = FakeGateway()

        left = send(gateway)

        assert QUOTA_WAIT_S - 10 < left <= QUOTA_WAIT_S
        assert told(gateway) == []
        assert of_each("attempts") == [1, 1, 1]
        let_waits_pass()
        assert send(gateway) is None
        assert told(gateway) == best_first(driver)
        assert of_each("attempts") == [2, 2, 2]

    def test_what_was_sent_before_a_bug_is_not_sent_again(self, driver):
        class Broken(FakeGateway):
            def send(self, *push):
                if self.sent:
                    raise RuntimeError("a bug")
                return super().send(*push)

        with pytest.raises(RuntimeError):
            send(Broken())

        assert of_each("status") == ["accepted", "queued", "queued"]
        gateway = FakeGateway()
        assert QUOTA_WAIT_S - 10 < send(gateway) <= QUOTA_WAIT_S
        assert told(gateway) == []

    def test_a_job_that_exists_twice_sends_each_once(self, committed):
        driver = searched(Scene(committed))
        gateway = FakeGateway()

        at_once(lambda: send(gateway), lambda: send(gateway))

        assert told(gateway) == best_first(driver)
        assert of_each("status") == ["accepted"] * 3

    def test_a_target_that_is_being_replaced_is_not_killed(self, committed):
        driver = searched(Scene(committed))
        with Session.begin() as session:
            envelopes = pushes.due(session, of_each("id")).envelopes
        anew = update(Device).values(target="ok-anew")
        mine = Device.member_id == driver.member_id
        gone = Attempt(Outcome.TARGET_GONE, "UNREGISTERED")

        waits = after(
            lambda session: session.execute(anew.where(mine)),
            lambda session: pushes.conclude(session, envelopes, [gone]),
        )

        assert waits == [0, 0, 0]
        assert [device.dead_at for device in rows_of(Device, mine)] == [None]

    def test_a_push_that_another_run_has_taken_is_not_given_back(self, driver):
        ids = of_each("id")
        with Session.begin() as session:
            envelopes = pushes.due(session, ids).envelopes
        let_waits_pass()
        with Session.begin() as session:
            assert len(pushes.due(session, ids).envelopes) == 3

        with Session.begin() as session:
            pushes.conclude(session, envelopes, [Attempt(Outcome.ACCEPTED, "name")])

        assert of_each("attempts")[1:] == [2, 2]
        gateway = FakeGateway()
        assert QUOTA_WAIT_S - 10 < send(gateway) <= QUOTA_WAIT_S
        assert told(gateway) == []
