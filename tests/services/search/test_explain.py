"""Explanations: why a driver got, or did not get, a load."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, update

from freight.feasibility import Reason
from geo.distance import destination
from geo.points import Point
from models.loads.loads import Load
from runtime.db import Session
from tests.services.scene import Scene, open_offers
from tests.services.search.drops import miles_away, square
from tests.standing import resume, suspend_without_withdrawing
from tests.world import CHICAGO, DALLAS, DENVER, NEWARK, iso, utcnow

LONDON_ONTARIO = Point(42.9834, -81.2497)


def explain(caller, search, load_id):
    return caller.get(
        f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    )


def why(caller, search, load_id):
    answer = explain(caller, search, load_id)
    assert answer.status == 200, answer.body
    return answer


def stops(world, pickup_h, delivery_h, *, pickup=NEWARK, delivery=CHICAGO):
    return [
        world.stop_body("pickup", pickup, *pickup_h),
        world.stop_body("delivery", delivery, *delivery_h),
    ]


def hard(kind, **about):
    """Return what the driver's row gets for one hard wish."""
    return {"preferences": [{"kind": kind, "is_hard": True} | about]}


def hours_until_night():
    """Return how many hours it is until half past eleven in Chicago, 0 to 24."""
    there = utcnow().astimezone(ZoneInfo("America/Chicago"))
    late = there.replace(hour=23, minute=30, second=0, microsecond=0)
    return ((late - there).total_seconds() / 3600) % 24


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
        case Reason.EQUIPMENT_UNKNOWN:
            # Two of other types may be of two types.
            load, truck = {"equipment": ["other"]}, {"equipment": "other"}
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
            # 64 km as the crow flies, so within the circle, and more by road.
            load, driver = {"pickup": miles_away(40)}, {"max_deadhead_m": 70_000}
        case Reason.DETOUR_TOO_LONG:
            load = {"pickup": NEWARK, "delivery": destination(CHICAGO, 270, 230_000)}
        case Reason.PICKUP_CLOSED_BEFORE_ARRIVAL:
            load = {"stops": stops(world, (-5, 1), (0, 96), pickup=miles_away(150))}
        case Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL:
            load = {"stops": stops(world, (0, 48), (0, 6))}
        case Reason.HOME_TOO_LATE:
            driver = {"home_by_at": iso(utcnow() + timedelta(hours=6))}
        case Reason.BELOW_MIN_PAY:
            driver = {"min_pay_cents_per_km": 1_000}
        case Reason.COUNTRY_NOT_ALLOWED:
            load = {"delivery": LONDON_ONTARIO}
        case Reason.CABOTAGE:
            driver = {"country": "CA", "countries": ["CA", "US"]}
        case Reason.OFF_LANE:
            driver = hard("lane", to_state="TX")
        case Reason.ON_A_WEEKEND:
            # Six days and more go into a weekend, whatever day it is.
            load = {"stops": stops(world, (0, 48), (160, 200))}
            driver = hard("no_weekends")
        case Reason.AT_NIGHT:
            begin = hours_until_night()
            near = {"pickup": NEWARK, "delivery": miles_away(60)}
            load = {"stops": stops(world, (begin, begin + 9), (0, 96), **near)}
            driver = hard("no_nights")
        case Reason.IN_A_CITY:
            driver = hard("no_cities")
        case Reason.IN_DISLIKED_STATE:
            driver = hard("no_state", state="IL")
        case Reason.NO_GAIN:
            load = {"price_cents": 100}
        case Reason.OUTSIDE_OPERATING_AREA | Reason.IN_NO_GO_AREA:
            pass
    member = scene.driver(**truck)
    if driver:
        edited = scene.carrier.patch(f"/v1/drivers/{member.driver_id}", driver)
        assert edited.status == 200, edited.body
    return scene.load(**load), member


NEEDS_REAL_ROADS = {Reason.NO_ROAD}
"""The estimate of these scenes knows no islands: `test_no_road.py`."""

ABOUT_A_STOP = {
    Reason.OUTSIDE_CIRCLE: 1,
    Reason.OUTSIDE_CORRIDOR: 2,
    Reason.OUTSIDE_OPERATING_AREA: 1,
    Reason.IN_NO_GO_AREA: 2,
    Reason.PICKUP_CLOSED_BEFORE_ARRIVAL: 1,
    Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL: 2,
}
"""The number of the stop that is told with the reason."""


class TestExcluded:
    @pytest.mark.parametrize("reason", sorted(set(Reason) - NEEDS_REAL_ROADS))
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
        # A load outside the circle is not counted, but is still explained.
        is_counted = reason is not Reason.OUTSIDE_CIRCLE
        assert counts[answer["stage"]] == ({reason: 1} if is_counted else {})
        assert search.counts["considered"] == int(is_counted)
        assert answer.body.get("stop") == ABOUT_A_STOP.get(reason)
        # What it would have meant all the same.
        figures = answer["figures"]
        assert figures["empty_before_m"] == figures["baseline_m"] > 0
        assert figures["deadhead_m"] >= 0

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

    @pytest.mark.parametrize("end", ["lease_expires_at", "pickup_until"])
    def test_lapsed_before_any_job_had_marked_it(self, scene, end):
        load_id = scene.load()
        with Session.begin() as session:
            ago = {"pickup_from": timedelta(hours=1), end: timedelta(minutes=1)}
            session.execute(
                update(Load).values({name: func.now() - ago[name] for name in ago})
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
