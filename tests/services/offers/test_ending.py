"""Offers: seen, declined, expired."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.kernel.events import Event
from models.offers.offers import Offer
from runtime.db import Session
from services.booking import answer
from tests.services.scene import (
    Scene,
    actor_of,
    decline,
    expire,
    let_time_run_out,
    offer_row,
    open_offers,
    rows_of,
)
from tests.world import CLEVELAND, FakeGateway, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


class TestDecline:
    def test_declining_never_lowers_a_rank(self, scene):
        scene.loads(3)
        drop = scene.drop
        picky, twin = scene.drivers(2)
        for _ in range(3):
            scene.search(picky, stop_id=drop())
            for offer in open_offers(picky):
                decline(picky, offer.id)

        mine, theirs = scene.search(picky), scene.search(twin)

        def without_times(ranked):
            return [
                (entry["candidate"]["load_id"], entry["score_cents"], entry["terms"])
                for entry in ranked
            ]

        assert without_times(mine.ranked) == without_times(theirs.ranked)
        assert [(o.load_id, o.rank, o.score_cents) for o in open_offers(picky)] == [
            (o.load_id, o.rank, o.score_cents) for o in open_offers(twin)
        ]

    def test_it_keeps_the_reason_and_may_be_repeated(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        first = decline(driver, offer_id, "hours")
        again = decline(driver, offer_id, "price")

        assert first.body == again.body
        assert again["decline_reason"] == "hours"
        declines = rows_of(Event, Event.kind == "offer.decline")
        assert [event.reason for event in declines] == ["hours"]

    def test_what_was_accepted_cannot_be_declined(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        assert driver.put(f"/v1/offers/{offer_id}/acceptance").status == 200

        refused = driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})

        assert (refused.status, refused.code) == (409, "offer-status")


class TestSeen:
    def test_seeing_is_kept_once(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        first = driver.put(f"/v1/offers/{offer_id}/seen")
        again = driver.put(f"/v1/offers/{offer_id}/seen")

        assert first["status"] == "seen"
        assert again.body == first.body
        assert len(rows_of(Event, Event.kind == "offer.see")) == 1

    def test_a_push_that_arrives_later_leaves_it_seen(self, scene, run_jobs):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        driver.put(f"/v1/offers/{offer_id}/seen")

        run_jobs(FakeGateway(), only="push.send")

        offer = offer_row(offer_id)
        assert offer.status == "seen"
        assert offer.sent_at is not None

    def test_an_ended_offer_is_returned_as_it_is(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        decline(driver, offer_id)

        assert driver.put(f"/v1/offers/{offer_id}/seen")["status"] == "declined"


class TestExpire:
    def test_the_databases_clock_ends_an_offer(self, scene):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        late, fresh = open_offers(driver)
        let_time_run_out(late.id)

        assert expire() == 1
        assert expire() == 0

        assert offer_row(late.id).status == "expired"
        assert offer_row(late.id).ended_at is not None
        assert offer_row(fresh.id).status == "created"

    @pytest.mark.parametrize("hours", [-26, 26])
    def test_no_other_clock_counts(self, scene, hours):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        late, fresh = open_offers(driver)
        let_time_run_out(late.id)
        wrong = utcnow() + timedelta(hours=hours)
        actor = actor_of(driver)

        def accept(offer_id):
            with Session.begin() as session:
                return answer.accept(session, actor, offer_id, now=wrong)

        with pytest.raises(answer.OfferExpired):
            accept(late.id)
        assert accept(fresh.id).offer_id == fresh.id

    def test_an_open_offer_of_a_busy_driver_is_superseded(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        scene.assigned(driver, scene.load(pickup=CLEVELAND))
        with Session.begin() as session:
            # As if the offer had been locked, and so skipped, when the plan was made.
            session.execute(
                update(Offer)
                .where(Offer.id == offer_id)
                .values(status="sent", ended_at=None)
            )

        assert expire() == 1

        assert offer_row(offer_id).status == "superseded"


@pytest.mark.parametrize(
    ("edit", "is_ended"),
    [({}, False), ({"commodity": "tiles"}, False), ({"commodity": "bricks"}, True)],
)
def test_an_edit_that_changes_nothing_ends_no_offer(
    scene: Scene, edit: dict[str, Any], is_ended: bool
) -> None:
    load_id = scene.load(commodity="tiles")
    (offer_id,) = scene.offered(scene.driver())
    path = f"/v1/loads/{load_id}"
    before = scene.shipper.get(path).body

    after = scene.shipper.patch(path, edit)

    assert after.status == 200
    assert (offer_row(offer_id).status == "superseded") is is_ended
    assert (after.body == before) is not is_ended
