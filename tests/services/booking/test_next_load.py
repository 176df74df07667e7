"""An acceptance before the drop books the next load."""

from datetime import timedelta
from uuid import UUID

import pytest

from models.fleet.drivers import Driver
from models.fleet.positions import LastPosition
from models.search.standing import Silence, StandingBy
from runtime.db import Session
from services.booking import answer
from services.booking.objections import Objected
from tests.services.booking.desk import change, grounds
from tests.services.booking.test_slots import crew, planning, slots
from tests.services.scene import (
    Scene,
    actor_of,
    after,
    offer_row,
    open_offers,
    rows_of,
)
from tests.services.search.dock import docked, interrupt, plan
from tests.services.search.standing_scene import row_of
from tests.world import World, utcnow


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def best_of(here) -> UUID:
    here.search()
    return open_offers(here.driver)[0].id


def accept(here, offer_id):
    return here.driver.put(f"/v1/offers/{offer_id}/acceptance")


def accepting(here, offer_id):
    actor = actor_of(here.driver)
    return lambda session: answer.accept(session, actor, offer_id, now=utcnow())


def availability(here) -> str:
    (driver,) = rows_of(Driver, Driver.id == UUID(here.driver.driver_id))
    return str(driver.availability)


class TestBeforeTheDrop:
    def test_it_is_the_next_load_and_the_current_one_after_the_drop(self, scene):
        best, _ = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)

        won = accept(here, offer_id)

        assert (won.status, won["slot"]) == (200, "next")
        assert slots() == {here.load_id: "current", best: "next"}
        assert availability(here) == "on_load"
        assert open_offers(here.driver) == []
        here.complete()
        assert slots() == {best: "current"}
        assert availability(here) == "on_load"
        assert accept(here, offer_id)["slot"] == "current"

    def test_no_position_is_asked_as_the_arrival_says_where_they_are(self, scene):
        scene.load()
        here = docked(scene)
        offer_id = best_of(here)
        old = utcnow() - timedelta(hours=5)
        change("last_positions", f"corrected_at = '{old.isoformat()}'")
        assert rows_of(LastPosition)[0].corrected_at == old

        assert accept(here, offer_id).status == 200

    def test_what_stood_by_ends(self, scene):
        scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)
        loads = [{"load_id": str(here.load_id), "search_id": str(offer_id)}]
        stands = StandingBy(
            driver_id=UUID(here.driver.driver_id),
            org_id=here.driver.org_id,
            loads=loads,
            reason=Silence.MOVING,
            since=utcnow(),
        )
        with Session.begin() as session:
            session.add(stands)
        assert row_of(here.driver) is not None

        assert accept(here, offer_id).status == 200

        assert row_of(here.driver) is None

    @pytest.mark.parametrize("is_desk_first", [True, False])
    def test_the_desk_and_the_driver_fill_the_slot_once(self, scene, is_desk_first):
        best, second = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)
        if is_desk_first:
            plan(scene, here.driver, second)
            refused = accept(here, offer_id)

            assert (refused.status, refused.code) == (410, "offer-withdrawn")
            assert slots() == {here.load_id: "current", second: "next"}
        else:
            assert accept(here, offer_id).status == 200
            asked = {"load_id": str(second), "driver_id": here.driver.driver_id}
            refused = scene.carrier.post(
                "/v1/assignments", asked | {"reason": "safety"}
            )

            assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
            assert slots() == {here.load_id: "current", best: "next"}

    def test_an_offer_left_over_by_the_desks_booking_wins_nothing(self, scene):
        _, second = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)
        plan(scene, here.driver, second)
        change("offers", "status = 'sent', ended_at = null", f"id = '{offer_id}'")

        refused = accept(here, offer_id)

        assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
        assert slots() == {here.load_id: "current", second: "next"}

    def test_an_offer_left_over_after_the_drop_wins_no_next_load(self, scene):
        """Its figures are of the way from a stop that is behind the driver."""
        _, second = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)
        here.complete()
        plan(scene, here.driver, second)
        change("offers", "status = 'sent', ended_at = null", f"id = '{offer_id}'")

        refused = accept(here, offer_id)

        assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
        assert slots() == {second: "current"}

    def test_the_truck_has_one_next_load_for_its_crew(self, scene):
        one, other = crew(scene)
        _, second = scene.loads(2)
        here = docked(scene, one)
        offer_id = best_of(here)
        plan(scene, other, second)

        refused = accept(here, offer_id)

        assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
        assert slots() == {here.load_id: "current", second: "next"}

    def test_a_truck_whose_crew_has_its_next_load_is_not_searched_for(self, scene):
        one, other = crew(scene)
        _, second = scene.loads(2)
        here = docked(scene, one)
        plan(scene, other, second)

        assert here.search() is None

    def test_a_load_that_is_closed_then_is_objected_to(self, scene):
        load_id = scene.load()
        here = docked(scene)
        offer_id = best_of(here)
        change("loads", "pickup_until = now()", f"id = '{load_id}'")

        refused = accept(here, offer_id)

        assert refused.status == 409
        assert "not_on_the_market" in grounds(refused)
        assert slots() == {here.load_id: "current"}

    def test_of_a_load_that_was_lost_it_is_the_current_one(self, scene):
        best = scene.load()
        here = docked(scene)
        offer_id = best_of(here)
        interrupt(here)

        assert accept(here, offer_id)["slot"] == "current"
        assert slots() == {best: "current"}


class TestAfterTheDrop:
    def test_it_is_the_current_load(self, scene):
        best = scene.load()
        here = docked(scene)
        offer_id = best_of(here)
        here.complete()

        assert accept(here, offer_id)["slot"] == "current"
        assert slots() == {best: "current"}

    def test_a_position_is_asked_again(self, scene):
        scene.load()
        here = docked(scene)
        offer_id = best_of(here)
        here.complete()
        old = utcnow() - timedelta(hours=5)
        change("last_positions", f"corrected_at = '{old.isoformat()}'")

        refused = accept(here, offer_id)

        assert (refused.status, refused.code) == (409, "position-too-old")
        assert slots() == {}


class TestRaces:
    @pytest.fixture
    def scene(self, committed: World) -> Scene:
        return Scene(committed)

    def test_the_drop_is_done_while_the_acceptance_waits(self, scene):
        best = scene.load()
        here = docked(scene)
        offer_id = best_of(here)

        won = after(here.complete_in, accepting(here, offer_id))

        assert won.slot == "current"
        assert slots() == {best: "current"}
        assert availability(here) == "on_load"

    def test_the_acceptance_is_done_while_the_drop_waits(self, scene):
        best = scene.load()
        here = docked(scene)
        offer_id = best_of(here)

        after(accepting(here, offer_id), here.complete_in)

        assert slots() == {best: "current"}
        assert availability(here) == "on_load"

    def test_the_desk_books_the_next_load_while_the_acceptance_waits(self, scene):
        """It waits for the offer, which the booking ends."""
        _, second = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)

        with pytest.raises(answer.OfferWithdrawn):
            after(planning_of(scene, here, second), accepting(here, offer_id))

        assert slots() == {here.load_id: "current", second: "next"}

    def test_the_rest_of_the_crew_gets_the_next_load_while_it_waits(self, scene):
        """It waits for the slot of the truck."""
        one, other = crew(scene)
        _, second = scene.loads(2)
        here = docked(scene, one)
        offer_id = best_of(here)

        with pytest.raises(Objected) as refused:
            after(planning(scene, other, second), accepting(here, offer_id))

        found = refused.value.extra["objections"]
        assert [objection["ground"] for objection in found] == ["slot_taken"]
        assert slots() == {here.load_id: "current", second: "next"}

    def test_the_driver_accepts_while_the_desks_booking_waits(self, scene):
        best, second = scene.loads(2)
        here = docked(scene)
        offer_id = best_of(here)

        with pytest.raises(Objected):
            after(accepting(here, offer_id), planning_of(scene, here, second))

        assert slots() == {here.load_id: "current", best: "next"}

    def test_two_drivers_want_one_load(self, scene):
        best = scene.load()
        here, there = docked(scene), docked(scene)
        mine, theirs = best_of(here), best_of(there)

        with pytest.raises(answer.OfferTaken):
            after(accepting(here, mine), accepting(there, theirs))

        assert slots()[best] == "next"
        assert offer_row(theirs).status == "lost"

    def test_the_drop_is_done_while_the_search_has_the_driver(self, scene):
        """The completion waits; the search after it finds what was offered."""
        best = scene.load()
        here = docked(scene)

        after(here.search_in, here.complete_in)

        assert [o.load_id for o in open_offers(here.driver)] == [best]


def planning_of(scene, here, load_id):
    return planning(scene, here.driver, load_id)
