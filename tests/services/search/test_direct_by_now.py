"""An offer by hand, when much has happened since the search."""

from uuid import UUID

import pytest

from tests.services.scene import decline, open_offers
from tests.world import CLEVELAND, NEW_YORK

SEARCHES = "/v1/backhaul-searches"


@pytest.fixture
def found(scene, run_jobs):
    """Return a function that makes a dry run for a driver; it returns its id."""

    def find(driver, **asked) -> str:
        body = {"driver_id": driver.driver_id, "is_dry_run": True} | asked
        search_id = scene.carrier.post(SEARCHES, body)["id"]
        run_jobs(**scene.changes)
        return search_id

    return find


def offer(scene, search_id, load_id):
    body = {"search_id": str(search_id), "load_id": str(load_id)}
    return scene.carrier.post("/v1/offers", body)


class TestAfterANewerDrop:
    """The figures of an older search are those of a place that the driver has left."""

    def test_a_load_of_an_older_search_is_refused(self, scene, found):
        load_id = scene.load()
        driver = scene.driver()
        search_id = found(driver)
        scene.search(driver, at=CLEVELAND)

        answer = offer(scene, search_id, load_id)

        assert (answer.status, answer.code) == (409, "search-outdated")
        assert open_offers(driver) == []

    def test_a_load_of_the_drop_before_is_refused(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        before = scene.search(driver)
        scene.search(driver, at=CLEVELAND)

        assert offer(scene, before.id, load_id).code == "search-outdated"

    def test_a_load_of_a_plan_from_a_named_place_is_offered(self, scene, found):
        """The desk planned the day while the driver was still under way to the drop."""
        load_id = scene.load()
        driver = scene.driver()
        place = {"lat": NEW_YORK.lat, "lon": NEW_YORK.lon}
        search_id = found(driver, place=place)
        scene.search(driver, at=CLEVELAND)

        assert offer(scene, search_id, load_id).status == 201
        assert [each.load_id for each in open_offers(driver)] == [UUID(str(load_id))]


class TestASecondLoadOfTheSameFreight:
    @pytest.fixture
    def twins(self, scene):
        return scene.load(price_cents=300_000), scene.load(price_cents=290_000)

    def test_is_refused_while_the_first_is_open(self, scene, found, twins):
        driver = scene.driver()
        search_id = found(driver)
        first, second = twins
        assert offer(scene, search_id, first).status == 201

        answer = offer(scene, search_id, second)

        assert (answer.status, answer.code) == (409, "offered-already")
        assert [each.load_id for each in open_offers(driver)] == [first]

    def test_is_offered_once_the_first_was_declined(self, scene, found, twins):
        driver = scene.driver()
        search_id = found(driver)
        first, second = twins
        made = offer(scene, search_id, first)
        decline(driver, UUID(made["id"]))

        assert offer(scene, search_id, second).status == 201
