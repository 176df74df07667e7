"""API6, unrestricted access to sensitive business flows: a bot cannot accept loads."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, text, update

from models.fleet.positions import LastPosition
from runtime.db import Session
from services.booking import answer
from tests.owasp.proofs import missing
from tests.services.scene import (
    Scene,
    active,
    actor_of,
    let_time_run_out,
    offer_row,
    open_offers,
)
from tests.test_security import routes
from tests.world import CLEVELAND, NEW_YORK, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def accept(driver, offer_id):
    return driver.put(f"/v1/offers/{offer_id}/acceptance")


def seen(driver, age):
    """Give the driver a newest position of this age, by the database's clock."""
    with Session.begin() as session:
        done = session.execute(
            update(LastPosition)
            .where(LastPosition.driver_id == UUID(driver.driver_id))
            .values(corrected_at=func.now() - text(f"interval '{age}'"))
        )
        assert done.rowcount == 1


def forget(driver):
    """Delete the driver's last position, as if they had never sent one."""
    with Session.begin() as session:
        session.execute(
            delete(LastPosition).where(LastPosition.driver_id == UUID(driver.driver_id))
        )


class TestAcceptance:
    @pytest.mark.parametrize("age", ["30 minutes", "0", "-1 minute"])
    def test_by_a_driver_seen_within_half_an_hour_wins(self, scene, age):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        seen(driver, age)

        assert accept(driver, offer_id).status == 200

    @pytest.mark.parametrize("age", ["30 minutes 0.001 seconds", "1 year", None])
    def test_without_a_recent_position_is_refused_until_there_is_one(
        self, scene, world, age
    ):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        seen(driver, age) if age else forget(driver)

        refused = accept(driver, offer_id)

        assert (refused.status, refused.code) == (409, "position-too-old")
        assert active(load_id=load_id) == []
        assert offer_row(offer_id).status == "created"
        world.locate(driver, NEW_YORK, at=utcnow())
        assert accept(driver, offer_id).status == 200

    @pytest.mark.parametrize("hours", [-26, 26])
    def test_is_judged_by_the_databases_clock_alone(self, scene, hours):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        wrong = utcnow() + timedelta(hours=hours)

        def act():
            with Session.begin() as session:
                return answer.accept(
                    session,
                    actor_of(driver),
                    offer_id,
                    now=wrong,
                )

        seen(driver, "31 minutes")
        with pytest.raises(answer.PositionTooOld):
            act()
        seen(driver, "29 minutes")
        assert act().offer_id == offer_id

    def test_that_was_won_is_answered_again_from_anywhere(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        won = accept(driver, offer_id)

        forget(driver)

        again = accept(driver, offer_id)
        assert (again.status, again.body) == (200, won.body)

    def test_of_a_taken_load_is_told_so_also_without_a_position(self, scene):
        scene.load()
        winner, loser = scene.drivers(2)
        mine, theirs = scene.offered(winner, loser)
        forget(loser)
        accept(winner, mine)

        assert accept(loser, theirs).code == "offer-taken"

    @pytest.mark.parametrize("end", ["offer-expired", "offer-withdrawn"])
    def test_of_an_ended_offer_is_told_how_it_ended(self, scene, end):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        forget(driver)
        if end == "offer-expired":
            let_time_run_out(offer_id)
        else:
            path = f"/v1/loads/{load_id}/cancellation"
            assert scene.shipper.put(path, {"reason": "sold"}).status == 200

        assert accept(driver, offer_id).code == end

    def test_by_a_driver_who_declined_or_has_a_load_is_told_so(self, scene):
        scene.loads(2)
        driver, busy = scene.drivers(2)
        scene.offered(driver, busy)
        forget(driver)
        first = open_offers(driver)[0].id
        driver.put(f"/v1/offers/{first}/decline", {"reason": "price"})
        offer_id = open_offers(busy)[0].id
        scene.assigned(busy, scene.load(pickup=CLEVELAND))
        forget(busy)

        assert accept(driver, first).code == "offer-status"
        assert accept(busy, offer_id).code in {"objections", "offer-withdrawn"}

    def test_needs_no_position_where_the_operator_says_so(self, scene, limited):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        forget(driver)

        asks_not = replace(driver, app=limited(ACCEPT_POSITION_MAX_AGE_S=0))

        assert accept(asks_not, offer_id).status == 200

    def test_by_another_driver_is_not_found(self, scene):
        scene.load()
        driver, colleague = scene.drivers(2)
        (offer_id,) = scene.offered(driver)

        assert accept(colleague, offer_id).code == "not-found"
        assert offer_row(offer_id).status == "created"


class TestScraping:
    def test_every_list_is_metered(self, world, limited):
        app = limited(LIMIT_LISTS_PER_MIN=1)
        desk, shipper = world.company(), world.shipper()
        driver = world.driver(desk, device=None)
        callers = [
            (caller, set(caller.get("/v1/me")["permissions"]))
            for caller in (desk, shipper, driver)
        ]
        lists = [
            route
            for route in routes(app)
            if route.method == "GET" and route.permission and not route.arguments
        ]
        assert len(lists) > 10

        for route in lists:
            caller = next(
                member for member, granted in callers if route.permission in granted
            )
            fresh = world.caller(caller.member_id, caller.org_id)
            empty_the_counters()
            statuses = [
                replace(fresh, app=app).get(route.path).status for _ in range(2)
            ]
            assert statuses[1] == 429, (route, statuses)


def empty_the_counters():
    with Session.begin() as session:
        session.execute(text("delete from rate_limits"))


def test_the_other_proofs_exist():
    assert (
        missing(
            "api/kernel/test_limits.py::TestPeople::test_acceptances_are_limited_for_each_driver",
            "api/kernel/test_limits.py::TestPeople::test_lists_have_a_quota_of_their_own",
            "api/offers/test_offers.py::TestWhoMayAnswer"
            "::test_another_driver_of_the_company_and_a_stranger_know_nothing_of_it",
        )
        == []
    )
    assert missing("api/kernel/test_limits.py::TestPeople::test_no_such") != []
