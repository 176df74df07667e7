"""A load of a search that a dispatcher offers or assigns with one act."""

from functools import partial
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from models.fleet.drivers import Availability, Driver
from models.kernel.events import Event
from models.loads.loads import Load
from models.offers.offers import Offer
from runtime.db import Session
from services.search.ask import search_requested
from services.search.direct import offer_load
from tests.services.scene import (
    Scene,
    actor_of,
    after,
    at_once,
    decline,
    open_offers,
    pushes_to,
    rows_of,
)
from tests.services.search.test_waiting import change
from tests.world import NEW_YORK, utcnow

SEARCHES = "/v1/backhaul-searches"


@pytest.fixture
def found(scene, run_jobs):
    """Return a function that makes a dry run for a driver; it returns its id."""

    def find(driver) -> str:
        body = {"driver_id": driver.driver_id, "is_dry_run": True}
        search_id = scene.carrier.post(SEARCHES, body)["id"]
        run_jobs(**scene.changes)
        return search_id

    return find


def offer(scene, search_id, load_id):
    body = {"search_id": str(search_id), "load_id": str(load_id)}
    return scene.carrier.post("/v1/offers", body)


def by_hand(scene, search_id, load_id) -> Offer:
    """Offer the load by the rules of the scene."""
    with Session.begin() as session:
        return by_hand_in(session, scene, search_id, load_id)


def by_hand_in(session, scene, search_id, load_id) -> Offer:
    rules, actor = scene.rules, actor_of(scene.carrier)
    ids = {"search_id": UUID(search_id), "load_id": load_id}
    return offer_load(session, actor, rules.offers, rules.roads, **ids, now=utcnow())


class TestALoadOfADryRun:
    def test_is_offered_with_one_act(self, scene, found):
        first, second = scene.loads(2)
        driver = scene.driver()
        search_id = found(driver)

        answer = offer(scene, search_id, second)

        assert answer.status == 201
        assert (answer["status"], answer["strategy"]) == ("created", "direct")
        assert (answer["load_id"], answer["rank"]) == (str(second), 2)
        assert pushes_to(driver) == ["offer"]
        assert [each.load_id for each in open_offers(driver)] == [second]
        accepted = driver.put(f"/v1/offers/{answer['id']}/acceptance")
        assert accepted.status == 200
        assert first != second

    def test_is_assigned_with_one_act(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        found(driver)

        body = {"load_id": str(load_id), "driver_id": driver.driver_id}
        assert scene.carrier.post("/v1/assignments", body).status == 201

    def test_is_offered_in_the_name_of_the_dispatcher(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()

        made = offer(scene, found(driver), load_id)

        (event,) = rows_of(
            Event,
            Event.subject_id == UUID(made["id"]),
            Event.kind == "offer.create",
        )
        assert event.actor_id == scene.carrier.member_id
        assert event.actor_role == "dispatcher"

    def test_that_is_declined_is_followed_by_nothing(self, scene, found, run_jobs):
        _, second = scene.loads(2)
        driver = scene.driver()
        made = offer(scene, found(driver), second)

        decline(driver, UUID(made["id"]))
        run_jobs(**scene.changes)

        assert open_offers(driver) == []

    def test_takes_the_place_of_the_worst_offer_of_a_full_hand(self, scene, found):
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        worst = open_offers(driver)[-1]
        load_id = scene.load(price_cents=150_000, weight_kg=9_000)
        search_id = found(driver)

        answer = offer(scene, search_id, load_id)

        held = {each.load_id for each in open_offers(driver)}
        assert answer.status == 201
        assert load_id in held
        assert len(held) == 3
        assert worst.load_id not in held


class TestALoadBeyondTheDriversLimit:
    """The desk, or the driver, asked to look farther than the driver usually goes."""

    @pytest.fixture
    def offered(self, scene, run_jobs):
        load_id = scene.load()
        driver = scene.driver()
        own = f"/v1/drivers/{driver.driver_id}"
        assert driver.patch(own, {"max_deadhead_m": 5_000}).status == 200
        body = {"driver_id": driver.driver_id, "radius_m": 50_000, "is_dry_run": True}
        search_id = scene.carrier.post(SEARCHES, body)["id"]
        run_jobs(**scene.changes)
        return driver, offer(scene, search_id, load_id)

    def test_can_be_offered_and_accepted(self, offered):
        driver, made = offered

        assert made.status == 201
        assert driver.put(f"/v1/offers/{made['id']}/acceptance").status == 200

    def test_is_renewed_when_it_comes_back(self, scene, offered, run_jobs):
        driver, made = offered
        quicker = scene.driver()
        given = scene.assigned(quicker, UUID(made["load_id"]))
        path = f"/v1/assignments/{given}/override"
        decision = {"kind": "unassign", "reason": "safety"}
        assert scene.carrier.post(path, decision).status == 201
        run_jobs(**scene.changes)

        (again,) = open_offers(driver)
        assert str(again.load_id) == made["load_id"]
        assert again.renews_id == UUID(made["id"])

        scene.load(weight_kg=5_000)
        decline(driver, again.id)
        run_jobs(**scene.changes)
        assert open_offers(driver) == []

    def test_lets_the_list_of_the_drop_go_on_once_it_was_renewed(self, scene, run_jobs):
        """It took the place of the only offer of that list."""
        scene.changes["OFFERS_PER_DRIVER"] = 1
        driver, quicker = scene.drivers(2)
        own = f"/v1/drivers/{driver.driver_id}"
        assert driver.patch(own, {"max_deadhead_m": 5_000}).status == 200
        _, second = scene.loads(2, pickup=NEW_YORK)
        scene.search(driver)
        far = scene.load(price_cents=500_000, weight_kg=5_000)
        by_hand(scene, dry_run(scene, driver, radius_m=50_000), far)
        given = scene.assigned(quicker, far)
        decision = {"kind": "unassign", "reason": "safety"}
        scene.carrier.post(f"/v1/assignments/{given}/override", decision)
        run_jobs(**scene.changes)
        (again,) = open_offers(driver)
        assert again.load_id == far

        decline(driver, again.id)
        run_jobs(**scene.changes)

        assert [each.load_id for each in open_offers(driver)] == [second]


class TestIsRefused:
    def test_for_a_load_that_the_search_did_not_keep(self, scene, found):
        driver = scene.driver()
        search_id = found(driver)
        later = scene.load()

        assert offer(scene, search_id, later).status == 404
        assert offer(scene, search_id, uuid7()).status == 404

    def test_for_a_search_of_another_company(self, scene, found, world):
        load_id = scene.load()
        search_id = found(scene.driver())
        body = {"search_id": search_id, "load_id": str(load_id)}

        assert world.company().post("/v1/offers", body).status == 404
        assert scene.shipper.post("/v1/offers", body).status == 403

    def test_to_a_driver_it_is_not_theirs_to_make(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        body = {"search_id": found(driver), "load_id": str(load_id)}

        assert driver.post("/v1/offers", body).status == 403

    def test_once_the_load_was_taken(self, scene, found):
        load_id = scene.load()
        driver, quicker = scene.drivers(2)
        search_id = found(driver)
        scene.assigned(quicker, load_id)

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "load-not-on-the-market")

    def test_once_another_company_took_it(self, scene, found, world):
        load_id = scene.load()
        search_id = found(scene.driver())
        other = world.company()
        world.assign(other, world.driver(other, device=None), {"id": str(load_id)})

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "load-not-on-the-market")

    def test_while_enough_drivers_are_asked(self, scene, found):
        load_id = scene.load()
        driver, *others = scene.drivers(6)
        search_id = found(driver)
        scene.offered(*others)

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "load-has-enough-offers")

    def test_to_a_driver_with_a_load(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        scene.assigned(driver, scene.load(weight_kg=5_000))

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "driver-busy")

    def test_to_a_driver_off_duty(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        change(Driver, driver.driver_id, availability=Availability.RESTING)

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "driver-not-available")

    def test_a_second_time(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        made = offer(scene, search_id, load_id)

        again = offer(scene, search_id, load_id)
        decline(driver, UUID(made["id"]))
        after = offer(scene, search_id, load_id)

        assert (again.status, again.code) == (409, "offered-already")
        assert again["detail"] == "The offer is open."
        assert (after.status, after.code) == (409, "offered-already")
        assert offer(scene, found(driver), load_id).status == 201

    def test_to_the_driver_who_handed_it_back(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        given = scene.assigned(driver, load_id)
        path = f"/v1/assignments/{given}/hand-back"
        assert driver.put(path, {"reason": "hours"}).status == 200

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "handed-back")

    def test_once_it_is_worth_nothing(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        change(Load, load_id, price_cents=100)

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "not-worth-taking")
        assert rows_of(Offer) == []


def dry_run(scene, driver, **asked) -> str:
    """Search for the driver without offering; return the search."""
    body = {"driver_id": driver.driver_id, "is_dry_run": True} | asked
    search_id = scene.carrier.post(SEARCHES, body)["id"]
    with Session.begin() as session:
        search_requested(session, scene.rules, search_id=UUID(search_id), now=utcnow())
    return search_id


def test_the_last_place_of_a_load_goes_to_one_of_two_desks(committed):
    """Two drivers, one place left: one offer is made, the other is told why."""
    scene = Scene(committed)
    load_id = scene.load()
    one, other, *holders = scene.drivers(6)
    searches = [dry_run(scene, driver) for driver in (one, other)]
    scene.offered(*holders)

    answers = at_once(*(partial(offer, scene, each, load_id) for each in searches))

    assert sorted(answer.status for answer in answers) == [201, 409]
    (refused,) = (answer for answer in answers if answer.status == 409)
    assert refused.code == "load-has-enough-offers"


def test_two_desks_do_not_fill_one_hand_beyond_its_places(committed):
    """The driver holds two of three, and has seen them: each desk sees one place
    left."""
    scene = Scene(committed)
    loads = scene.loads(4)
    driver = scene.driver()
    search_id = dry_run(scene, driver)
    for load_id in loads[:2]:
        held = by_hand(scene, search_id, load_id)
        assert driver.put(f"/v1/offers/{held.id}/seen").status == 200

    after(
        lambda session: by_hand_in(session, scene, search_id, loads[2]),
        lambda session: by_hand_in(session, scene, search_id, loads[3]),
    )

    assert len(open_offers(driver)) == 3
