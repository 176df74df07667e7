"""A search and its record: one for a drop, widening, counts, rebuilding."""

from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.ranking import Ranked, judge
from freight.situation import Candidate, Parameters
from geo.areas import SearchArea
from geo.distance import METRES_PER_MILE, destination
from geo.roads import EstimatedRoads
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from runtime.db import Session
from services.search import run
from services.search.judge import situation_in
from tests.services.scene import (
    Scene,
    after,
    at_once,
    open_offers,
    queued,
    rows_of,
)
from tests.world import CHICAGO, CLEVELAND, DALLAS, HOUSTON, NEW_YORK, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def miles_away(miles):
    """Return a place so many miles west of the drop, on the way home."""
    return destination(NEW_YORK, 285, miles * METRES_PER_MILE)


def square(centre, degrees):
    lat, lon, d = centre.lat, centre.lon, degrees
    ring = [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d]]
    ring += [[lon - d, lat + d], [lon - d, lat - d]]
    return {"type": "Polygon", "coordinates": [ring]}


def draw(caller, kind, geometry, **fields):
    body = {"kind": kind, "name": kind, "geometry": geometry} | fields
    made = caller.put(f"/v1/areas/{uuid7()}", body)
    assert made.status == 200, made.body


def edit(driver, scene, **fields):
    answer = scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", fields)
    assert answer.status == 200, answer.body


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


class TestWidening:
    @pytest.mark.parametrize(
        ("miles", "radius_mi", "rings"),
        [
            ([10, 20], 50, 1),
            ([10, 70], 100, 2),
            ([10, 120], 150, 3),
            ([10, 200], 250, 4),
            ([10, 300], 250, 4),
            ([], 250, 4),
        ],
    )
    def test_it_stops_when_there_is_enough(self, world, miles, radius_mi, rings):
        scene = Scene(world, {"SEARCH_ENOUGH": 2})
        for distance in miles:
            scene.load(pickup=miles_away(distance))
        driver = scene.driver()

        search = scene.search(driver)

        assert search.radius_m == pytest.approx(radius_mi * METRES_PER_MILE)
        assert len(search.counts["rings"]) == rings
        assert search.counts["rings"][-1]["ranked"] == search.counts["ranked"]
        assert search.counts["ranked"] == len([m for m in miles if m <= 250])


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
        assert len(kept["parameters"]["radii_m"]) == 4
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
        scene.load(price_cents=200_000)
        driver = scene.driver()
        with Session.begin() as session:
            session.execute(
                text(
                    "insert into loads select (jsonb_populate_record(loads,"
                    " jsonb_build_object('id', gen_random_uuid(),"
                    " 'load_number', load_number || '-' || n,"
                    " 'price_cents', price_cents - 100 * n))).*"
                    " from loads, generate_series(1, 59) n"
                )
            )

        search = scene.search(driver)

        assert search.counts["ranked"] == 60
        scores = [record["score_cents"] for record in search.ranked]
        assert len(scores) == 50
        assert scores == sorted(scores, reverse=True)
        assert scores[0] > scores[-1]

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
        area = search.counts["stages"][0]
        assert (area["stage"], area["excluded"]) == ("area", {"in_no_go_area": 1})

    def test_rebuilt_from_the_record_it_judges_the_same(self, scene):
        scene.loads(3)
        scene.load(weight_kg=24_000)
        driver = scene.driver(payload_kg=20_000)
        draw(scene.carrier, "operating", square(CLEVELAND, 12))
        edit(driver, scene, max_deadhead_m=200_000, min_pay_cents_per_km=10)

        search = scene.search(driver)

        with Session() as session:
            kept = session.get_one(BackhaulSearch, search.id)
        area = SearchArea.from_record(kept.area)
        assert area.to_record() == kept.area
        assert area.to_geojson() == kept.map
        situation = situation_in(kept.situation)
        parameters = Parameters.from_record(kept.parameters)
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
