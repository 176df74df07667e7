"""Overrides: what changes, who is told, what is recorded."""

import pytest

from models.kernel.events import Event
from models.loads.loads import Load
from tests.services.booking.desk import change, everything, grounds, override, won
from tests.services.scene import (
    Scene,
    active,
    offer_row,
    open_offers,
    pushes_to,
    rows_of,
)
from tests.world import CHICAGO, CLEVELAND


@pytest.fixture
def scene(world):
    made = Scene(world)
    world.phone(made.shipper, f"desk-{made.shipper.member_id}")
    return made


def availability(driver):
    return driver.get("/v1/me")["driver"]["availability"]


class TestReassign:
    def test_the_load_goes_from_one_driver_to_the_other_and_all_are_told(self, scene):
        scene.load()
        old, new = scene.drivers(2)
        carried = won(scene, old)

        made = override(
            scene.carrier, carried["id"], kind="reassign", driver_id=new.driver_id
        )

        assert made.status == 201
        (now_carried,) = active()
        assert (str(now_carried.driver_id), now_carried.kind) == (
            new.driver_id,
            "backhaul",
        )
        assert made["before"]["driver_id"] == old.driver_id
        assert made["after"]["driver_id"] == new.driver_id
        assert made["after"]["assignment_id"] == str(now_carried.id)
        assert set(made["notified"]) == {str(c.member_id) for c in (old, new)}
        # The poster is not named: they belong to another company.
        assert made["after"]["poster_told"]
        assert pushes_to(old)[-1] == "load_unassigned"
        assert pushes_to(new)[-1] == "load_assigned"
        assert pushes_to(scene.shipper)[-1] == "load_reassigned"
        assert (availability(old), availability(new)) == ("available", "on_load")

    def test_the_new_drivers_open_offers_are_superseded(self, scene):
        scene.loads(2)
        old, new = scene.drivers(2)
        carried = won(scene, old)
        (offer_id,) = scene.offered(new)

        override(scene.carrier, carried["id"], kind="reassign", driver_id=new.driver_id)

        assert offer_row(offer_id).status == "superseded"

    def test_a_load_in_transit_keeps_its_progress(self, scene, world):
        load = world.load(scene.shipper)
        old, new = scene.drivers(2)
        carried = scene.assigned(old, load["id"])
        first, last = load["stops"]
        world.report(old, first["id"], "arrival")
        world.report(old, first["id"], "completion")
        world.confirm(scene.shipper, first["id"])
        world.report(old, first["id"], "departure")

        made = override(
            scene.carrier, carried, kind="reassign", driver_id=new.driver_id
        )

        assert made.status == 201
        assert made["after"]["load_status"] == "in_transit"
        refused = world.report(old, last["id"], "arrival")
        assert (refused.status, refused.code) == (409, "assignment-ended")
        assert world.report(new, last["id"], "arrival").status == 200

    @pytest.mark.parametrize("kind_of_their_load", ["planned", "backhaul"])
    def test_a_busy_driver_gets_nothing_and_nothing_changes(
        self, scene, kind_of_their_load
    ):
        scene.load()
        old, busy = scene.drivers(2)
        carried = won(scene, old)
        other = scene.load(pickup=CLEVELAND)
        if kind_of_their_load == "planned":
            scene.assigned(busy, other)
        else:
            override(
                scene.carrier,
                kind="force_assign",
                load_id=str(other),
                driver_id=busy.driver_id,
            )
        before = everything()

        refused = override(
            scene.carrier, carried["id"], kind="reassign", driver_id=busy.driver_id
        )

        assert (refused.status, grounds(refused)) == (
            409,
            ["slot_taken", "detour_too_long"],
        )
        assert everything() == before

    def test_the_driver_who_has_it_already_is_refused(self, scene):
        scene.load()
        driver = scene.driver()
        carried = won(scene, driver)

        refused = override(
            scene.carrier, carried["id"], kind="reassign", driver_id=driver.driver_id
        )

        assert (refused.status, refused.code) == (409, "driver-busy")

    def test_a_driver_without_a_truck_cannot_carry_it(self, scene):
        scene.load()
        carried = won(scene, scene.driver())
        walker = scene.driver()
        scene.carrier.patch(f"/v1/drivers/{walker.driver_id}", {"truck_id": None})

        refused = override(
            scene.carrier, carried["id"], kind="reassign", driver_id=walker.driver_id
        )

        assert (refused.status, grounds(refused)) == (409, ["no_truck"])

    def test_the_event_names_both_and_the_reason(self, scene):
        scene.load()
        old, new = scene.drivers(2)
        carried = won(scene, old)

        override(
            scene.carrier,
            carried["id"],
            kind="reassign",
            reason="hos_risk",
            driver_id=new.driver_id,
        )

        (event,) = rows_of(Event, Event.kind == "load.reassign")
        assert (event.reason, event.actor_role) == ("hos_risk", "dispatcher")
        assert event.body["from"] == old.driver_id
        assert event.body["to"] == new.driver_id


class TestUnassign:
    def test_the_load_is_on_the_market_again(self, scene):
        load_id = scene.load()
        driver, other = scene.drivers(2)
        carried = won(scene, driver)

        made = override(scene.carrier, carried["id"], kind="unassign")

        assert made.status == 201
        assert made["before"]["load_status"] == "booked"
        assert made["after"] == {
            "load_id": str(load_id),
            "load_status": "posted",
            "driver_id": None,
            "assignment_id": None,
            "poster_told": True,
        }
        assert active() == []
        assert pushes_to(driver)[-1] == "load_unassigned"
        assert pushes_to(scene.shipper)[-1] == "load_uncovered"
        assert availability(driver) == "available"
        scene.search(other)
        assert [offer.load_id for offer in open_offers(other)] == [load_id]

    def test_a_load_in_transit_cannot_be_left_without_a_driver(self, scene, world):
        load = world.load(scene.shipper)
        driver = scene.driver()
        carried = scene.assigned(driver, load["id"])
        pickup = load["stops"][0]["id"]
        world.report(driver, pickup, "arrival")
        world.report(driver, pickup, "completion")
        world.confirm(scene.shipper, pickup)
        world.report(driver, pickup, "departure")
        before = everything()

        refused = override(scene.carrier, carried, kind="unassign")

        assert (refused.status, refused.code) == (409, "load-status")
        assert everything() == before

    def test_an_arrival_is_forgotten_for_the_next_driver(self, scene, world):
        load = world.load(scene.shipper)
        driver, other = scene.drivers(2)
        carried = scene.assigned(driver, load["id"])
        world.report(driver, load["stops"][0]["id"], "arrival")

        override(scene.carrier, carried, kind="unassign")
        scene.assigned(other, load["id"])

        assert world.report(other, load["stops"][0]["id"], "arrival").status == 200

    def test_what_has_ended_cannot_end_again(self, scene):
        scene.load()
        carried = won(scene, scene.driver())
        override(scene.carrier, carried["id"], kind="unassign")

        refused = override(scene.carrier, carried["id"], kind="unassign")

        assert (refused.status, refused.code) == (409, "assignment-ended")


class TestForceAssign:
    def test_a_posted_load_goes_to_a_free_driver_and_its_offers_are_lost(self, scene):
        load_id = scene.load()
        chosen, offered = scene.drivers(2)
        (offer_id,) = scene.offered(offered)

        made = override(
            scene.carrier,
            kind="force_assign",
            load_id=str(load_id),
            driver_id=chosen.driver_id,
        )

        assert made.status == 201
        (carried,) = active(load_id=load_id)
        assert (str(carried.driver_id), carried.kind) == (chosen.driver_id, "backhaul")
        assert made["assignment_id"] == str(carried.id)
        assert offer_row(offer_id).status == "lost"
        assert pushes_to(chosen)[-1] == "load_assigned"
        assert pushes_to(offered)[-1] == "offer_lost"
        assert "load_reassigned" in pushes_to(scene.shipper)

    def test_replaces_the_drivers_load_which_goes_back_to_the_market(self, scene):
        first, second = scene.loads(2)
        driver = scene.driver()
        carried = won(scene, driver)

        made = override(
            scene.carrier, carried["id"], kind="force_assign", load_id=str(second)
        )

        assert made.status == 201
        assert [a.load_id for a in active()] == [second]
        assert made["before"]["assignment"]["load_id"] == str(first)
        assert made["after"]["load_id"] == str(second)
        assert availability(driver) == "on_load"
        assert rows_of(Load, Load.id == first)[0].status == "posted"
        assert pushes_to(driver)[-2:] == ["load_unassigned", "load_assigned"]
        assert pushes_to(scene.shipper)[-2:] == ["load_uncovered", "load_reassigned"]

    def test_a_load_that_is_gone_leaves_the_old_one_where_it_was(self, scene):
        _, second = scene.loads(2)
        driver, other = scene.drivers(2)
        carried = won(scene, driver)
        scene.assigned(other, second)
        change("last_positions", f"lat = {CHICAGO.lat}, lon = {CHICAGO.lon}")
        before = everything()

        refused = override(
            scene.carrier, carried["id"], kind="force_assign", load_id=str(second)
        )

        assert grounds(refused) == ["not_on_the_market", "detour_too_long"]
        assert everything() == before

    def test_a_driver_with_a_backhaul_is_busy(self, scene):
        _, second = scene.loads(2)
        driver = scene.driver()
        won(scene, driver)
        change("last_positions", f"lat = {CHICAGO.lat}, lon = {CHICAGO.lon}")
        before = everything()

        refused = override(
            scene.carrier,
            kind="force_assign",
            load_id=str(second),
            driver_id=driver.driver_id,
        )

        assert (refused.status, grounds(refused)) == (
            409,
            ["slot_taken", "detour_too_long"],
        )
        assert everything() == before


class TestWithdrawOffer:
    def test_the_offer_ends_and_the_phone_is_told(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        made = override(scene.carrier, kind="withdraw_offer", offer_id=str(offer_id))

        assert made.status == 201
        assert offer_row(offer_id).status == "withdrawn"
        assert made["before"] == {"offer_status": "created"}
        assert made["after"]["offer_status"] == "withdrawn"
        assert made["notified"] == [str(driver.member_id)]
        assert pushes_to(driver)[-1] == "offer_withdrawn"

    def test_an_offer_that_has_ended_cannot_be_withdrawn(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})

        refused = override(scene.carrier, kind="withdraw_offer", offer_id=str(offer_id))

        assert (refused.status, refused.code) == (409, "offer-status")
