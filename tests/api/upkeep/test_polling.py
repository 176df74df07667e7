"""Polling /v1/sync and /v1/me: 304 while nothing changed, and only then."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.fleet.drivers import Driver
from models.fleet.trucks import Truck
from models.loads.loads import Load
from models.people.organisations import Member, Organisation
from runtime.db import Session
from services.upkeep import sync
from tests.services.scene import Scene, let_time_run_out, open_offers, see_feed_settle
from tests.waiting import wait_until


@pytest.fixture
def scene(committed):
    return Scene(committed)


def start(caller):
    """Follow everything there is; return the last answer."""
    see_feed_settle()
    answer = caller.get("/v1/sync")
    assert not answer["has_more"]
    return answer


def poll(caller, answer):
    see_feed_settle()
    path = f"/v1/sync?cursor={answer['cursor']}"
    return caller.get(path, If_None_Match=answer.headers["ETag"])


NO_TAGS = ['""', 'W/""', '"', ",", '"", ""', '"x", ""']


@pytest.mark.parametrize("path", ["/v1/me", "/v1/offers"])
@pytest.mark.parametrize("tag", NO_TAGS)
def test_what_is_no_tag_gets_the_answer(scene, path, tag):
    assert scene.driver().get(path, If_None_Match=tag).status == 200


class TestSync:
    @pytest.fixture(autouse=True)
    def _places_stay_fresh(self, monkeypatch):
        """However long the test takes on a busy machine."""
        monkeypatch.setattr(sync, "FRESH", timedelta(days=1))

    def test_spares_the_answer_while_nothing_changes(self, scene):
        driver = scene.driver()
        first = start(driver)

        for _ in range(3):
            again = poll(driver, first)
            assert (again.status, again.body) == (304, None)
            assert again.headers["ETag"] == first.headers["ETag"]

    def test_spares_a_full_start_that_the_phone_has(self, scene):
        driver = scene.driver()
        first = start(driver)

        again = driver.get("/v1/sync", If_None_Match=first.headers["ETag"])

        assert again.status == 304

    def test_ignores_what_does_not_concern_the_caller(self, scene):
        driver, other = scene.drivers(2)
        scene.loads(2)
        first = start(driver)

        scene.search(other)
        other.put(f"/v1/offers/{open_offers(other)[0].id}/acceptance")

        assert poll(driver, first).status == 304

    def test_tells_each_change_once(self, scene):
        driver = scene.driver()
        scene.loads(2)
        first = start(driver)
        scene.search(driver)

        second = poll(driver, first)

        assert {change["kind"] for change in second["changes"]} == {"load", "offer"}
        assert poll(driver, second).status == 304

    def test_a_tag_is_good_for_its_own_cursor_only(self, scene):
        driver = scene.driver()
        first = start(driver)
        scene.loads(1)
        scene.search(driver)
        second = poll(driver, first)

        # The phone has the newer tag, but asks again from the older place.
        path = f"/v1/sync?cursor={first['cursor']}"
        again = driver.get(path, If_None_Match=second.headers["ETag"])

        assert again["changes"] == second["changes"]

    def test_of_a_page_that_is_not_the_last_it_is_never_good(self, scene):
        scene.loads(3)
        page = scene.shipper.get("/v1/sync?limit=1")
        assert page["has_more"]

        path = f"/v1/sync?limit=1&cursor={page['cursor']}"
        following = scene.shipper.get(path, If_None_Match=page.headers["ETag"])

        assert len(following["changes"]) == 1

    @pytest.mark.parametrize("tag", ['"x"', 'W/"0123"', "x", *NO_TAGS])
    def test_a_wrong_tag_gets_the_answer(self, scene, tag):
        driver = scene.driver()
        first = start(driver)

        for path in ("/v1/sync", f"/v1/sync?cursor={first['cursor']}"):
            assert driver.get(path, If_None_Match=tag).status == 200

    def test_the_tag_of_another_person_gets_the_answer(self, scene):
        driver, other = scene.drivers(2)
        theirs = start(other)

        assert (
            driver.get("/v1/sync", If_None_Match=theirs.headers["ETag"]).status == 200
        )

    def test_other_roles_start_again(self, scene):
        driver = scene.driver()
        first = start(driver)
        with Session.begin() as session:
            this = update(Member).where(Member.id == driver.member_id)
            session.execute(this.values(roles=["dispatcher", "driver"]))

        assert poll(driver, first).status == 410

    def test_an_old_place_moves_on(self, scene, monkeypatch):
        driver = scene.driver()
        first = start(driver)
        monkeypatch.setattr(sync, "FRESH", timedelta(0))

        # Places are kept in whole seconds: this one is in the past by now.
        wait_until(lambda: poll(driver, first).status != 304, "an answer")

        second = poll(driver, first)
        assert (second.status, second["changes"]) == (200, [])


def me(caller, answer):
    return caller.get("/v1/me", If_None_Match=answer.headers["ETag"])


def without_time(answer):
    return {name: v for name, v in answer.body.items() if name != "server_time"}


class TestMe:
    @pytest.mark.parametrize("who", ["driver", "carrier", "shipper"])
    def test_spares_the_answer_while_nothing_changes(self, scene, who):
        caller = scene.driver() if who == "driver" else getattr(scene, who)
        first = caller.get("/v1/me")

        for tag in (first.headers["ETag"], "*"):
            again = caller.get("/v1/me", If_None_Match=tag)
            assert (again.status, again.body) == (304, None)
        other = scene.driver() if who != "driver" else scene.carrier
        assert me(other, first).status == 200

    @pytest.mark.parametrize(
        "change",
        [
            *("member", "company", "driver", "truck", "offer", "late", "assigned"),
            *("stop", "edited", "unassigned"),
        ],
    )
    def test_changes_with_all_that_is_shown(self, scene, change):
        driver, load_id = scene.driver(), scene.load()
        if change in {"offer", "late"}:
            scene.search(driver)
        if change in {"stop", "edited", "unassigned"}:
            assignment_id = scene.assigned(driver, load_id)
        first = driver.get("/v1/me")
        assert me(driver, first).status == 304

        if change == "offer":
            path = f"/v1/offers/{open_offers(driver)[0].id}/decline"
            assert driver.put(path, {"reason": "price"}).status == 200
        elif change == "late":
            let_time_run_out(open_offers(driver)[0].id)
        elif change == "assigned":
            scene.assigned(driver, load_id)
        elif change == "stop":
            stop_id = first["assignments"][0]["load"]["stops"][0]["id"]
            body = {"occurred_at": first["server_time"]}
            assert driver.put(f"/v1/stops/{stop_id}/arrival", body).status == 200
        elif change == "unassigned":
            body = {"kind": "unassign", "reason": "safety"}
            path = f"/v1/assignments/{assignment_id}/override"
            assert scene.carrier.post(path, body).status == 201
        elif change == "edited":
            set_load(load_id)
        else:
            set_row(change, driver)

        after = me(driver, first)
        assert after.status == 200
        assert without_time(after) != without_time(first)
        assert without_time(after) == without_time(driver.get("/v1/me"))
        assert me(driver, after).status == 304


def set_load(load_id):
    with Session.begin() as session:
        session.execute(update(Load).where(Load.id == load_id).values(bill_to="Them"))


def set_row(which, driver):
    """Change the name of the member or company, the driver's home or the truck."""
    with Session.begin() as session:
        row = session.get_one(Driver, driver.driver_id)
        if which == "member":
            session.get_one(Member, driver.member_id).name = "Another Name"
        elif which == "company":
            session.get_one(Organisation, driver.org_id).name = "Another Company"
        elif which == "driver":
            row.home_lat += 1
        else:
            session.get_one(Truck, row.truck_id).unit_number += "x"
