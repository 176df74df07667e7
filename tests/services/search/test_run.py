"""A search and its record: one for a drop, the circle, counts, order, rebuilding."""

from random import Random
from uuid import UUID

import pytest

from freight.candidates import Candidate
from freight.costs import HOUR_CENTS
from freight.ranking import Ranked, judge
from geo.distance import METRES_PER_MILE
from geo.fences import MAX_RADIUS_M, MIN_RADIUS_M
from geo.roads import EstimatedRoads
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.judging.judge import asked_in
from services.search import run
from services.search.run import KEPT, SPARE
from tests.services.scene import (
    Scene,
    after,
    at_once,
    open_offers,
    queued,
    rows_of,
)
from tests.services.search.drops import (
    draw,
    edit,
    excluded_in,
    ids_of,
    miles_away,
    square,
)
from tests.world import CHICAGO, CLEVELAND, DALLAS, HOUSTON, NEW_YORK, NEWARK, utcnow


class TestOnce:
    def test_the_job_run_again_makes_no_second_search_and_no_second_offers(
        self, world, run_jobs
    ):
        scene = Scene(world)
        driver = world.dropped()
        scene.loads(2)
        (job,) = queued("search.run")
        run_jobs(only="search.run")
        before = [o.id for o in open_offers(driver)]

        with Session.begin() as session:
            again = run.search_home(
                session,
                scene.rules,
                stop_id=UUID(job.args["stop_id"]),
                driver_id=UUID(job.args["driver_id"]),
                now=utcnow(),
            )

        assert again is None
        assert len(before) == 2
        assert [o.id for o in open_offers(driver)] == before
        assert len(rows_of(BackhaulSearch)) == 1

    def test_two_workers_at_one_drop_make_one_search(self, committed):
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        stop_id = scene.drop()

        def search(session):
            return run.search_home(
                session,
                scene.rules,
                stop_id=stop_id,
                driver_id=UUID(driver.driver_id),
                now=utcnow(),
            )

        assert after(search, search) is None
        assert len(rows_of(Offer)) == 1

    def test_a_job_that_failed_half_way_is_done_whole_by_the_next(self, committed):
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        stop_id = scene.drop()

        def fail():
            with Session.begin() as session:
                run.search_home(
                    session,
                    scene.rules,
                    stop_id=stop_id,
                    driver_id=UUID(driver.driver_id),
                    now=utcnow(),
                )
                raise ConnectionError

        with pytest.raises(ConnectionError):
            fail()
        assert rows_of(BackhaulSearch) == []
        assert queued("offers.expire") == []

        assert scene.search(driver, stop_id=stop_id).outcome == "offered"

    def test_a_hundred_reports_of_one_completion_make_one_search(self, committed):
        scene = Scene(committed)
        driver = scene.driver()
        load = committed.load(scene.shipper, CHICAGO, NEW_YORK)
        scene.assigned(driver, UUID(load["id"]))
        committed.drive(driver, scene.shipper, load | {"stops": load["stops"][:1]})
        last = load["stops"][-1]["id"]
        committed.report(driver, last, "arrival")

        def report():
            return [committed.report(driver, last, "completion") for _ in range(13)]

        answers = [answer for part in at_once(*[report] * 8) for answer in part]

        assert len(answers) == 104
        assert {answer.status for answer in answers} == {200}
        assert len(queued("search.run")) == 1


class TestTheCircle:
    @pytest.mark.parametrize(
        ("limit_m", "radius_m"),
        [
            (None, 250 * METRES_PER_MILE),
            (100_000.0, 100_000.0),
            (0.0, MIN_RADIUS_M),
            (9e6, MAX_RADIUS_M),
        ],
    )
    def test_is_as_wide_as_the_driver_drives_empty(self, scene, limit_m, radius_m):
        driver = scene.driver()
        edit(driver, scene, max_deadhead_m=limit_m)

        search = scene.search(driver)

        assert search.radius_m == pytest.approx(radius_m)
        assert search.area["circle"]["radius_m"] == search.radius_m

    def test_all_of_it_is_searched_however_much_is_near(self, scene):
        near = [scene.load(pickup=miles_away(5 + n)) for n in range(6)]
        best = scene.load(pickup=miles_away(180), price_cents=900_000)
        scene.load(pickup=miles_away(300), price_cents=900_000)

        search = scene.search(scene.driver())

        assert search.counts["considered"] == len(near) + 1
        assert search.counts["ranked"] == len(near) + 1
        assert ids_of(search)[0] == best

    def test_counts_nothing_outside_it_and_nothing_that_others_may_not_see(self, scene):
        scene.load(visibility="private")
        scene.load(pickup=miles_away(260))
        scene.load(is_draft=True)
        seen = scene.load()

        search = scene.search(scene.driver())

        assert ids_of(search) == [seen]
        assert (search.counts["considered"], search.counts["ranked"]) == (1, 1)
        assert {stage["entered"] for stage in search.counts["stages"]} == {1}

    def test_is_by_air_and_the_limit_by_road(self, scene):
        """64 km by air are more by road: found by the circle, refused by the limit."""
        scene.load(pickup=miles_away(40))
        driver = scene.driver()
        edit(driver, scene, max_deadhead_m=66_000)

        counts = scene.search(driver).counts

        assert counts["considered"] == 1
        assert excluded_in(counts) == {"beyond_max_deadhead": 1}


class TestTheRecord:
    def test_it_keeps_what_was_known_asked_and_found(self, scene):
        scene.loads(4)
        driver = scene.driver()
        stop_id = scene.drop()

        search = scene.search(driver, stop_id=stop_id)

        kept = driver.get(f"/v1/backhaul-searches/{search.id}")
        assert kept.status == 200
        assert kept["trigger"] == "drop_completed"
        assert kept["outcome"] == "offered"
        assert kept["stop_id"] == str(stop_id)
        assert kept["strategy"] == "broadcast"
        assert kept["situation"]["equipment"] == "van"
        assert kept["situation"]["cost_empty_is_default"] is True
        assert kept["situation"]["distance_source"] == "estimated"
        assert kept["situation"]["hour_cents"] == HOUR_CENTS
        assert kept["situation"]["hour_source"] == "default"
        limit_m = 250 * METRES_PER_MILE
        assert kept["parameters"]["max_deadhead_m"] == pytest.approx(limit_m)
        assert kept["counts"]["considered"] == kept["counts"]["ranked"] == 4
        assert kept["timings"]["search_ms"] > 0
        assert kept["trace_id"]
        for record in kept["ranked"]:
            terms = [term["value"] for term in record["terms"]]
            assert sum(terms) == record["score_cents"]

    def test_the_counts_of_the_stages_add_up(self, scene):
        scene.load()
        scene.load(equipment=["flatbed"])
        scene.load(weight_kg=25_000)
        scene.load(has_hazmat=True)
        scene.load(currency="CAD")
        scene.load(price_cents=100)
        scene.load(delivery=CHICAGO, pickup=CLEVELAND)
        driver = scene.driver()

        counts = scene.search(driver).counts

        entered = counts["considered"]
        excluded = {}
        for stage_count in counts["stages"]:
            assert stage_count["entered"] == entered
            excluded |= stage_count["excluded"]
            entered -= sum(stage_count["excluded"].values())
            assert stage_count["left"] == entered
        assert entered == counts["ranked"] == 1
        assert counts["considered"] == counts["ranked"] + sum(excluded.values())
        expected = ("equipment_mismatch", "too_heavy", "hazmat_not_allowed")
        for reason in (*expected, "currency_differs", "no_gain"):
            assert excluded[reason] == 1

    def test_it_keeps_the_best_fifty(self, scene):
        prices = [300_000 - 100 * n for n in range(KEPT + SPARE + 3)]
        Random(8).shuffle(prices)
        for price_cents in prices:
            scene.load(price_cents=price_cents)

        search = scene.search(scene.driver())

        assert search.counts["ranked"] == len(prices)
        kept = [record["candidate"]["price_cents"] for record in search.ranked]
        assert kept == sorted(prices, reverse=True)[:KEPT]

    def test_the_map_shows_where_the_company_and_the_driver_drew(self, scene):
        scene.load()
        driver = scene.driver()
        draw(scene.carrier, "operating", square(CLEVELAND, 11))
        draw(scene.carrier, "no_go", square(DALLAS, 0.5))
        draw(driver, "no_go", square(NEW_YORK, 0.1), driver_id=driver.driver_id)
        draw(
            scene.carrier,
            "no_go",
            square(HOUSTON, 0.5),
            driver_id=scene.driver().driver_id,
        )

        search = scene.search(driver)

        shown = driver.get(f"/v1/backhaul-searches/{search.id}")["map"]
        assert shown["type"] == "FeatureCollection"
        roles = [f["properties"]["role"] for f in shown["features"]]
        assert roles == [
            *("drop", "home", "circle", "corridor", "operating", "no_go", "no_go"),
            *("pickup_area", "delivery_area"),
        ]

    def test_a_no_go_area_excludes_what_lies_in_it(self, scene):
        scene.load()
        driver = scene.driver()
        draw(scene.carrier, "no_go", square(CHICAGO, 0.2))

        search = scene.search(driver)

        assert search.outcome == "nothing_found"
        stages = {
            stage["stage"]: stage["excluded"] for stage in search.counts["stages"]
        }
        assert stages["area"] == {"in_no_go_area": 1}

    def test_a_no_go_area_excludes_a_load_with_a_stop_between_in_it(self, scene):
        body = scene.world.stop_body
        load_id = scene.load(
            stops=[
                body("pickup", NEWARK),
                body("delivery", CLEVELAND, ends_h=72),
                body("delivery", CHICAGO, ends_h=96),
            ]
        )
        driver = scene.driver()
        draw(scene.carrier, "no_go", square(CLEVELAND, 0.2))

        search = scene.search(driver)
        told = driver.get(
            f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
        )

        assert excluded_in(search.counts) == {"in_no_go_area": 1}
        assert (told["reason"], told["stop"]) == ("in_no_go_area", 2)

    def test_rebuilt_from_the_record_it_judges_the_same(self, scene):
        scene.loads(3)
        scene.load(weight_kg=24_000)
        driver = scene.driver(payload_kg=20_000)
        draw(scene.carrier, "operating", square(CLEVELAND, 12))
        edit(driver, scene, max_deadhead_m=200_000, min_pay_cents_per_km=10)

        search = scene.search(driver)

        with Session() as session:
            kept = session.get_one(BackhaulSearch, search.id)
        situation, parameters, area = asked_in(kept)
        assert area.to_record() == kept.area
        assert area.to_geojson() == kept.map
        assert len(kept.ranked) == 3
        for record in kept.ranked:
            judged = judge(
                Candidate.from_record(record["candidate"]),
                situation,
                parameters,
                area,
                EstimatedRoads(),
            )
            assert isinstance(judged, Ranked)
            assert judged.to_record() == record
