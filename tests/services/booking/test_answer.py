"""Offers: strategies, limits, frozen figures."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.config import Strategy
from runtime.db import Session
from services.kernel.events import Cause
from services.offers import ending
from services.search import run
from tests.services.stage import (
    Stage,
    actor_of,
    after,
    at_once,
    let_time_run_out,
    offer_row,
    open_offers,
    pushes_to,
    queued,
)
from tests.world import CLEVELAND, DALLAS, NEW_YORK, utcnow


@pytest.fixture
def stage(world):
    return Stage(world)


def decline(driver, offer_id, reason="price"):
    answer = driver.put(f"/v1/offers/{offer_id}/decline", {"reason": reason})
    assert answer.status == 200, answer.body
    return answer


def expire():
    with Session.begin() as session:
        return ending.expire(session, Cause(utcnow()))


class TestStrategies:
    def test_direct_offers_the_best_and_nothing_after_it(self, world, run_jobs):
        stage = Stage(world, {"OFFER_STRATEGY": Strategy.DIRECT})
        best, *_ = stage.loads(3)
        driver = stage.driver()

        stage.search(driver)

        (offer,) = open_offers(driver)
        assert (offer.load_id, offer.rank, offer.strategy) == (best, 1, "direct")
        decline(driver, offer.id)
        assert queued("search.offer_next") == []

    def test_broadcast_offers_the_best_few_at_once(self, stage):
        loads = stage.loads(5)
        driver = stage.driver()

        stage.search(driver)

        assert [o.load_id for o in open_offers(driver)] == loads[:3]
        assert [o.rank for o in open_offers(driver)] == [1, 2, 3]

    def test_sequential_goes_on_when_the_driver_declines(self, world, run_jobs):
        stage = Stage(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        loads = stage.loads(3)
        driver = stage.driver()
        stage.search(driver)
        seen = []

        while held := open_offers(driver):
            (offer,) = held
            seen.append(offer.load_id)
            decline(driver, offer.id)
            run_jobs(only="search.offer_next", **stage.changes)

        assert seen == loads

    def test_sequential_goes_on_when_time_runs_out(self, world, run_jobs):
        stage = Stage(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        _, second = stage.loads(2)
        driver = stage.driver()
        stage.search(driver)
        (first,) = open_offers(driver)

        let_time_run_out(first.id)
        run_jobs(only="offers.sweep", **stage.changes)
        assert expire() == 1
        run_jobs(only="search.offer_next", **stage.changes)

        assert offer_row(first.id).status == "expired"
        assert [o.load_id for o in open_offers(driver)] == [second]

    @pytest.mark.parametrize("event", ["taken", "cancelled", "edited", "overruled"])
    def test_sequential_goes_on_when_the_load_is_lost(self, world, run_jobs, event):
        stage = Stage(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        best, second = stage.loads(2)
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        path = f"/v1/loads/{best}"
        match event:
            case "taken":
                stage.assigned(stage.driver(), best)
            case "cancelled":
                stage.shipper.put(f"{path}/cancellation", {"reason": "sold"})
            case "edited":
                stage.shipper.patch(path, {"price_cents": 1})
            case "overruled":
                stage.carrier.post(
                    "/v1/overrides",
                    {
                        "kind": "withdraw_offer",
                        "reason": "safety",
                        "offer_id": str(offer_id),
                    },
                )

        run_jobs(only="search.offer_next", **stage.changes)

        assert [o.load_id for o in open_offers(driver)] == [second]

    def test_broadcast_puts_the_next_best_in_the_place_of_a_lost_load(
        self, stage, run_jobs
    ):
        loads = stage.loads(5)
        driver = stage.driver()
        stage.search(driver)

        stage.assigned(stage.driver(), loads[0])
        run_jobs(only="search.offer_next", **stage.changes)

        assert [o.load_id for o in open_offers(driver)] == loads[1:4]

    def test_broadcast_adds_nothing_after_a_no(self, stage, run_jobs):
        loads = stage.loads(5)
        driver = stage.driver()
        stage.search(driver)

        decline(driver, open_offers(driver)[0].id)
        run_jobs(only="search.offer_next", **stage.changes)

        assert [o.load_id for o in open_offers(driver)] == loads[1:3]

    def test_sequential_stops_when_the_driver_has_a_load(self, world, run_jobs):
        stage = Stage(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        stage.loads(3)
        driver = stage.driver()
        stage.search(driver)
        (offer,) = open_offers(driver)

        decline(driver, offer.id)
        stage.assigned(driver, stage.load(pickup=CLEVELAND))
        run_jobs(only="search.offer_next", **stage.changes)

        assert open_offers(driver) == []

    @pytest.mark.parametrize(
        ("strategy", "minutes"),
        [(Strategy.SEQUENTIAL, 3), (Strategy.BROADCAST, 10), (Strategy.DIRECT, 10)],
    )
    def test_an_offer_lives_as_long_as_its_strategy_says(
        self, world, strategy, minutes
    ):
        stage = Stage(world, {"OFFER_STRATEGY": strategy})
        stage.load()
        driver = stage.driver()

        stage.search(driver)

        (offer,) = open_offers(driver)
        left = offer.expires_at - offer.created_at
        assert left == timedelta(minutes=minutes)
        (job,) = queued("offers.expire")
        assert job.scheduled_at == offer.expires_at

    def test_an_offer_never_outlives_the_pickup_window(self, stage):
        load_id = stage.load(pickup=NEW_YORK)
        driver = stage.driver()
        soon = func.now() + timedelta(minutes=4)
        search = stage.search(driver)
        for offer in open_offers(driver):
            decline(driver, offer.id)
        another = stage.load()
        with Session.begin() as session:
            session.execute(
                update(Load).where(Load.id == load_id).values(pickup_until=soon)
            )
            session.execute(update(Offer).values(load_id=another))
            session.flush()
            run.offer_next(session, stage.rules, search_id=search.id, now=utcnow())

        (offer,) = open_offers(driver)
        assert offer.expires_at - offer.created_at == timedelta(minutes=4)


class TestLimits:
    def test_a_driver_holds_at_most_n_offers(self, world):
        stage = Stage(world, {"OFFERS_PER_DRIVER": 2})
        stage.loads(4)
        driver = stage.driver()

        search = stage.search(driver)
        with Session.begin() as session:
            run.offer_next(session, stage.rules, search_id=search.id, now=utcnow())

        assert len(open_offers(driver)) == 2

    def test_a_load_is_in_at_most_k_hands_and_the_next_driver_gets_the_next_best(
        self, world
    ):
        stage = Stage(world, {"OFFERS_PER_LOAD": 2, "OFFERS_PER_DRIVER": 1})
        best, second = stage.loads(2)
        drivers = stage.drivers(4)

        for driver in drivers:
            stage.search(driver)

        held = [open_offers(d)[0].load_id for d in drivers]
        assert held == [best, best, second, second]

    def test_a_crowded_top_of_the_list_does_not_hide_what_is_free_below_it(self, world):
        stage = Stage(world, {"OFFERS_PER_LOAD": 1, "OFFERS_PER_DRIVER": 1})
        loads = stage.loads(6)
        drivers = stage.drivers(6)

        for driver in drivers:
            stage.search(driver)

        assert [open_offers(d)[0].load_id for d in drivers] == loads

    def test_an_offer_that_ended_makes_room(self, world):
        stage = Stage(world, {"OFFERS_PER_LOAD": 1})
        load_id = stage.load()
        first, second = stage.drivers(2)
        stage.search(first)
        decline(first, open_offers(first)[0].id)

        stage.search(second)

        assert [o.load_id for o in open_offers(second)] == [load_id]

    def test_an_offer_that_is_late_takes_no_room(self, world):
        stage = Stage(world, {"OFFERS_PER_LOAD": 1})
        stage.load()
        first, second = stage.drivers(2)
        stage.search(first)
        let_time_run_out(open_offers(first)[0].id)

        stage.search(second)

        assert len(open_offers(second)) == 1

    def test_a_newer_search_replaces_what_the_driver_still_holds(self, stage):
        stage.loads(2)
        driver = stage.driver()
        stage.search(driver)
        old = {o.id for o in open_offers(driver)}

        stage.search(driver)

        assert {offer_row(it).status for it in old} == {"superseded"}
        assert len(open_offers(driver)) == 2
        assert pushes_to(driver).count("offer_withdrawn") == 2


class TestLimitsUnderConcurrency:
    def test_two_searches_that_want_one_load_see_each_other(self, committed):
        stage = Stage(committed, {"OFFERS_PER_LOAD": 1})
        stage.load()
        one, other = stage.drivers(2)
        stops = [stage.drop(), stage.drop()]

        def search(driver, stop_id):
            return lambda session: (
                run.search_home(
                    session,
                    stage.rules,
                    stop_id=stop_id,
                    driver_id=actor_of(driver).driver_id,
                    now=utcnow(),
                ).outcome
            )

        outcome = after(search(one, stops[0]), search(other, stops[1]))

        assert outcome == "nothing_found"
        assert (len(open_offers(one)), len(open_offers(other))) == (1, 0)

    def test_two_searches_for_one_driver_see_each_other(self, committed):
        stage = Stage(committed)
        stage.loads(3)
        there = [stage.load(pickup=DALLAS) for _ in range(3)]
        driver = stage.driver()
        drops = [stage.drop(NEW_YORK), stage.drop(DALLAS)]

        def search(stop_id):
            return lambda session: (
                run.search_home(
                    session,
                    stage.rules,
                    stop_id=stop_id,
                    driver_id=UUID(driver.driver_id),
                    now=utcnow(),
                ).outcome
            )

        assert after(search(drops[0]), search(drops[1])) == "offered"

        assert {o.load_id for o in open_offers(driver)} <= set(there)

    def test_many_searches_at_once_keep_both_limits(self, committed):
        stage = Stage(committed, {"OFFERS_PER_LOAD": 2, "OFFERS_PER_DRIVER": 2})
        stage.loads(4)
        drivers = stage.drivers(6)
        stops = [stage.drop() for _ in drivers]

        outcomes = at_once(
            *(
                lambda d=d, s=s: stage.search(d, stop_id=s).outcome
                for d, s in zip(drivers, stops, strict=True)
            )
        )

        assert set(outcomes) <= {"offered", "nothing_found"}
        with Session() as session:
            hands = select(func.count()).select_from(Offer)
            per_load = session.execute(hands.group_by(Offer.load_id))
            per_driver = session.execute(hands.group_by(Offer.driver_id))
            assert max(per_load.scalars()) <= 2
            assert max(per_driver.scalars()) <= 2
            assert session.scalar(hands) == 8


class TestFrozenFigures:
    def test_the_terms_add_up_to_the_score(self, stage):
        stage.loads(3)
        driver = stage.driver()

        stage.search(driver)

        for offer in open_offers(driver):
            assert sum(term["value"] for term in offer.terms) == offer.score_cents
            assert {term["unit"] for term in offer.terms} == {"cents"}

    def test_an_edited_load_leaves_the_snapshot_as_it_was(self, stage):
        load_id = stage.load(price_cents=250_000)
        driver = stage.driver()
        (offer_id,) = stage.offered(driver)
        before = driver.get(f"/v1/offers/{offer_id}").body

        edited = stage.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 100})
        assert edited.status == 200

        after_edit = driver.get(f"/v1/offers/{offer_id}").body
        frozen = ("snapshot", "terms", "figures", "score_cents", "rank", "expires_at")
        assert [after_edit[f] for f in frozen] == [before[f] for f in frozen]
        assert after_edit["snapshot"]["price_cents"] == 250_000
        assert after_edit["status"] == "superseded"

    def test_an_offer_holds_what_its_search_found(self, stage):
        stage.load()
        driver = stage.driver()

        search = stage.search(driver)

        (offer,) = open_offers(driver)
        (record,) = search.ranked
        assert offer.terms == record["terms"]
        assert offer.figures == record["figures"]
        assert record["candidate"].items() <= offer.snapshot.items()
