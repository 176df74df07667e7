"""Explanations: why a driver got, or did not get, a load."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, update

from freight.feasibility import Reason
from geo.distance import METRES_PER_MILE, destination
from models.loads.loads import Load
from runtime.db import Session
from tests.services.scene import Scene, open_offers
from tests.standing import resume, suspend_without_withdrawing
from tests.world import CHICAGO, DALLAS, DENVER, NEW_YORK, NEWARK, iso, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def explain(caller, search, load_id):
    return caller.get(
        f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    )


def why(caller, search, load_id):
    answer = explain(caller, search, load_id)
    assert answer.status == 200, answer.body
    return answer


def stops(world, pickup_h, delivery_h):
    return [
        world.stop_body("pickup", NEWARK, *pickup_h),
        world.stop_body("delivery", CHICAGO, *delivery_h),
    ]


def miles_away(miles):
    return destination(NEW_YORK, 285, miles * METRES_PER_MILE)


class TestWhatTheSearchKept:
    def test_an_offered_load(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        search = scene.search(driver)
        (offer,) = open_offers(driver)

        answer = why(driver, search, load_id)

        assert (answer["verdict"], answer["reason"]) == ("offered", "offered")
        assert answer["rank"] == 1
        assert answer["offer_id"] == str(offer.id)
        assert answer["offer_status"] == "created"
        assert answer["score_cents"] == offer.score_cents
        assert answer["terms"] == offer.terms
        assert answer["figures"] == offer.figures
        assert answer["has_changed"] is False

    def test_a_load_ranked_and_not_offered(self, scene):
        *_, fourth = scene.loads(4)
        driver = scene.driver()
        search = scene.search(driver)

        answer = why(scene.carrier, search, fourth)

        assert answer["verdict"] == "ranked"
        assert answer["reason"] == "others_were_offered_first"
        assert (answer["rank"], answer["offer_id"]) == (4, None)

    def test_the_record_is_the_answer_though_the_load_was_edited(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        search = scene.search(driver)
        before = why(driver, search, load_id)
        scene.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 1})

        answer = why(driver, search, load_id)

        assert answer["score_cents"] == before["score_cents"]
        assert answer["has_changed"] is True
        assert answer["offer_status"] == "superseded"

    def test_a_load_that_was_only_booked_has_not_changed(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        search = scene.search(driver)
        (offer,) = open_offers(driver)
        driver.put(f"/v1/offers/{offer.id}/acceptance")

        answer = why(driver, search, load_id)

        assert answer["offer_status"] == "accepted"
        assert answer["has_changed"] is False

    def test_what_was_offered_is_known_though_the_load_is_private_now(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        search = scene.search(driver)
        scene.shipper.patch(f"/v1/loads/{load_id}", {"visibility": "private"})

        assert why(driver, search, load_id)["verdict"] == "offered"


def excluded_by(scene, world, reason):
    """Post a load that is excluded for `reason`; return (load id, driver)."""
    truck, driver, load = {}, {}, {}
    match reason:
        case Reason.OUTSIDE_CIRCLE:
            load = {"pickup": miles_away(300)}
        case Reason.OUTSIDE_CORRIDOR:
            load = {"delivery": DALLAS}
        case Reason.CURRENCY_DIFFERS:
            load = {"currency": "CAD"}
        case Reason.EQUIPMENT_MISMATCH:
            load = {"equipment": ["flatbed"]}
        case Reason.TOO_HEAVY:
            load = {"weight_kg": 21_000}
        case Reason.ABOVE_LEGAL_WEIGHT:
            load, truck = {"weight_kg": 30_000}, {"payload_kg": None}
        case Reason.TEMPERATURE_NOT_HELD:
            load = {"temperature_max_c": 4.0}
        case Reason.TOO_LONG:
            load = {"length_m": 17.0}
        case Reason.HAZMAT_NOT_ALLOWED:
            load = {"has_hazmat": True}
        case Reason.BEYOND_MAX_DEADHEAD:
            load, driver = {"pickup": miles_away(40)}, {"max_deadhead_m": 10_000}
        case Reason.DETOUR_TOO_LONG:
            load = {"pickup": NEWARK, "delivery": destination(CHICAGO, 270, 230_000)}
        case Reason.PICKUP_CLOSED_BEFORE_ARRIVAL:
            load = {"pickup": miles_away(200), "stops": None}
        case Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL:
            load = {"stops": stops(world, (0, 48), (0, 6))}
        case Reason.HOME_TOO_LATE:
            driver = {"home_by_at": iso(utcnow() + timedelta(hours=6))}
        case Reason.BELOW_MIN_PAY:
            driver = {"min_pay_cents_per_km": 1_000}
        case Reason.NO_GAIN:
            load = {"price_cents": 100}
        case Reason.OUTSIDE_OPERATING_AREA | Reason.IN_NO_GO_AREA:
            pass
    if reason is Reason.PICKUP_CLOSED_BEFORE_ARRIVAL:
        load["stops"] = [
            world.stop_body("pickup", load.pop("pickup"), -5, 1),
            world.stop_body("delivery", CHICAGO, 0, 96),
        ]
    member = scene.driver(**truck)
    if driver:
        edited = scene.carrier.patch(f"/v1/drivers/{member.driver_id}", driver)
        assert edited.status == 200, edited.body
    return scene.load(**load), member


def square(centre, degrees):
    lat, lon, d = centre.lat, centre.lon, degrees
    ring = [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d]]
    ring += [[lon - d, lat + d], [lon - d, lat - d]]
    return {"type": "Polygon", "coordinates": [ring]}


NEEDS_MORE_THAN_AN_API = {
    # A truck always states its type.
    Reason.EQUIPMENT_UNKNOWN,
}


class TestExcluded:
    @pytest.mark.parametrize("reason", sorted(set(Reason) - NEEDS_MORE_THAN_AN_API))
    def test_every_reason_is_told_with_its_stage(self, scene, world, reason):
        load_id, driver = excluded_by(scene, world, reason)
        drawn = {
            Reason.OUTSIDE_OPERATING_AREA: ("operating", DENVER),
            Reason.IN_NO_GO_AREA: ("no_go", CHICAGO),
        }.get(reason)
        if drawn is not None:
            kind, centre = drawn
            body = {"kind": kind, "name": "x", "geometry": square(centre, 0.5)}
            made = scene.carrier.put(f"/v1/areas/{UUID(int=7)}", body)
            assert made.status == 200, made.body

        search = scene.search(driver)
        answer = why(driver, search, load_id)

        assert (answer["verdict"], answer["reason"]) == ("excluded", reason)
        counts = {
            stage["stage"]: stage["excluded"] for stage in search.counts["stages"]
        }
        # A load outside the boxes of the index is not counted, but is still explained.
        assert counts[answer["stage"]].get(reason, 1) == 1

    def test_a_figure_says_what_it_has_and_what_was_allowed(self, scene):
        load_id = scene.load(weight_kg=21_000)
        driver = scene.driver(payload_kg=20_000)

        answer = why(driver, scene.search(driver), load_id)

        assert answer["figure"] == {"value": 21_000, "limit": 20_000, "unit": "kg"}


class TestNotOnTheMarket:
    def test_posted_later(self, scene):
        driver = scene.driver()
        search = scene.search(driver)
        load_id = scene.load()

        answer = why(driver, search, load_id)

        assert (answer["verdict"], answer["reason"]) == (
            "not_on_the_market",
            "not_posted",
        )

    def test_taken_before(self, scene):
        load_id = scene.load()
        scene.assigned(scene.driver(), load_id)
        driver = scene.driver()

        search = scene.search(driver)

        assert why(driver, search, load_id)["verdict"] == "not_on_the_market"

    def test_withdrawn_before(self, scene):
        load_id = scene.load()
        scene.shipper.delete(f"/v1/loads/{load_id}/posting")
        driver = scene.driver()

        search = scene.search(driver)

        assert why(driver, search, load_id)["verdict"] == "not_on_the_market"

    def test_lapsed_before_any_job_had_marked_it(self, scene):
        load_id = scene.load()
        with Session.begin() as session:
            session.execute(
                update(Load).values(lease_expires_at=func.now() - timedelta(minutes=1))
            )
        driver = scene.driver()

        search = scene.search(driver)

        assert search.counts["considered"] == 0
        assert why(driver, search, load_id)["verdict"] == "not_on_the_market"

    def test_taken_after_the_search_is_judged_as_it_was_then(self, scene):
        loads = scene.loads(1)
        driver = scene.driver()
        search = scene.search(driver)
        with Session.begin() as session:
            # As if the load had been the fifty-first, beyond the kept best.
            session.execute(
                update(type(search))
                .where(type(search).id == search.id)
                .values(ranked=[])
            )
        scene.assigned(scene.driver(), loads[0])

        answer = why(scene.carrier, search, loads[0])

        assert (answer["verdict"], answer["reason"]) == (
            "ranked",
            "beyond_the_kept_best",
        )
        assert sum(t["value"] for t in answer["terms"]) == answer["score_cents"]


class TestNotSearched:
    def test_the_obstacle_is_the_reason(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        scene.carrier.patch(
            f"/v1/drivers/{driver.driver_id}", {"availability": "off_duty"}
        )

        answer = why(driver, scene.search(driver), load_id)

        assert (answer["verdict"], answer["reason"]) == (
            "not_searched",
            "driver_off_duty",
        )


class TestOfAPosterWhoIsSuspendedMeanwhile:
    def test_loads_among_the_best_are_explained_without_figures(self, scene):
        first, *_, fourth = scene.loads(4)
        driver = scene.driver()
        search = scene.search(driver)
        before = why(driver, search, first)
        suspend_without_withdrawing(scene.shipper)

        answers = [why(driver, search, load_id) for load_id in (first, fourth)]

        assert [answer["verdict"] for answer in answers] == ["offered", "ranked"]
        assert [answer["rank"] for answer in answers] == [1, 4]
        for answer in answers:
            assert {"score_cents", "terms", "figures"} & {*answer.body} == set()
        resume(scene.shipper)
        again = why(driver, search, first)
        assert again["figures"] == before["figures"]
        assert again["score_cents"] == before["score_cents"]

    def test_a_load_outside_the_best_is_not_found(self, scene):
        scene.loads(2)
        far = scene.load(miles_away(400))
        driver = scene.driver()
        search = scene.search(driver)
        assert why(driver, search, far)["verdict"] == "excluded"
        suspend_without_withdrawing(scene.shipper)

        assert explain(driver, search, far).status == 404


class TestTenancy:
    def test_another_companys_private_load_is_not_found(self, scene):
        load_id = scene.load(visibility="private")
        driver = scene.driver()
        search = scene.search(driver)

        assert explain(driver, search, load_id).status == 404
        assert explain(scene.carrier, search, load_id).status == 404

    @pytest.mark.parametrize("is_withdrawn", [False, True])
    def test_another_companys_draft_is_not_found(self, scene, is_withdrawn):
        load_id = scene.load(is_draft=True)
        if is_withdrawn:
            assert scene.shipper.delete(f"/v1/loads/{load_id}/posting").status == 200
        driver = scene.driver()

        assert explain(driver, scene.search(driver), load_id).status == 404

    def test_another_companys_search_is_not_found(self, scene, world):
        load_id = scene.load()
        driver, colleague = scene.drivers(2)
        search = scene.search(driver)
        stranger = Scene(world)

        for caller in (stranger.carrier, stranger.driver(), colleague):
            assert explain(caller, search, load_id).status == 404
            assert caller.get(f"/v1/backhaul-searches/{search.id}").status == 404
            assert caller.get("/v1/backhaul-searches")["data"] == []

    def test_an_unknown_load_is_not_found(self, scene):
        driver = scene.driver()
        search = scene.search(driver)

        assert explain(driver, search, search.id).status == 404

    def test_a_shipper_may_not_ask(self, scene):
        load_id = scene.load()
        search = scene.search(scene.driver())

        assert explain(scene.shipper, search, load_id).status == 403
