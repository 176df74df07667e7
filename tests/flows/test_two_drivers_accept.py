"""Staged races between acceptances and other acts: exactly one driver wins."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from freight.lifecycles import OPEN_OFFERS, OfferAct
from models.offers.offers import Offer
from runtime.db import Session
from services.booking.answer import (
    OfferExpired,
    OfferTaken,
    OfferWithdrawn,
)
from services.booking.objections import Objected
from services.kernel.events import Cause
from services.kernel.moves import LoadMoveRefused, OfferMoveRefused
from services.offers import ending
from tests.flows.acts import accepting, cancelling, declining, editing, expiring
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    active,
    after,
    beside,
    let_time_run_out,
    offer_row,
    rows_of,
)
from tests.waiting import LONGEST_S
from tests.world import utcnow


@pytest.fixture
def scene(committed):
    return Scene(committed)


class TestTwoDriversAndOneLoad:
    def test_the_second_waits_and_is_told_the_load_is_taken(self, scene):
        load_id = scene.load()
        one, other = scene.drivers(2)
        mine, theirs = scene.offered(one, other)

        with pytest.raises(OfferTaken):
            after(accepting(one, mine), accepting(other, theirs))

        (winner,) = active(load_id=load_id)
        assert winner.driver_id == UUID(one.driver_id)
        assert offer_row(theirs).status == "lost"

    def test_the_second_wins_if_the_first_gives_up(self, scene):
        load_id = scene.load()
        one, other = scene.drivers(2)
        mine, theirs = scene.offered(one, other)

        def give_up(session):
            accepting(one, mine)(session)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            staging.in_transaction(give_up)
        staging.in_transaction(accepting(other, theirs))

        (winner,) = active(load_id=load_id)
        assert winner.driver_id == UUID(other.driver_id)

    def test_two_drivers_who_accept_each_others_second_choice_both_win(self, scene):
        scene.loads(2)
        one, other = scene.drivers(2)
        scene.search(one)
        scene.search(other)
        mine, _ = staging.open_offers(one)
        _, theirs = staging.open_offers(other)

        after(accepting(one, mine.id), accepting(other, theirs.id))

        assert len(active()) == 2
        assert rows_of(Offer, Offer.status.in_(OPEN_OFFERS)) == []

    def test_a_drivers_other_offers_are_not_waited_for(self, scene):
        """Each transaction has locked one load and its offers, and then ends its own
        driver's other offer, which the other has locked: waiting would deadlock."""
        best, second = scene.loads(2)
        one, other = scene.drivers(2)
        scene.search(one)
        scene.search(other)
        cause = Cause(utcnow())

        with Session.begin() as mine, Session.begin() as theirs:
            for session in (mine, theirs):
                session.execute(text("set local lock_timeout = '2s'"))
            ending.end_for_load(mine, best, OfferAct.LOSE, cause)
            ending.end_for_load(theirs, second, OfferAct.LOSE, cause)
            for session, driver in ((mine, one), (theirs, other)):
                left = ending.end_for_driver(
                    session, UUID(driver.driver_id), OfferAct.SUPERSEDE, cause
                )
                assert left == []

    def test_a_driver_with_two_phones_wins_one_load(self, scene):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        one, other = staging.open_offers(driver)

        with pytest.raises((Objected, OfferWithdrawn)):
            after(accepting(driver, one.id), accepting(driver, other.id))

        assert [a.offer_id for a in active()] == [one.id]

    def test_the_same_acceptance_twice_at_once_gets_the_same_answer(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        again = after(accepting(driver, offer_id), accepting(driver, offer_id))

        assert [again.id] == [a.id for a in active()]


class TestBesideTheShipper:
    def test_accept_then_cancel_tells_the_driver(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        after(accepting(driver, offer_id), cancelling(scene.shipper, load_id))

        assert active() == []
        assert driver.get("/v1/me")["driver"]["availability"] == "available"
        assert "load_unassigned" in staging.pushes_to(driver)

    def test_cancel_then_accept(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        with pytest.raises(OfferWithdrawn):
            after(cancelling(scene.shipper, load_id), accepting(driver, offer_id))

        assert active() == []

    def test_accept_then_edit(self, scene):
        load_id = scene.load(price_cents=250_000)
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        with pytest.raises(LoadMoveRefused):
            after(accepting(driver, offer_id), editing(scene, load_id))

        won = driver.get("/v1/me")["assignments"][0]
        assert won["load"]["price_cents"] == 250_000

    def test_edit_then_accept(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        with pytest.raises(OfferWithdrawn):
            after(editing(scene, load_id), accepting(driver, offer_id))

        assert active() == []


class TestBesideTheClock:
    def test_a_late_acceptance_is_refused_without_waiting(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        let_time_run_out(offer_id)

        with pytest.raises(OfferExpired):
            beside(expiring, accepting(driver, offer_id))

    def test_the_expiry_job_then_an_acceptance_that_began_in_time(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        has_begun, is_over = Event(), Event()

        def accept_slowly(session):
            session.scalar(select(func.now()))
            has_begun.set()
            is_over.wait(LONGEST_S)
            return accepting(driver, offer_id)(session)

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(staging.in_transaction, accept_slowly)
            has_begun.wait(LONGEST_S)
            let_time_run_out(offer_id, by="0 seconds")
            with Session.begin() as session:
                assert expiring(session) == 1
                session.flush()
                is_over.set()
                staging.see_it_wait(answer)
            with pytest.raises(OfferExpired):
                answer.result(timeout=LONGEST_S)

        assert offer_row(offer_id).status == "expired"

    def test_the_expiry_job_leaves_an_offer_that_is_being_answered(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        def accept_and_run_late(session):
            accepting(driver, offer_id)(session)

        assert beside(accept_and_run_late, expiring) == 0

        assert offer_row(offer_id).status == "accepted"

    def test_a_decline_and_an_acceptance_from_two_phones(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        with pytest.raises(OfferMoveRefused):
            after(declining(driver, offer_id), accepting(driver, offer_id))

        assert active() == []
