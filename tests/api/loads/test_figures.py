"""What posters say of their loads: odd figures, impossible ones, prices by the mile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from geo.points import Point
from models.people.organisations import Verification
from runtime.db import Session
from services.kernel.versions import Precondition, VersionMismatch
from services.loads import confirmation
from services.people import organisations
from tests.services.scene import Scene, open_offers
from tests.world import CHICAGO, NEW_YORK, Answer, Caller, World, iso, utcnow

MILES = 925.0
"""Between New York and Chicago, by any road but the direct one."""

RunJobs = Callable[..., list[str]]
PHANTOM = {"price_cents": 1_000_000}
"""USD 10,000 for 925 miles: odd, and better than every other load."""


@pytest.fixture
def shipper(world: World) -> Caller:
    return world.shipper()


def post(world: World, shipper: Caller, **fields: Any) -> Answer:
    return shipper.post("/v1/loads", world.load_body(**fields))


def verify(shipper: Caller, state: Verification, now: datetime) -> None:
    assert shipper.org_id is not None
    with Session.begin() as session:
        organisations.verify(
            session, shipper.org_id, verification=state, source="SAFER", now=now
        )


def confirm_for_platform(seen: Answer) -> None:
    precondition = Precondition(frozenset({str(seen["version"])}))
    with Session.begin() as session:
        confirmation.confirm_for_platform(
            *(session, UUID(seen["id"]), precondition),
            reason="they showed us",
            now=utcnow(),
        )


class TestOddFigures:
    def test_are_posted_with_warnings_and_not_offered(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, **PHANTOM)

        assert (made.status, made["status"]) == (201, "posted")
        assert made["is_unconfirmed"] is True
        (warning,) = made["warnings"]
        assert warning["code"] == "price-odd"
        assert warning["pointer"] == "#/price_cents"
        assert "unusually much" in warning["detail"]
        carrier = world.company()
        driver = world.driver(carrier)
        assert carrier.get("/v1/loads/market")["data"] == []
        given = {"load_id": made["id"], "driver_id": driver.driver_id}
        refused = carrier.post("/v1/assignments", given)
        assert (refused.status, refused.code) == (404, "not-found")

    def test_take_no_offer_of_a_driver_until_they_are_confirmed(
        self, world: World
    ) -> None:
        scene = Scene(world)
        usual = scene.load()
        made = post(world, scene.shipper, **PHANTOM)
        driver = scene.driver()

        scene.search(driver)
        assert [offer.load_id for offer in open_offers(driver)] == [usual]

        verify(scene.shipper, Verification.VERIFIED, utcnow())
        path = f"/v1/loads/{made['id']}/confirmation"
        confirmed = scene.shipper.put(path)
        assert (confirmed.status, confirmed["is_unconfirmed"]) == (200, False)
        again = scene.driver()
        scene.search(again)
        assert UUID(made["id"]) in {offer.load_id for offer in open_offers(again)}
        assert scene.shipper.put(path).body == confirmed.body

    def test_take_no_offer_with_a_further_type_of_equipment(self, world: World) -> None:
        scene = Scene(world)
        usual = scene.load()
        made = post(
            world, scene.shipper, price_cents=1_400_000, equipment=["van", "other"]
        )
        driver = scene.driver()

        scene.search(driver)

        assert made["is_unconfirmed"] is True
        assert [offer.load_id for offer in open_offers(driver)] == [usual]

    @pytest.mark.parametrize(
        "state", [Verification.UNVERIFIED, Verification.REFUSED], ids=str
    )
    def test_are_not_confirmed_by_a_company_that_is_not_verified(
        self, world: World, shipper: Caller, state: Verification
    ) -> None:
        made = post(world, shipper, **PHANTOM)
        verify(shipper, state, utcnow())

        refused = shipper.put(f"/v1/loads/{made['id']}/confirmation")

        assert (refused.status, refused.code) == (403, "company-not-verified")
        assert shipper.get(f"/v1/loads/{made['id']}")["is_unconfirmed"] is True

    def test_may_be_confirmed_by_the_platform_and_that_is_recorded(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, **PHANTOM)

        confirm_for_platform(made)

        carrier = world.company()
        (listed,) = carrier.get("/v1/loads/market")["data"]
        assert listed["id"] == made["id"]
        with Session() as session:
            event = session.execute(
                text(
                    "select actor_role, reason from events"
                    " where kind = 'load.confirm_figures' and subject_id = :id"
                ),
                {"id": made["id"]},
            ).one()
        assert tuple(event) == ("system", "they showed us")

    def test_are_not_confirmed_by_another_company(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, **PHANTOM)
        rival = world.shipper()
        verify(rival, Verification.VERIFIED, utcnow())

        assert rival.put(f"/v1/loads/{made['id']}/confirmation").status == 404

    def test_arise_and_go_with_edits(self, world: World, shipper: Caller) -> None:
        made = post(world, shipper)
        path = f"/v1/loads/{made['id']}"
        verify(shipper, Verification.VERIFIED, utcnow())
        assert (made["warnings"], made["is_unconfirmed"]) == ([], False)

        assert shipper.patch(path, PHANTOM)["is_unconfirmed"] is True
        assert shipper.put(f"{path}/confirmation")["is_unconfirmed"] is False
        # A change of something else asks for no other confirmation.
        assert shipper.patch(path, {"commodity": "Beer"})["is_unconfirmed"] is False
        worse = shipper.patch(path, {"price_cents": 1_100_000})
        assert worse["is_unconfirmed"] is True
        usual = shipper.patch(path, {"price_cents": 260_000})
        assert (usual["warnings"], usual["is_unconfirmed"]) == ([], False)

    @pytest.mark.parametrize("change", ["temperature", "lane", "size", "same"])
    def test_are_confirmed_as_they_were_and_no_others(
        self, world: World, shipper: Caller, change: str
    ) -> None:
        """Also where the sentence of the warning stays the same."""
        odd: dict[str, Any] = {"temperature_min_c": 2, "temperature_max_c": 8}
        odd |= {"equipment": ["curtain_van", "reefer"]}
        made = post(world, shipper, **PHANTOM, **odd)
        path = f"/v1/loads/{made['id']}"
        verify(shipper, Verification.VERIFIED, utcnow())
        assert shipper.put(f"{path}/confirmation")["is_unconfirmed"] is False
        there, back = ((stop["lat"], stop["lon"]) for stop in made["stops"])
        changes: dict[str, dict[str, Any]] = {
            "temperature": {"temperature_min_c": 25, "temperature_max_c": 30},
            "lane": {
                "stops": [
                    world.stop_body("pickup", Point(*back)),
                    world.stop_body("delivery", Point(*there), ends_h=96),
                ]
            },
            "size": {"weight_kg": 9_000},
            "same": {**PHANTOM, **odd, "commodity": "Beer"},
        }

        edited = shipper.patch(path, changes[change])

        assert edited["warnings"] == made["warnings"]
        assert edited["is_unconfirmed"] is (change != "same")

    def test_are_confirmed_by_the_platform_as_it_saw_them(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, **PHANTOM)
        path = f"/v1/loads/{made['id']}"
        shipper.patch(path, {"price_cents": 2_500_000})

        with pytest.raises(VersionMismatch):
            confirm_for_platform(made)

        assert shipper.get(path)["is_unconfirmed"] is True
        seen = shipper.get(path)
        for _ in range(2):
            confirm_for_platform(seen)
        assert shipper.get(path)["is_unconfirmed"] is False


class TestImpossibleFigures:
    def test_are_refused_with_the_words_of_the_slip(
        self, world: World, shipper: Caller
    ) -> None:
        refused = post(world, shipper, weight_kg=42_000)

        assert (refused.status, refused.code) == (422, "invalid-request")
        assert refused["errors"] == [
            {
                "pointer": "#/weight_kg",
                "detail": "42,000 kg is 92,594 lb: did you mean pounds?",
            }
        ]
        assert shipper.get("/v1/loads")["data"] == []

    def test_are_refused_in_an_edit_too(self, world: World, shipper: Caller) -> None:
        made = post(world, shipper)

        refused = shipper.patch(f"/v1/loads/{made['id']}", {"length_m": 48})

        assert refused["errors"][0]["detail"] == ("48 m is 157 ft: did you mean feet?")
        assert shipper.get(f"/v1/loads/{made['id']}").body == made.body


class TestAPriceByTheMile:
    def test_is_multiplied_with_the_posters_miles(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(
            world, shipper, rate_type="per_mile", price_cents=250, billed_miles=MILES
        )

        assert (made.status, made["price_cents"]) == (201, 231_250)
        assert (made["rate_cents"], made["billed_miles"]) == (250, MILES)
        assert made["miles_source"] == "poster"
        assert made["warnings"] == []

    def test_is_multiplied_with_the_products_miles_without_them(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, rate_type="per_mile", price_cents=250)

        miles = round(made["loaded_m"] / 1609.344, 1)
        assert (made["billed_miles"], made["rate_cents"]) == (miles, 250)
        assert made["price_cents"] == round(250 * miles)
        assert made["miles_source"] == made["distance_source"] == "estimated"

    def test_that_is_the_total_is_refused(self, world: World, shipper: Caller) -> None:
        refused = post(world, shipper, rate_type="per_mile", price_cents=250_000)

        assert refused["errors"][0]["pointer"] == "#/price_cents"

    def test_follows_edits(self, world: World, shipper: Caller) -> None:
        made = post(
            world, shipper, rate_type="per_mile", price_cents=250, billed_miles=MILES
        )
        path = f"/v1/loads/{made['id']}"

        assert shipper.patch(path, {"price_cents": 300})["price_cents"] == 277_500
        assert shipper.patch(path, {"billed_miles": 900})["price_cents"] == 270_000
        assert shipper.patch(path, {"commodity": "Beer"})["price_cents"] == 270_000
        ours = shipper.patch(path, {"billed_miles": None})
        assert ours["price_cents"] == round(300 * ours["billed_miles"])
        total = shipper.patch(path, {"rate_type": "all_in", "price_cents": 280_000})
        assert (total["price_cents"], total["rate_cents"]) == (280_000, None)
        assert (total["billed_miles"], total["miles_source"]) == (None, None)
        without = shipper.patch(path, {"rate_type": "per_mile"})
        assert without["errors"][0]["pointer"] == "#/price_cents"

    def test_new_stops_need_other_miles(self, world: World, shipper: Caller) -> None:
        made = post(
            world, shipper, rate_type="per_mile", price_cents=250, billed_miles=MILES
        )
        stops = [
            world.stop_body("pickup", NEW_YORK),
            world.stop_body("delivery", NEW_YORK, ends_h=96),
        ]

        edited = shipper.patch(f"/v1/loads/{made['id']}", {"stops": stops})

        assert edited["miles_source"] == "estimated"

    def test_by_weight_is_multiplied_with_the_weight(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, rate_type="per_cwt", price_cents=700)

        assert made["price_cents"] == round(700 * 15_000 * 2.2046226218 / 100)
        refused = post(
            world, shipper, rate_type="per_cwt", price_cents=700, weight_kg=None
        )
        assert refused["errors"][0]["pointer"] == "#/weight_kg"


class TestWindows:
    @pytest.mark.parametrize(
        ("from_h", "until_h", "is_odd"),
        [
            (0, 30 * 24, False),
            (0, 31 * 24, True),
            (365 * 24, 365 * 24 + 2, False),
            (370 * 24, 370 * 24 + 2, True),
        ],
    )
    def test_that_nobody_means_are_odd(
        self, world: World, shipper: Caller, from_h: int, until_h: int, is_odd: bool
    ) -> None:
        body = world.load_body()
        now = utcnow()
        start, end = (iso(now + timedelta(hours=h)) for h in (from_h, until_h))
        body["stops"][0] |= {"window_from": start, "window_until": end}
        later = iso(now + timedelta(hours=until_h + 24))
        body["stops"][1] |= {"window_from": end, "window_until": later}

        posted = shipper.post("/v1/loads", body)

        assert posted.status == 201
        codes = [warning["code"] for warning in posted["warnings"]]
        assert codes == (["window-odd"] if is_odd else [])
        assert posted["is_unconfirmed"] is is_odd

    @pytest.mark.parametrize(
        ("pickup_h", "delivery_h", "is_odd"),
        [
            ((0, 1), (0, 10), True),  # 711 miles as the crow flies
            ((0, 1), (0, 12), False),
            ((1, 1.01), (1.01, 1.02), True),
            ((-100, 48), (-100, -50), True),
            ((-9, 4), (-9, 10), True),
            ((0, 48), (24 * 31, 24 * 32), False),
            ((0, 48), (24 * 33, 24 * 34), True),
            ((0, 48), (24 * 365 * 170, 24 * 365 * 170 + 5), True),
        ],
    )
    def test_that_no_truck_keeps_or_that_keep_one_for_a_month_are_odd(
        self,
        world: World,
        shipper: Caller,
        pickup_h: tuple[float, float],
        delivery_h: tuple[float, float],
        is_odd: bool,
    ) -> None:
        stops = [
            world.stop_body("pickup", NEW_YORK, *pickup_h),
            world.stop_body("delivery", CHICAGO, *delivery_h),
        ]

        posted = shipper.post("/v1/loads", world.load_body(stops=stops))

        assert posted.status == 201
        codes = [warning["code"] for warning in posted["warnings"]]
        assert codes == (["window-odd"] if is_odd else [])
        on_market = world.company().get("/v1/loads/market")["data"]
        assert [load["id"] for load in on_market] == [posted["id"]] * (not is_odd)

    def test_are_asked_at_each_stop(self, world: World, shipper: Caller) -> None:
        stops = [
            world.stop_body("pickup", NEW_YORK),
            world.stop_body("delivery", CHICAGO, 0, 2),
            world.stop_body("delivery", NEW_YORK, 0, 96),
        ]

        posted = shipper.post("/v1/loads", world.load_body(stops=stops))

        assert [each["code"] for each in posted["warnings"]] == ["window-odd"]

    def test_that_passed_while_the_freight_is_carried_ask_for_nothing(
        self, world: World, shipper: Caller
    ) -> None:
        load, carrier = world.load(shipper), world.company()
        world.assign(carrier, world.driver(carrier), load)
        with Session.begin() as session:
            session.execute(text("update stops set window_until = window_from"))

        edited = shipper.patch(f"/v1/loads/{load['id']}", {"may_be_rebrokered": True})

        assert (edited.status, edited["may_be_rebrokered"]) == (200, True)
        assert (edited["warnings"], edited["is_unconfirmed"]) == ([], False)
