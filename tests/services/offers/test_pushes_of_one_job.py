"""One job sends all that a search owes to a phone; each push is still on its own."""

from uuid import UUID

import pytest
from sqlalchemy import Engine, event, update
from uuid_utils.compat import uuid7

from handlers.push import push_send
from models.kernel.events import Event
from models.offers.pushes import Push
from models.people.devices import Device
from notifications import outbox
from notifications.gateway import QUOTA_WAIT_S, PayloadRefused, TargetGone, TryLater
from notifications.messages import MessageKind
from runtime.config import Settings
from runtime.db import Session
from runtime.telemetry import PUSHES
from tests.services.offers.of_one_job import (
    best_first,
    of_each,
    owed,
    searched,
    send,
    told,
)
from tests.services.scene import (
    Scene,
    let_waits_pass,
    offer_row,
    pushes_to,
    queued,
    rows_of,
)
from tests.world import FakeGateway, supplies_of


@pytest.fixture
def scene(world):
    made = Scene(world)
    world.phone(made.carrier, f"desk-{made.carrier.member_id}")
    return made


@pytest.fixture
def driver(scene):
    """A driver whose search has just made three offers."""
    return searched(scene)


def asked_by(act):
    """Return the statements that this act asks the database for."""
    asked = []

    def note(connection, cursor, statement, *_):
        if "savepoint" not in statement.lower():
            asked.append(statement.split(" FROM ")[0][:60])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return asked


class TestOneJob:
    def test_three_offers_of_a_search_are_one_job_and_three_messages_in_order(
        self, driver, run_jobs
    ):
        offer_ids = best_first(driver)
        (job,) = queued("push.send")
        gateway = FakeGateway()

        assert run_jobs(gateway, only="push.send") == ["push.send"]

        assert job.args["push_ids"] == [str(each) for each in of_each("id")]
        assert told(gateway) == offer_ids
        assert of_each("status") == ["accepted"] * 3
        assert of_each("attempts") == [1] * 3
        assert of_each("message_name") == [
            f"projects/x/messages/{number}" for number in (1, 2, 3)
        ]
        sent = [offer_row(offer_id) for offer_id in offer_ids]
        assert {offer.status for offer in sent} == {"sent"}
        assert all(offer.sent_at is not None for offer in sent)

    def test_the_jobs_order_counts_and_not_the_ids(self, driver):
        offer_ids = best_first(driver)
        gateway = FakeGateway()

        send(gateway, reversed(of_each("id")))

        assert told(gateway) == offer_ids[::-1]

    def test_each_phone_has_a_job_of_its_own(self, scene):
        driver = searched(scene, phones=2)
        of_phone = {}
        for push in owed():
            of_phone.setdefault(push.device_id, []).append(push)

        jobs = [job.args["push_ids"] for job in queued("push.send")]

        assert len(of_phone) == 2
        assert sorted(jobs) == sorted(
            [str(push.id) for push in mine] for mine in of_phone.values()
        )
        for mine in of_phone.values():
            assert [push.subject_id for push in mine] == best_first(driver)

    def test_an_offer_is_sent_once_however_many_phones_hear_of_it(
        self, scene, run_jobs
    ):
        driver = searched(scene, phones=2)
        gateway = FakeGateway()

        run_jobs(gateway, only="push.send")

        assert len(gateway.sent) == 6
        sent = [row.subject_id for row in rows_of(Event, Event.kind == "offer.send")]
        assert sorted(sent) == sorted(best_first(driver))

    def test_each_push_is_counted(self, driver):
        counted = PUSHES.labels("accepted")._value.get()

        send(FakeGateway())

        assert PUSHES.labels("accepted")._value.get() == counted + 3

    def test_three_pushes_need_as_many_statements_as_one(self, scene, driver):
        alone = scene.driver()
        scene.search(alone)
        *three, one, _, _ = owed()
        assert {push.device_id for push in three} != {one.device_id}

        of_one = asked_by(lambda: send(FakeGateway(), [one.id]))
        of_three = asked_by(lambda: send(FakeGateway(), [push.id for push in three]))

        assert of_three == of_one
        assert len(of_one) == 11

    def test_a_job_that_the_release_before_wrote_is_done(self, driver):
        gateway = FakeGateway()

        push_send(supplies_of(Settings(), gateway), push_id=str(owed()[0].id))

        assert told(gateway) == best_first(driver)[:1]
        assert of_each("status") == ["accepted", "queued", "queued"]


class TestAfterARefusal:
    def test_a_phone_that_is_dead_by_the_first_answer_gets_no_second_message(
        self, scene, driver
    ):
        offer_ids = best_first(driver)
        gateway = FakeGateway(errors=[TargetGone("UNREGISTERED")])

        assert send(gateway) is None

        assert told(gateway) == []
        assert of_each("status") == ["dead_device", "dropped", "dropped"]
        assert of_each("attempts") == [1, 0, 0]
        assert [push.outcome for push in owed()[1:]] == ["device is dead"] * 2
        assert all(offer_row(each).undeliverable_at for each in offer_ids)
        assert pushes_to(scene.carrier) == ["offer_undeliverable"] * 3

    def test_one_push_waits_while_its_siblings_are_done_and_is_sent_alone_later(
        self, driver, run_jobs
    ):
        first, *others = best_first(driver)
        gateway = FakeGateway(errors=[TryLater("503")])

        run_jobs(gateway, only="push.send")

        assert told(gateway) == others
        assert of_each("status") == ["queued", "accepted", "accepted"]
        assert of_each("attempts") == [1, 1, 1]
        assert offer_row(first).status == "created"
        (waiting,) = queued("push.send")
        early = owed()[0].next_attempt_at - waiting.scheduled_at
        assert abs(early.total_seconds()) < 1

        let_waits_pass()
        run_jobs(gateway, only="push.send")

        assert told(gateway) == [*others, first]
        assert queued("push.send") == []

    def test_a_refused_attempt_ends_the_run_and_the_next_begins_at_once(self, driver):
        first, second, _ = best_first(driver)
        gateway = FakeGateway()
        gateway.errors = [TryLater("429", is_quota=True)]

        assert send(gateway) == 0

        assert told(gateway) == []
        assert of_each("attempts") == [1, 0, 0]
        gateway.errors = [PayloadRefused("BadRequest")]
        assert send(gateway) == 0
        assert of_each("status") == ["queued", "failed", "queued"]
        assert of_each("attempts") == [1, 1, 0]

        assert 50 < send(gateway) <= QUOTA_WAIT_S * 1.3

        assert of_each("status") == ["queued", "failed", "accepted"]
        assert [offer_row(each).status for each in (first, second)] == ["created"] * 2

    def test_a_new_target_is_tried_at_once_by_all(self, driver):
        (device_id,) = {push.device_id for push in owed()}

        class Replaced(FakeGateway):
            def send(self, *_):
                with Session.begin() as session:
                    session.execute(
                        update(Device)
                        .where(Device.id == device_id)
                        .values(target="ok-anew")
                    )
                raise TargetGone("UNREGISTERED")

        assert send(Replaced()) == 0

        gateway = FakeGateway()
        assert send(gateway) is None
        assert {target for target, _ in gateway.sent} == {"ok-anew"}
        assert told(gateway) == best_first(driver)
        assert of_each("attempts") == [2, 1, 1]


def test_many_messages_are_several_jobs(scene):
    driver = scene.driver()
    news = [
        (MessageKind.LOAD_UNASSIGNED, UUID(driver.driver_id), uuid7())
        for _ in range(2 * outbox.MOST_IN_A_JOB + 1)
    ]

    with Session.begin() as session:
        assert outbox.put_each(session, news) == len(news)

    jobs = [job.args["push_ids"] for job in queued("push.send")]
    most = outbox.MOST_IN_A_JOB
    assert [len(push_ids) for push_ids in jobs] == [most, most, 1]
    in_order = sorted(rows_of(Push), key=lambda push: push.id)
    assert [UUID(each) for job in jobs for each in job] == [p.id for p in in_order]
