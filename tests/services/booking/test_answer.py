"""Offers: strategies, limits, frozen figures."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from models.fleet.positions import LastPosition
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.config import Strategy
from runtime.db import Session
from services.search import going_on, run
from tests.services.scene import (
    Scene,
    actor_of,
    after,
    at_once,
    decline,
    expire,
    let_time_run_out,
    offer_row,
    open_offers,
    pushes_to,
    queued,
)
from tests.world import CLEVELAND, DALLAS, NEW_YORK, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


class TestStrategies:
    def test_direct_offers_the_best_and_nothing_after_it(self, world, run_jobs):
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.DIRECT})
        best, *_ = scene.loads(3)
        driver = scene.driver()

        scene.search(driver)

        (offer,) = open_offers(driver)
        assert (offer.load_id, offer.rank, offer.strategy) == (best, 1, "direct")
        decline(driver, offer.id)
        assert queued("search.offer_next") == []

    def test_broadcast_offers_the_best_few_at_once(self, scene):
        loads = scene.loads(5)
        driver = scene.driver()

        scene.search(driver)

        assert [o.load_id for o in open_offers(driver)] == loads[:3]
        assert [o.rank for o in open_offers(driver)] == [1, 2, 3]

    def test_sequential_goes_on_when_the_driver_declines(self, world, run_jobs):
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        loads = scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        seen = []

        while offered := open_offers(driver):
            (offer,) = offered
            seen.append(offer.load_id)
            decline(driver, offer.id)
            run_jobs(only="search.offer_next", **scene.changes)

        assert seen == loads

    def test_sequential_goes_on_when_time_runs_out(self, world, run_jobs):
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        _, second = scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        (first,) = open_offers(driver)

        let_time_run_out(first.id)
        run_jobs(only="offers.sweep", **scene.changes)
        assert expire() == 1
        run_jobs(only="search.offer_next", **scene.changes)

        assert offer_row(first.id).status == "expired"
        assert [o.load_id for o in open_offers(driver)] == [second]

    @pytest.mark.parametrize("event", ["taken", "cancelled", "edited", "overruled"])
    def test_sequential_goes_on_when_the_load_is_lost(self, world, run_jobs, event):
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        best, second = scene.loads(2)
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        path = f"/v1/loads/{best}"
        match event:
            case "taken":
                scene.assigned(scene.driver(), best)
            case "cancelled":
                scene.shipper.put(f"{path}/cancellation", {"reason": "sold"})
            case "edited":
                scene.shipper.patch(path, {"price_cents": 1})
            case "overruled":
                scene.carrier.post(
                    "/v1/overrides",
                    {
                        "kind": "withdraw_offer",
                        "reason": "safety",
                        "offer_id": str(offer_id),
                    },
                )

        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [second]

    def test_broadcast_puts_the_next_best_in_the_place_of_a_lost_load(
        self, scene, run_jobs
    ):
        loads = scene.loads(5)
        driver = scene.driver()
        scene.search(driver)

        scene.assigned(scene.driver(), loads[0])
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == loads[1:4]

    def test_broadcast_adds_nothing_after_a_decline(self, scene, run_jobs):
        loads = scene.loads(5)
        driver = scene.driver()
        scene.search(driver)

        decline(driver, open_offers(driver)[0].id)
        run_jobs(only="search.offer_next", **scene.changes)

        assert [o.load_id for o in open_offers(driver)] == loads[1:3]

    def test_sequential_stops_when_the_driver_has_a_load(self, world, run_jobs):
        scene = Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        (offer,) = open_offers(driver)

        decline(driver, offer.id)
        scene.assigned(driver, scene.load(pickup=CLEVELAND))
        run_jobs(only="search.offer_next", **scene.changes)

        assert open_offers(driver) == []

    @pytest.mark.parametrize(
        ("strategy", "minutes"),
        [(Strategy.SEQUENTIAL, 3), (Strategy.BROADCAST, 10), (Strategy.DIRECT, 10)],
    )
    def test_an_offer_lives_as_long_as_its_strategy_says(
        self, world, strategy, minutes
    ):
        scene = Scene(world, {"OFFER_STRATEGY": strategy})
        scene.load()
        driver = scene.driver()

        scene.search(driver)

        (offer,) = open_offers(driver)
        left = offer.expires_at - offer.created_at
        assert left == timedelta(minutes=minutes)
        (job,) = queued("offers.expire")
        assert job.scheduled_at == offer.expires_at

    def test_an_offer_never_outlives_the_pickup_window(self, scene):
        load_id = scene.load(pickup=NEW_YORK)
        driver = scene.driver()
        soon = utcnow() + timedelta(minutes=4)
        search = scene.search(driver)
        for offer in open_offers(driver):
            decline(driver, offer.id)
        another = scene.load()
        with Session.begin() as session:
            session.execute(
                update(Load).where(Load.id == load_id).values(pickup_until=soon)
            )
            session.execute(update(Offer).values(load_id=another))
            session.flush()
            going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())

        (offer,) = open_offers(driver)
        assert offer.expires_at == soon


class TestLimits:
    def test_a_driver_has_at_most_n_open_offers(self, world):
        scene = Scene(world, {"OFFERS_PER_DRIVER": 2})
        scene.loads(4)
        driver = scene.driver()

        search = scene.search(driver)
        with Session.begin() as session:
            going_on.offer_next(session, scene.rules, search_id=search.id, now=utcnow())

        assert len(open_offers(driver)) == 2

    def test_a_load_has_at_most_k_open_offers_and_the_next_driver_gets_the_next_best(
        self, world
    ):
        scene = Scene(world, {"OFFERS_PER_LOAD": 2, "OFFERS_PER_DRIVER": 1})
        best, second = scene.loads(2)
        drivers = scene.drivers(4)

        for driver in drivers:
            scene.search(driver)

        offered = [open_offers(d)[0].load_id for d in drivers]
        assert offered == [best, best, second, second]

    def test_fully_offered_loads_at_the_top_do_not_hide_free_ones_below(self, world):
        scene = Scene(world, {"OFFERS_PER_LOAD": 1, "OFFERS_PER_DRIVER": 1})
        loads = scene.loads(6)
        drivers = scene.drivers(6)

        for driver in drivers:
            scene.search(driver)

        assert [open_offers(d)[0].load_id for d in drivers] == loads

    def test_an_offer_that_ended_makes_room(self, world):
        scene = Scene(world, {"OFFERS_PER_LOAD": 1})
        load_id = scene.load()
        first, second = scene.drivers(2)
        scene.search(first)
        decline(first, open_offers(first)[0].id)

        scene.search(second)

        assert [o.load_id for o in open_offers(second)] == [load_id]

    def test_a_late_offer_takes_no_room(self, world):
        scene = Scene(world, {"OFFERS_PER_LOAD": 1})
        scene.load()
        first, second = scene.drivers(2)
        scene.search(first)
        let_time_run_out(open_offers(first)[0].id)

        scene.search(second)

        assert len(open_offers(second)) == 1

    def test_a_newer_search_supersedes_the_drivers_open_offers(self, scene):
        scene.loads(2)
        driver = scene.driver()
        scene.search(driver)
        old = {o.id for o in open_offers(driver)}

        scene.search(driver)

        assert {offer_row(offer_id).status for offer_id in old} == {"superseded"}
        assert len(open_offers(driver)) == 2
        assert pushes_to(driver).count("offer_withdrawn") == 2


class TestLimitsUnderConcurrency:
    def test_two_searches_that_want_one_load_see_each_other(self, committed):
        scene = Scene(committed, {"OFFERS_PER_LOAD": 1})
        scene.load()
        one, other = scene.drivers(2)
        stops = [scene.drop(), scene.drop()]

        def search(driver, stop_id):
            return lambda session: (
                run.search_home(
                    session,
                    scene.rules,
                    stop_id=stop_id,
                    driver_id=actor_of(driver).driver_id,
                    now=utcnow(),
                ).outcome
            )

        outcome = after(search(one, stops[0]), search(other, stops[1]))

        assert outcome == "nothing_found"
        assert (len(open_offers(one)), len(open_offers(other))) == (1, 0)

    def test_two_searches_for_one_driver_see_each_other(self, committed):
        scene = Scene(committed)
        scene.loads(3)
        there = [scene.load(pickup=DALLAS) for _ in range(3)]
        driver = scene.driver()
        drops = [scene.drop(NEW_YORK), scene.drop(DALLAS)]
        with Session.begin() as session:
            # No position says that the driver was not at both.
            session.execute(delete(LastPosition))

        def search(stop_id):
            return lambda session: (
                run.search_home(
                    session,
                    scene.rules,
                    stop_id=stop_id,
                    driver_id=UUID(driver.driver_id),
                    now=utcnow(),
                ).outcome
            )

        assert after(search(drops[0]), search(drops[1])) == "offered"

        assert {o.load_id for o in open_offers(driver)} <= set(there)

    def test_many_searches_at_once_keep_both_limits(self, committed):
        scene = Scene(committed, {"OFFERS_PER_LOAD": 2, "OFFERS_PER_DRIVER": 2})
        scene.loads(4)
        drivers = scene.drivers(6)
        stops = [scene.drop() for _ in drivers]

        outcomes = at_once(
            *(
                lambda d=d, s=s: scene.search(d, stop_id=s).outcome
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
    def test_the_terms_add_up_to_the_score(self, scene):
        scene.loads(3)
        driver = scene.driver()

        scene.search(driver)

        for offer in open_offers(driver):
            assert sum(term["value"] for term in offer.terms) == offer.score_cents
            assert {term["unit"] for term in offer.terms} == {"cents"}

    def test_an_edited_load_leaves_the_snapshot_as_it_was(self, scene):
        load_id = scene.load(price_cents=250_000)
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        before = driver.get(f"/v1/offers/{offer_id}").body

        edited = scene.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 100})
        assert edited.status == 200

        after_edit = driver.get(f"/v1/offers/{offer_id}").body
        frozen = ("snapshot", "terms", "figures", "score_cents", "rank", "expires_at")
        assert [after_edit[f] for f in frozen] == [before[f] for f in frozen]
        assert after_edit["snapshot"]["price_cents"] == 250_000
        assert after_edit["status"] == "superseded"

    def test_an_offer_keeps_what_its_search_found(self, scene):
        scene.load()
        driver = scene.driver()

        search = scene.search(driver)

        (offer,) = open_offers(driver)
        (record,) = search.ranked
        assert offer.terms == record["terms"]
        assert offer.figures == record["figures"]
        assert record["candidate"].items() <= offer.snapshot.items()
