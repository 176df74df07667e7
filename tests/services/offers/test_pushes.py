"""Pushes: every row of the outcome table, and what is never sent."""

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import func, update

from handlers.push import push_send
from jobs import RunLater
from models.kernel.events import Event
from models.offers.pushes import Push
from models.people.devices import Device
from notifications.gateway import (
    MISCONFIGURED_WAIT_S,
    QUOTA_WAIT_S,
    PayloadRefused,
    ProviderMisconfigured,
    TargetGone,
    TryLater,
    WrongProject,
)
from notifications.sender import Attempt, Outcome
from runtime.config import Settings
from runtime.db import Session
from services.offers import pushes
from tests.services.scene import (
    Scene,
    after,
    let_time_run_out,
    let_waits_pass,
    offer_row,
    pushes_to,
    queued,
    rows_of,
    waiting_push,
)
from tests.world import FakeGateway, supplies_of


@pytest.fixture
def scene(world):
    made = Scene(world)
    world.phone(made.carrier, f"desk-{made.carrier.member_id}")
    return made


@pytest.fixture
def offer(scene):
    """One open offer to a driver with one phone, its push still owed."""
    scene.load()
    driver = scene.driver()
    (offer_id,) = scene.offered(driver)
    return offer_id


def send(gateway, push_id=None):
    """Run the job of the only waiting push; return the wait that it asks for."""
    push_id = push_id or waiting_push().id
    supplies = supplies_of(Settings(), gateway, rng=Random(0))
    try:
        push_send(supplies, [str(push_id)])
    except RunLater as later:
        return later.wait_s
    return None


def push_row(push_id):
    (found,) = rows_of(Push, Push.id == push_id)
    return found


def device_of(push):
    (found,) = rows_of(Device, Device.id == push.device_id)
    return found


def failing(error):
    return FakeGateway(errors=[error])


class TestOutcomes:
    def test_accepted(self, offer):
        push = waiting_push()
        gateway = FakeGateway()

        assert send(gateway) is None

        done = push_row(push.id)
        assert (done.status, done.message_name) == (
            "accepted",
            "projects/x/messages/1",
        )
        assert device_of(push).last_ok_at is not None
        assert offer_row(offer).status == "sent"
        assert offer_row(offer).sent_at is not None

    @pytest.mark.parametrize("error", [TargetGone("UNREGISTERED"), WrongProject("403")])
    def test_a_dead_target_is_marked_and_kept_and_the_dispatcher_told(
        self, scene, offer, error
    ):
        push = waiting_push()

        assert send(failing(error)) is None

        device = device_of(push)
        assert device.dead_at is not None
        assert device.dead_reason in {"UNREGISTERED", "403"}
        assert push_row(push.id).status == "dead_device"
        assert offer_row(offer).status == "created"
        assert offer_row(offer).undeliverable_at is not None
        assert pushes_to(scene.carrier) == ["offer_undeliverable"]
        assert len(rows_of(Event, Event.kind == "offer.undeliverable")) == 1

    def test_payload_refused_is_our_bug_and_costs_the_phone_nothing(self, scene, offer):
        push = waiting_push()

        assert send(failing(PayloadRefused("BadRequest"))) is None

        assert push_row(push.id).status == "failed"
        assert "BadRequest" in push_row(push.id).outcome
        assert device_of(push).dead_at is None
        assert offer_row(offer).status == "created"
        assert offer_row(offer).undeliverable_at is None
        assert pushes_to(scene.carrier) == []

    @pytest.mark.parametrize(
        ("error", "wait_s"),
        [
            (ProviderMisconfigured("APNs key"), MISCONFIGURED_WAIT_S),
            (TryLater("429", is_quota=True), 60 * (1 + 0.3 * Random(0).random())),
            (
                TryLater("429", is_quota=True, retry_after_s=120),
                120 * (1 + 0.3 * Random(0).random()),
            ),
            (TryLater("503"), 10 * (1 + 0.3 * Random(0).random())),
        ],
        ids=["misconfigured", "quota", "retry-after", "unavailable"],
    )
    def test_later(self, offer, error, wait_s):
        push = waiting_push()

        assert send(failing(error)) == pytest.approx(wait_s)

        waiting = push_row(push.id)
        assert (waiting.status, waiting.attempts) == ("queued", 1)
        assert str(error) in waiting.outcome
        assert device_of(push).dead_at is None
        assert offer_row(offer).status == "created"

    def test_waits_double(self, offer):
        push = waiting_push()
        waits = []
        for _ in range(4):
            waits.append(send(failing(TryLater("503")), push.id))
            let_waits_pass()

        factor = 1 + 0.3 * Random(0).random()
        assert waits == pytest.approx([w * factor for w in (10, 20, 40, 80)])

    def test_a_later_attempt_that_succeeds_counts_them_all(self, offer):
        push = waiting_push()
        send(failing(TryLater("503")))
        let_waits_pass()

        assert send(FakeGateway()) is None

        assert push_row(push.id).attempts == 2
        assert offer_row(offer).status == "sent"


class TestNothingPointlessIsSent:
    @pytest.mark.parametrize("is_retry", [False, True], ids=["first", "retry"])
    def test_after_its_expiry(self, offer, is_retry):
        push = waiting_push()
        if is_retry:
            send(failing(TryLater("503")))
        with Session.begin() as session:
            session.execute(
                update(Push).values(expires_at=func.now() - timedelta(seconds=1))
            )
        gateway = FakeGateway()

        assert send(gateway, push.id) is None

        assert gateway.sent == []
        done = push_row(push.id)
        assert (done.status, done.outcome) == ("dropped", "expired")
        assert done.attempts == int(is_retry)

    @pytest.mark.parametrize("is_retry", [False, True], ids=["first", "retry"])
    def test_for_an_offer_that_is_no_longer_open(self, scene, is_retry):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        push = waiting_push()
        if is_retry:
            send(failing(TryLater("503")))
        driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})
        gateway = FakeGateway()

        assert send(gateway, push.id) is None

        assert gateway.sent == []
        assert push_row(push.id).status == "dropped"
        assert push_row(push.id).outcome == "offer is no longer open"

    def test_to_a_phone_that_signed_out_meanwhile(self, scene):
        scene.load()
        driver = scene.driver()
        scene.offered(driver)
        push = waiting_push()
        assert driver.delete(f"/v1/devices/{push.device_id}").status == 204
        gateway = FakeGateway()

        send(gateway, push.id)

        assert gateway.sent == []
        assert push_row(push.id).outcome == "device is dead"

    def test_twice(self, offer):
        push = waiting_push()
        gateway = FakeGateway()

        send(gateway, push.id)
        send(gateway, push.id)

        assert len(gateway.sent) == 1

    def test_the_message_says_how_long_it_is_of_use(self, offer):
        gateway = FakeGateway()

        send(gateway)

        ((_, message),) = gateway.sent
        assert 595 <= message.ttl_s <= 600
        assert message.data["offer_id"] == str(offer)


class TestWaiting:
    """The wait is kept with the push, so it also holds for a second or rescued job."""

    @pytest.mark.parametrize("wait_s", [30, 3600])
    def test_a_retry_after_is_kept_by_a_job_that_runs_too_early(self, offer, wait_s):
        push = waiting_push()
        asked = TryLater("429", is_quota=True, retry_after_s=wait_s)
        waits = send(failing(asked))
        gateway = FakeGateway()

        left = send(gateway, push.id)

        assert gateway.sent == []
        assert waits - 10 < left <= waits
        assert push_row(push.id).attempts == 1

    def test_an_attempt_with_an_unknown_end_counts_as_refused(self, offer):
        push = waiting_push()
        with Session.begin() as session:
            assert pushes.due(session, [push.id]).envelopes
        gateway = FakeGateway()

        left = send(gateway, push.id)

        assert gateway.sent == []
        assert QUOTA_WAIT_S - 10 < left <= QUOTA_WAIT_S

    def test_it_ends_by_the_databases_clock(self, offer):
        push = waiting_push()
        send(failing(TryLater("503")))
        with Session.begin() as session:
            session.execute(update(Push).values(next_attempt_at=func.now()))
        gateway = FakeGateway()

        assert send(gateway, push.id) is None

        assert len(gateway.sent) == 1
        assert push_row(push.id).next_attempt_at is None

    def test_what_became_pointless_is_not_waited_for(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        push = waiting_push()
        send(failing(TryLater("503")))
        driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})

        assert send(FakeGateway(), push.id) is None

        assert push_row(push.id).status == "dropped"


class TestSeveralPhones:
    def test_each_has_its_own_push_and_job(self, scene):
        scene.load()
        driver = scene.driver(phones=3)
        before = len(queued("push.send"))

        scene.offered(driver)

        assert pushes_to(driver) == ["offer"] * 3
        jobs = queued("push.send")[before:]
        owed = [[str(push.id)] for push in rows_of(Push)]
        assert sorted(job.args["push_ids"] for job in jobs) == sorted(owed)

    def test_one_dead_phone_of_two_leaves_the_offer_deliverable(self, scene, run_jobs):
        scene.load()
        driver = scene.driver(phones=2)
        (offer_id,) = scene.offered(driver)

        run_jobs(failing(TargetGone("UNREGISTERED")), only="push.send")

        assert offer_row(offer_id).undeliverable_at is None
        assert offer_row(offer_id).status == "sent"
        assert pushes_to(scene.carrier) == []

    def test_two_dead_phones_tell_the_dispatcher_once(self, scene, run_jobs):
        scene.load()
        driver = scene.driver(phones=2)
        (offer_id,) = scene.offered(driver)
        gone = FakeGateway(errors=[TargetGone("1"), TargetGone("2")])

        run_jobs(gone, only="push.send")

        assert offer_row(offer_id).undeliverable_at is not None
        assert pushes_to(scene.carrier) == ["offer_undeliverable"]
        assert len(rows_of(Device, Device.dead_at.is_not(None))) == 2

    def test_a_driver_without_a_phone_is_undeliverable_at_once(self, scene):
        scene.load()
        driver = scene.driver(phones=0)

        (offer_id,) = scene.offered(driver)

        assert offer_row(offer_id).undeliverable_at is not None
        assert pushes_to(scene.carrier) == ["offer_undeliverable"]

    def test_two_that_die_at_the_same_moment_are_both_seen(self, committed):
        scene = Scene(committed)
        committed.phone(scene.carrier, "desk")
        scene.load()
        driver = scene.driver(phones=2)
        (offer_id,) = scene.offered(driver)
        one, other = rows_of(Push, Push.kind == "offer")

        def die(push):
            with Session.begin() as session:
                envelopes = pushes.due(session, [push.id]).envelopes
            gone = Attempt(Outcome.TARGET_GONE, "UNREGISTERED")
            return lambda session: pushes.conclude(session, envelopes, [gone])

        after(die(one), die(other))

        assert offer_row(offer_id).undeliverable_at is not None
        assert pushes_to(scene.carrier) == ["offer_undeliverable"]


class TestAPhoneThatRegistersAnewWhileWeSend:
    def test_its_new_target_is_not_killed_by_the_old_ones_answer(self, scene):
        scene.load()
        driver = scene.driver()
        scene.offered(driver)
        push = waiting_push()

        class Slow(FakeGateway):
            def send(self, target_kind, target, message):
                answer = driver.put(
                    f"/v1/devices/{push.device_id}",
                    {
                        "platform": "android",
                        "target_kind": "fid",
                        "target": "ok-anew",
                        "app_version": "1.1",
                        "locale": "en",
                    },
                )
                assert answer.status == 200
                raise TargetGone("UNREGISTERED")

        assert send(Slow(), push.id) == 0

        assert device_of(push).dead_at is None
        gateway = FakeGateway()
        assert send(gateway, push.id) is None
        assert [target for target, _ in gateway.sent] == ["ok-anew"]


def test_an_offer_that_ran_out_drops_its_push_by_the_databases_clock(scene):
    scene.load()
    driver = scene.driver()
    (offer_id,) = scene.offered(driver)
    let_time_run_out(offer_id)
    with Session.begin() as session:
        session.execute(update(Push).values(expires_at=offer_row(offer_id).expires_at))
    gateway = FakeGateway()

    send(gateway)

    assert gateway.sent == []
