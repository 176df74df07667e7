"""A search that follows the drop's: the cases of `search.json` that need one, and what
brings a load to a driver who waits. Over the API, with the real jobs."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from models.loads.loads import Load
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from runtime.db import Session
from tests.services.scene import let_waits_pass, rows_of
from tests.services.search.test_waiting import let_a_minute_pass
from tests.source import ROOT
from tests.trips import book_long_ago, forget_where, make_trip
from tests.world import (
    CHICAGO,
    GARY,
    NEW_YORK,
    NEWARK,
    Caller,
    FakeGateway,
    World,
    iso,
    utcnow,
)

CASES = {
    case["name"]: case
    for case in json.loads(
        (ROOT / "tests" / "freight" / "cases" / "search.json").read_text()
    )["cases"]
}
RunJobs = Callable[..., list[str]]


def place(given: dict[str, Any]) -> Point:
    return Point(given["lat"], given["lon"])


def post_case(world: World, shipper: Caller, case: str, name: str, kg: int) -> str:
    """Post a load of a case; return its id.

    kg: the cases name no weights, by which freight with equal ends differs.
    """
    (load,) = (each for each in CASES[case]["loads"] if each["name"] == name)
    stops = [
        world.stop_body(
            stop["kind"], place(stop), starts_h=stop["from_h"], ends_h=stop["until_h"]
        )
        for stop in load["stops"]
    ]
    price = {"price_cents": load["price_usd"] * 100, "equipment": load["equipment"]}
    made = world.load(shipper, stops=stops, weight_kg=kg, **price)
    return str(made["id"])


def dropped(world: World, case: str) -> Caller:
    """Return the driver of a case, who has completed their drop."""
    found = CASES[case]
    return world.dropped(home=place(found["home"]), drop=place(found["drop"]))


def offered(driver: Caller) -> dict[str, str]:
    """Return the driver's open offers, by the id of the load, the best first."""
    listed = driver.get("/v1/offers?is_open=true")["data"]
    best_first = sorted(listed, key=lambda offer: -offer["score_cents"])
    return {offer["load_id"]: offer["id"] for offer in best_first}


def searches(driver: Caller) -> list[BackhaulSearch]:
    of_driver = BackhaulSearch.driver_id == UUID(driver.driver_id)
    return sorted(rows_of(BackhaulSearch, of_driver), key=lambda search: search.id)


def accept(driver: Caller, offer_id: str) -> str:
    """Accept the offer; return the assignment."""
    won = driver.put(f"/v1/offers/{offer_id}/acceptance")
    assert won.status == 200, won.body
    (assigned,) = driver.get("/v1/me")["assignments"]
    return str(assigned["id"])


def let_hours_pass(driver: Caller, hours: int) -> None:
    """Since the driver dropped and was seen there: a truck needs time to go on."""
    of_driver = {"driver_id": UUID(driver.driver_id), "ago": timedelta(hours=hours)}
    with Session.begin() as session:
        for table, column in (
            ("waiting_drivers", "free_at"),
            ("last_positions", "corrected_at"),
        ):
            session.execute(
                text(
                    f"update {table} set {column} = {column} - :ago"
                    " where driver_id = :driver_id"
                ),
                of_driver,
            )


def rings(gateway: FakeGateway, driver: Caller) -> int:
    return gateway.kinds(f"ok-{driver.driver_id}").count("offer")


class TestCases:
    def test_a_drop_that_is_reported_late(
        self, world: World, session: OrmSession, run_jobs: RunJobs
    ) -> None:
        case = "late report"
        given = CASES[case]["driver"]
        route = (("pickup", CHICAGO), ("delivery", place(CASES[case]["drop"])))
        trip = forget_where(book_long_ago(make_trip(world, session, route)))
        late = utcnow() - timedelta(hours=given["reported_late_h"])
        trip.confirm(0, confirmed_at=iso(late - timedelta(hours=20)))
        facts = [(0, "arrival"), (0, "completion"), (0, "departure"), (1, "arrival")]
        for hours, (stop, fact) in zip((30, 29, 28, 1), facts, strict=True):
            at = iso(late - timedelta(hours=hours))
            assert trip.tell(stop, fact, occurred_at=at).status == 200
        fix, age = (
            given["newest_fix"],
            timedelta(minutes=given["newest_fix"]["age_min"]),
        )
        world.locate(trip.driver, place(fix), at=utcnow() - age)
        shipper = world.shipper()
        post_case(world, shipper, case, "Newark", 9_000)
        ahead = post_case(world, shipper, case, "Cleveland", 12_000)

        assert trip.tell(1, "completion", occurred_at=iso(late)).status == 200
        run_jobs()

        assert list(offered(trip.driver)) == [ahead]
        (search,) = searches(trip.driver)
        assert search.situation["starts_from"] == "position"

    def test_a_load_that_is_posted_a_second_later(
        self, world: World, run_jobs: RunJobs
    ) -> None:
        driver, gateway = dropped(world, "posted a second later"), FakeGateway()
        run_jobs(gateway)
        assert offered(driver) == {}

        late = post_case(world, world.shipper(), "posted a second later", "late", 9_000)
        run_jobs(gateway)

        assert list(offered(driver)) == [late]
        assert rings(gateway, driver) == 1

    def test_the_fourth_and_fifth(self, world: World, run_jobs: RunJobs) -> None:
        case, shipper = "the fourth and fifth", world.shipper()
        loads = [
            post_case(world, shipper, case, f"load {n}", round(15_000 * 0.9**n))
            for n in range(5)
        ]
        driver = dropped(world, case)
        run_jobs()
        first = offered(driver)
        assert list(first) == loads[:3]

        for offer_id in first.values():
            declined = driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})
            assert declined.status == 200
        run_jobs()

        assert list(offered(driver)) == loads[3:]

    def test_a_load_that_is_cancelled_at_the_dock(
        self, world: World, run_jobs: RunJobs
    ) -> None:
        case, shipper = "cancelled at the dock", world.shipper()
        won = post_case(world, shipper, case, "won", 9_000)
        spare = post_case(world, shipper, case, "spare", 12_000)
        driver = dropped(world, case)
        run_jobs()
        accept(driver, offered(driver)[won])
        assert offered(driver) == {}
        pickup = shipper.get(f"/v1/loads/{won}")["stops"][0]
        let_hours_pass(driver, 1)
        world.locate(driver, place(pickup), at=utcnow())
        assert world.report(driver, pickup["id"], "arrival").status == 200

        gone = shipper.put(f"/v1/loads/{won}/cancellation", {"reason": "sold"})
        assert gone.status == 200, gone.body
        run_jobs()

        assert list(offered(driver)) == [spare]
        *_, search = searches(driver)
        assert search.trigger == "assignment_ended"
        drop = search.situation["drop"]
        assert abs(drop["lon"] - pickup["lon"]) < 0.001


class TestADriverWhoWaits:
    """From a drop in New York where there was nothing for them."""

    @pytest.fixture
    def shipper(self, world: World) -> Caller:
        return world.shipper()

    @pytest.fixture
    def driver(self, world: World, run_jobs: RunJobs) -> Caller:
        made = world.dropped()
        run_jobs()
        assert offered(made) == {}
        return made

    def post(self, world: World, shipper: Caller, **fields: Any) -> str:
        return str(world.load(shipper, NEWARK, CHICAGO, **fields)["id"])

    def test_is_offered_a_load_whose_price_is_raised(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        load_id = self.post(world, shipper, price_cents=4_000)
        run_jobs()
        assert offered(driver) == {}

        raised = shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 300_000})
        assert raised.status == 200, raised.body
        run_jobs()

        assert list(offered(driver)) == [load_id]

    def test_is_offered_a_load_whose_lease_is_renewed(
        self, world: World, run_jobs: RunJobs, shipper: Caller
    ) -> None:
        load_id = self.post(world, shipper)
        with Session.begin() as session:
            over = func.now() - text("interval '2 hours'")
            session.execute(update(Load).values(lease_expires_at=over))
        driver = world.dropped()
        run_jobs()
        assert offered(driver) == {}

        assert shipper.put(f"/v1/loads/{load_id}/posting").status == 200
        run_jobs()

        assert list(offered(driver)) == [load_id]

    def test_is_rung_once_for_two_loads_that_are_looked_at_together(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        first = self.post(world, shipper, weight_kg=9_000)
        second = self.post(world, shipper, price_cents=300_000)

        run_jobs()

        assert set(offered(driver)) == {first, second}
        assert len({offer.created_at for offer in rows_of(Offer)}) == 1

    def test_is_rung_a_minute_later_for_the_second_of_two_loads_of_one_second(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        gateway = FakeGateway()
        first = self.post(world, shipper, weight_kg=9_000)
        run_jobs(gateway)
        second = self.post(world, shipper, price_cents=300_000)
        run_jobs(gateway)
        assert list(offered(driver)) == [first]
        assert rings(gateway, driver) == 1

        let_a_minute_pass(driver)
        let_waits_pass()
        run_jobs(gateway)

        assert list(offered(driver)) == [second, first]
        assert rings(gateway, driver) == 2

    def test_holds_the_best_when_two_come_for_their_last_place(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        rules = {"OFFERS_PER_DRIVER": 2}
        held = self.post(world, shipper, price_cents=250_000, weight_kg=9_000)
        run_jobs(**rules)
        assert list(offered(driver)) == [held]

        good = self.post(world, shipper, price_cents=300_000, weight_kg=12_000)
        best = self.post(world, shipper, price_cents=350_000, weight_kg=14_000)
        run_jobs(**rules)
        let_a_minute_pass(driver)
        let_waits_pass()
        run_jobs(**rules)

        assert list(offered(driver)) == [best, good]

    def test_is_left_alone_at_home(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        let_hours_pass(driver, 20)
        world.locate(driver, CHICAGO, at=utcnow())

        world.load(shipper, CHICAGO, GARY, price_cents=60_000)
        run_jobs()

        assert offered(driver) == {}
        assert len(searches(driver)) == 1

    def test_is_left_alone_off_duty_and_rung_when_they_are_back(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        path = f"/v1/drivers/{driver.driver_id}"
        assert driver.patch(path, {"availability": "off_duty"}).status == 200
        self.post(world, shipper, weight_kg=9_000)
        run_jobs()
        assert offered(driver) == {}

        assert driver.patch(path, {"availability": "available"}).status == 200
        run_jobs()
        later = self.post(world, shipper)
        run_jobs()

        assert list(offered(driver)) == [later]

    def test_is_not_rung_in_quiet_hours_and_is_after_them(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        gateway, path = FakeGateway(), f"/v1/drivers/{driver.driver_id}"
        hours = {"from": "00:00", "until": "23:59", "zone": "UTC"}
        assert driver.patch(path, {"quiet_hours": hours}).status == 200
        load_id = self.post(world, shipper)
        run_jobs(gateway)
        assert (rings(gateway, driver), offered(driver)) == (0, {})
        told = driver.get(f"{path}/waiting")["stands_by"]
        assert (told["reason"], told["load_ids"]) == ("quiet_hours", [load_id])

        assert driver.patch(path, {"quiet_hours": None}).status == 200
        run_jobs(gateway)

        assert (rings(gateway, driver), list(offered(driver))) == (1, [load_id])

    def test_is_not_rung_while_the_truck_moves_and_is_when_it_stands(
        self, world: World, run_jobs: RunJobs, shipper: Caller, driver: Caller
    ) -> None:
        gateway = FakeGateway()
        let_hours_pass(driver, 1)
        world.fix(driver, NEW_YORK, at=utcnow(), speed_mps=25.0)
        load_id = self.post(world, shipper)
        run_jobs(gateway)
        assert (rings(gateway, driver), offered(driver)) == (0, {})
        told = driver.get(f"/v1/drivers/{driver.driver_id}/waiting")["stands_by"]
        assert (told["reason"], told["load_ids"]) == ("moving", [load_id])

        world.fix(driver, NEW_YORK, at=utcnow(), speed_mps=0.0)
        run_jobs(gateway)

        assert (rings(gateway, driver), list(offered(driver))) == (1, [load_id])


def test_a_driver_whose_load_the_desk_takes_away_is_offered_another(
    world: World, run_jobs: RunJobs
) -> None:
    carrier, shipper = world.company(), world.shipper()
    won = str(world.load(shipper, NEWARK, CHICAGO, price_cents=300_000)["id"])
    spare = str(world.load(shipper, NEWARK, CHICAGO, weight_kg=9_000)["id"])
    driver = world.dropped(carrier=carrier)
    run_jobs()
    assignment = accept(driver, offered(driver)[won])
    other = world.dropped(carrier=carrier)
    run_jobs()
    assert list(offered(other)) == [spare]

    path = f"/v1/assignments/{assignment}/override"
    taken = carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert taken.status == 201, taken.body
    run_jobs()
    for waits in (driver, other):
        let_a_minute_pass(waits)
    let_waits_pass()
    run_jobs()

    assert spare in offered(driver)
    assert searches(driver)[1].trigger == "assignment_ended"
    # The load itself came back, to a driver who waits.
    assert won in offered(other)
