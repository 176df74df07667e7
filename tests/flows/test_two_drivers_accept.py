"""Exactly one driver wins, whoever acts beside him: each race is staged."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from uuid_utils.compat import uuid7

from config import Strategy
from db import Session
from freight.lifecycles import OfferAct
from models.assignments import Assignment, OverrideKind, OverrideReason
from models.loads import Load
from models.offers import DeclineReason, Offer
from models.stops import Stop
from services import backhaul, loads, offers, open_offers, overrides
from services.assignments import LoadTaken
from services.drivers import DriverBusy
from services.events import Cause
from services.moves import LoadMoveRefused, OfferMoveRefused
from services.offers import (
    DriverHasBackhaul,
    OfferExpired,
    OfferTaken,
    OfferWithdrawn,
)
from services.overrides import Decision
from services.versions import Precondition
from tests.services import stage as staging
from tests.services.stage import (
    HALF_AN_HOUR,
    Stage,
    active,
    actor_of,
    after,
    at_once,
    beside,
    let_time_run_out,
    offer_row,
    rows_of,
)
from tests.world import CLEVELAND, utcnow


@pytest.fixture
def stage(committed):
    return Stage(committed)


def accepting(driver, offer_id):
    actor = actor_of(driver)
    return lambda session: offers.accept(
        session, actor, offer_id, now=utcnow(), position_max_age=HALF_AN_HOUR
    )


def declining(driver, offer_id):
    return partial(
        offers.decline,
        actor=actor_of(driver),
        offer_id=offer_id,
        reason=DeclineReason.PRICE,
        note=None,
        now=utcnow(),
    )


def overriding(dispatcher, kind, assignment_id=None, **ids):
    return partial(
        overrides.override,
        actor=actor_of(dispatcher),
        decision=Decision(kind=kind, reason=OverrideReason.SAFETY, **ids),
        assignment_id=assignment_id,
        now=utcnow(),
    )


def cancelling(shipper, load_id):
    return partial(
        loads.cancel,
        actor=actor_of(shipper),
        load_id=load_id,
        reason="sold",
        now=utcnow(),
    )


def editing(stage, load_id):
    seen = stage.shipper.get(f"/v1/loads/{load_id}").headers["ETag"].strip('"')
    return partial(
        loads.edit_load,
        actor=actor_of(stage.shipper),
        market=stage.world.app.extensions["market"],
        load_id=load_id,
        precondition=Precondition(frozenset({seen})),
        fields={"price_cents": 1},
        stops=None,
        now=utcnow(),
    )


def expiring(session):
    return offers.expire(session, Cause(utcnow()))


def free_driver(stage):
    return UUID(stage.driver().driver_id)


class TestTwoDriversAndOneLoad:
    def test_the_second_waits_and_is_told_the_load_is_taken(self, stage):
        load_id = stage.load()
        one, other = stage.drivers(2)
        mine, theirs = stage.offered(one, other)

        with pytest.raises(OfferTaken):
            after(accepting(one, mine), accepting(other, theirs))

        (winner,) = active(load_id=load_id)
        assert winner.driver_id == UUID(one.driver_id)
        assert offer_row(theirs).status == "lost"

    def test_the_second_wins_if_the_first_gives_up(self, stage):
        load_id = stage.load()
        one, other = stage.drivers(2)
        mine, theirs = stage.offered(one, other)

        def give_up(session):
            accepting(one, mine)(session)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            staging.in_transaction(give_up)
        staging.in_transaction(accepting(other, theirs))

        (winner,) = active(load_id=load_id)
        assert winner.driver_id == UUID(other.driver_id)

    def test_two_who_accept_each_others_second_choice_both_win(self, stage):
        stage.loads(2)
        one, other = stage.drivers(2)
        stage.search(one)
        stage.search(other)
        mine, _ = staging.open_offers(one)
        _, theirs = staging.open_offers(other)

        after(accepting(one, mine.id), accepting(other, theirs.id))

        assert len(active()) == 2
        assert rows_of(Offer, Offer.status.in_(["created", "sent", "seen"])) == []

    def test_a_drivers_other_offers_are_not_waited_for(self, stage):
        """Each holds his load and its offers, and then ends his own other offer, which
        the other one holds: to wait would be for ever."""
        best, second = stage.loads(2)
        one, other = stage.drivers(2)
        stage.search(one)
        stage.search(other)
        cause = Cause(utcnow())

        with Session.begin() as mine, Session.begin() as theirs:
            for session in (mine, theirs):
                session.execute(text("set local lock_timeout = '2s'"))
            open_offers.end_for_load(mine, best, OfferAct.LOSE, cause)
            open_offers.end_for_load(theirs, second, OfferAct.LOSE, cause)
            for session, driver in ((mine, one), (theirs, other)):
                left = open_offers.end_for_driver(
                    session, UUID(driver.driver_id), OfferAct.SUPERSEDE, cause
                )
                assert left == []

    def test_a_driver_with_two_phones_wins_one_load(self, stage):
        stage.loads(2)
        driver = stage.driver()
        stage.search(driver)
        one, other = staging.open_offers(driver)

        with pytest.raises((DriverHasBackhaul, OfferWithdrawn)):
            after(accepting(driver, one.id), accepting(driver, other.id))

        assert [a.offer_id for a in active()] == [one.id]

    def test_the_same_yes_twice_at_once_gets_the_same_answer(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        again = after(accepting(driver, offer_id), accepting(driver, offer_id))

        assert [again.id] == [a.id for a in active()]


class TestBesideTheDispatcher:
    def test_accept_then_withdraw_offer(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        withdraw = overriding(
            stage.carrier, OverrideKind.WITHDRAW_OFFER, offer_id=offer_id
        )

        with pytest.raises(OfferMoveRefused):
            after(accepting(driver, offer_id), withdraw)

        assert len(active()) == 1

    def test_withdraw_offer_then_accept(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        withdraw = overriding(
            stage.carrier, OverrideKind.WITHDRAW_OFFER, offer_id=offer_id
        )

        with pytest.raises(OfferWithdrawn):
            after(withdraw, accepting(driver, offer_id))

        assert active() == []

    def test_accept_then_force_assign(self, stage):
        load_id = stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        force = overriding(
            stage.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=load_id,
            driver_id=free_driver(stage),
        )

        with pytest.raises(LoadTaken):
            after(accepting(driver, offer_id), force)

        (winner,) = active()
        assert winner.driver_id == UUID(driver.driver_id)

    def test_force_assign_then_accept(self, stage):
        load_id = stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        other_id = free_driver(stage)
        force = overriding(
            stage.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=load_id,
            driver_id=other_id,
        )

        with pytest.raises(OfferTaken):
            after(force, accepting(driver, offer_id))

        (winner,) = active()
        assert winner.driver_id == other_id

    def test_accept_then_a_plan_of_another_load_for_the_driver(self, stage):
        """Whoever comes second to the driver sees both; the plan is the one that may
        come on top, as when a dispatcher plans ahead."""
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        ahead = overriding(
            stage.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=stage.load(pickup=CLEVELAND),
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises(DriverBusy):
            after(accepting(driver, offer_id), ahead)

        assert [a.offer_id for a in active()] == [offer_id]

    def test_a_load_forced_on_the_driver_then_accept(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        forced = stage.load(pickup=CLEVELAND)
        force = overriding(
            stage.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=forced,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises((DriverHasBackhaul, OfferWithdrawn)):
            after(force, accepting(driver, offer_id))

        assert [a.load_id for a in active()] == [forced]

    def test_a_reassignment_to_the_driver_then_accept(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        planned = stage.assigned(stage.driver(), stage.load(pickup=CLEVELAND))
        reassign = overriding(
            stage.carrier,
            OverrideKind.REASSIGN,
            planned,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises((DriverHasBackhaul, OfferWithdrawn)):
            after(reassign, accepting(driver, offer_id))

        (only,) = active()
        assert (only.kind, only.driver_id) == ("planned", UUID(driver.driver_id))

    def test_accept_then_a_reassignment_to_the_driver(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        planned = stage.assigned(stage.driver(), stage.load(pickup=CLEVELAND))
        reassign = overriding(
            stage.carrier,
            OverrideKind.REASSIGN,
            planned,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises(DriverBusy):
            after(accepting(driver, offer_id), reassign)

        assert {a.driver_id for a in active()} > {UUID(driver.driver_id)}
        assert len(active()) == 2

    def test_two_dispatchers_who_swap_two_drivers_wait_their_turn(self, stage):
        one, other = stage.drivers(2)
        mine = stage.assigned(one, stage.load())
        theirs = stage.assigned(other, stage.load(pickup=CLEVELAND))

        def swap(assignment_id, driver):
            act = overriding(
                stage.carrier,
                OverrideKind.REASSIGN,
                assignment_id,
                driver_id=UUID(driver.driver_id),
            )
            return partial(staging.in_transaction, act)

        answers = at_once(swap(mine, other), swap(theirs, one))

        assert [type(answer) for answer in answers] == [DriverBusy, DriverBusy]
        assert {a.id for a in active()} == {mine, theirs}


class TestBesideTheShipper:
    def test_accept_then_cancel_tells_the_driver(self, stage):
        load_id = stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        after(accepting(driver, offer_id), cancelling(stage.shipper, load_id))

        assert active() == []
        assert driver.get("/v1/me")["driver"]["availability"] == "available"
        assert "load_unassigned" in staging.pushes_to(driver)

    def test_cancel_then_accept(self, stage):
        load_id = stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        with pytest.raises(OfferWithdrawn):
            after(cancelling(stage.shipper, load_id), accepting(driver, offer_id))

        assert active() == []

    def test_accept_then_edit(self, stage):
        load_id = stage.load(price_cents=250_000)
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        with pytest.raises(LoadMoveRefused):
            after(accepting(driver, offer_id), editing(stage, load_id))

        won = driver.get("/v1/me")["assignments"][0]
        assert won["load"]["price_cents"] == 250_000

    def test_edit_then_accept(self, stage):
        load_id = stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        with pytest.raises(OfferWithdrawn):
            after(editing(stage, load_id), accepting(driver, offer_id))

        assert active() == []


class TestBesideTheClock:
    def test_a_late_yes_needs_no_lock_to_be_late(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        let_time_run_out(offer_id)

        with pytest.raises(OfferExpired):
            beside(expiring, accepting(driver, offer_id))

    def test_the_expiry_job_then_a_yes_that_began_in_time(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        has_begun, is_over = Event(), Event()

        def accept_slowly(session):
            session.scalar(select(func.now()))
            has_begun.set()
            is_over.wait(20)
            return accepting(driver, offer_id)(session)

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(staging.in_transaction, accept_slowly)
            has_begun.wait(20)
            let_time_run_out(offer_id, by="0 seconds")
            with Session.begin() as session:
                assert expiring(session) == 1
                session.flush()
                is_over.set()
                staging.see_it_wait(answer)
            with pytest.raises(OfferExpired):
                answer.result(timeout=30)

        assert offer_row(offer_id).status == "expired"

    def test_the_expiry_job_leaves_an_offer_that_is_being_answered(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        def accept_and_run_late(session):
            accepting(driver, offer_id)(session)

        assert beside(accept_and_run_late, expiring) == 0

        assert offer_row(offer_id).status == "accepted"

    def test_a_no_and_a_yes_from_two_phones(self, stage):
        stage.load()
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)

        with pytest.raises(OfferMoveRefused):
            after(declining(driver, offer_id), accepting(driver, offer_id))

        assert active() == []


class TestASearchBesideAnAccept:
    def test_a_new_search_of_one_driver_and_the_yes_of_another(self, stage):
        """Both want the load and the first driver's old offer of it: the search takes
        the load before the offer, as the accept does."""
        stage.load()
        one, other = stage.drivers(2)
        _, theirs = stage.offered(one, other)
        stop_id = stage.drop()

        answers = at_once(
            lambda: stage.search(one, stop_id=stop_id),
            partial(staging.in_transaction, accepting(other, theirs)),
        )

        assert [a for a in answers if isinstance(a, Exception)] == []
        (winner,) = active()
        assert winner.driver_id == UUID(other.driver_id)

    def test_a_search_waits_for_the_load_before_it_touches_an_offer(self, stage):
        load_id = stage.load()
        one, other = stage.drivers(2)
        mine, _ = stage.offered(one, other)
        stop_id = stage.drop()

        def hold_the_load(session):
            session.get_one(Load, load_id, with_for_update=True)

        def search(session):
            backhaul.search_home(
                session,
                stage.rules,
                stop_id=stop_id,
                driver_id=UUID(one.driver_id),
                now=utcnow(),
            )

        with staging.waiting(hold_the_load, search) as (session, answer):
            # What an accept of the load does next: it ends the others' offers.
            open_offers.end_for_load(session, load_id, OfferAct.LOSE, Cause(utcnow()))
        answer.result(timeout=30)

        assert offer_row(mine).status == "lost"


COPY_SEARCH = text(
    "insert into backhaul_searches (id, org_id, driver_id, stop_id, trigger, outcome,"
    " searched_at, situation, parameters, area, map, counts, ranked, timings)"
    " select :search_id, org_id, :driver_id, :stop_id, trigger, outcome, searched_at,"
    " situation, parameters, area, map, counts, ranked, timings"
    " from backhaul_searches where id = :like"
)
COPY_OFFERS = text(
    "insert into offers (id, org_id, search_id, load_org_id, load_id, driver_id,"
    " strategy, status, rank, score_cents, currency, terms, figures, snapshot,"
    " expires_at)"
    " select gen_random_uuid(), org_id, :search_id, load_org_id, load_id, :driver_id,"
    " strategy, status, rank, score_cents, currency, terms, figures, snapshot,"
    " expires_at"
    " from offers where search_id = :like"
)


def offer_everything_to_everybody(stage, drivers):
    """Return (driver, offer id) for each driver and load."""
    first, *others = drivers
    like = stage.search(first)
    stops = rows_of(Stop, Stop.id != like.stop_id)
    with Session.begin() as session:
        for driver, stop in zip(others, stops, strict=False):
            ids = {
                "search_id": uuid7(),
                "driver_id": UUID(driver.driver_id),
                "stop_id": stop.id,
                "like": like.id,
            }
            session.execute(COPY_SEARCH, ids)
            session.execute(COPY_OFFERS, ids)
    return [(d, offer.id) for d in drivers for offer in staging.open_offers(d)]


def test_a_crowd_at_the_door_of_ten_loads(committed):
    rules = {"OFFERS_PER_DRIVER": 10, "OFFERS_PER_LOAD": 20}
    stage = Stage(committed, {**rules, "OFFER_STRATEGY": Strategy.BROADCAST})
    load_ids = stage.loads(10)
    tries = offer_everything_to_everybody(stage, stage.drivers(20, phones=0))
    assert len(tries) == 200

    def accept_all(part):
        def run():
            outcomes = []
            for driver, offer_id in part:
                try:
                    staging.in_transaction(accepting(driver, offer_id))
                    outcomes.append("won")
                except (OfferTaken, OfferWithdrawn, DriverHasBackhaul) as error:
                    outcomes.append(error.code)
            return outcomes

        return run

    # Load by load, each thread with other drivers: they meet at every load.
    tries.sort(key=lambda it: offer_row(it[1]).load_id)
    answers = at_once(*(accept_all(tries[n::8]) for n in range(8)))

    outcomes = [word for answer in answers for word in answer]
    assert len(outcomes) == 200
    assert outcomes.count("won") == 10
    assert {a.load_id for a in active()} == set(load_ids)
    assert len({a.driver_id for a in active()}) == 10
    assert len(rows_of(Assignment)) == 10
