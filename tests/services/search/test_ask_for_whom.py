"""For whom, and as of when, a search is asked for."""

import pytest

from freight.roles import Role
from models.people.organisations import Member
from tests.services.search.test_waiting import change

SEARCHES = "/v1/backhaul-searches"


def at(point) -> dict[str, float]:
    return {"lat": point.lat, "lon": point.lon}


def outlook_of(driver):
    return driver.get(f"/v1/drivers/{driver.driver_id}/waiting")


class TestAnOwnerWhoDrives:
    """One person is the desk and the driver."""

    @pytest.fixture
    def owner(self, scene):
        driver = scene.driver()
        change(Member, driver.member_id, roles=[Role.DRIVER, Role.DISPATCHER])
        return driver

    def test_asks_for_themselves_if_they_name_nobody(self, owner):
        answer = owner.post(SEARCHES, {})

        assert (answer.status, answer["driver_id"]) == (202, owner.driver_id)

    def test_asks_for_another_by_name(self, scene, owner):
        other = scene.driver()

        answer = owner.post(SEARCHES, {"driver_id": other.driver_id})

        assert answer["driver_id"] == other.driver_id
