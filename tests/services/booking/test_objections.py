"""What speaks against a booking is asked again under the locks: by an acceptance both
columns, by the desk what it may overrule and what nobody may."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from geo.points import Point
from models.booking.overrides import Override
from tests.api.kernel.conftest import Limited
from tests.services.booking.desk import change, everything, grounds, override, won
from tests.services.scene import (
    Scene,
    active,
    offer_row,
    open_offers,
    rows_of,
)
from tests.world import CHICAGO, CLEVELAND, DALLAS, Answer, Caller, World, iso, utcnow

CHANGES = [
    ("trucks", "payload_kg = 10_000", "too_heavy"),
    ("trucks", "deck_length_m = 1", "too_long"),
    ("trucks", "equipment = 'flatbed'", "equipment_mismatch"),
    ("trucks", "equipment = 'curtain_van'", "equipment_stands_in"),
    ("loads", "weight_kg = 30_000", "above_legal_weight"),
    ("loads", "equipment = '{flatbed}'", "equipment_mismatch"),
    ("loads", "has_hazmat = true", "no_hazmat_endorsement"),
    ("loads", "temperature_max_c = 4", "temperature_not_held"),
    ("loads", "length_m = 30", "too_long"),
    ("loads", "price_cents = 0", "below_min_pay"),
    ("loads", "lease_expires_at = now()", "lease_over"),
    ("loads", "visibility = 'private'", "not_visible"),
    ("drivers", "availability = 'off_duty'", "driver_off_duty"),
    ("drivers", "max_deadhead_m = 1", "beyond_max_deadhead"),
    ("drivers", "home_by_at = now()", "home_too_late"),
    ("drivers", "min_pay_cents_per_km = 100000", "below_min_pay"),
]
"""Table, change of all its rows, and the ground that it gives."""

AT_CHICAGO = f"lat = {CHICAGO.lat}, lon = {CHICAGO.lon}"
"""Far from the pickups of these loads."""


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


def no_go(scene: Scene, place: Point) -> None:
    """Draw a no-go area around the place."""
    lat, lon = place.lat, place.lon
    ring = [[lon - 1, lat - 1], [lon + 1, lat - 1], [lon, lat + 1]]
    drawn = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    area = {"kind": "no_go", "name": "x", "geometry": drawn}
    assert scene.carrier.put(f"/v1/areas/{UUID(int=7)}", area).status == 200


class TestAcceptance:
    @pytest.mark.parametrize(("table", "to", "ground"), CHANGES)
    def test_is_refused_for_what_has_changed_since_the_search(
        self, scene: Scene, table: str, to: str, ground: str
    ) -> None:
        scene.load(length_m=12.0)
        driver = scene.driver()
        change("drivers", "min_pay_cents_per_km = 1")
        (offer_id,) = scene.offered(driver)
        change(table, to)

        refused = driver.put(f"/v1/offers/{offer_id}/acceptance")

        assert (refused.status, refused.code) == (409, "objections")
        assert ground in grounds(refused)
        assert active() == []
        assert offer_row(offer_id).status == "created"

    @pytest.mark.parametrize(
        ("said", "told"),
        [("null", []), ("true", []), ("false", ["equipment_stands_in"])],
    )
    def test_of_a_reefer_is_refused_only_if_the_poster_wants_none(
        self, scene: Scene, said: str, told: list[str]
    ) -> None:
        scene.load()
        driver = scene.driver(equipment="reefer")
        (offer_id,) = scene.offered(driver)
        change("loads", f"takes_reefers = {said}")

        answer = driver.put(f"/v1/offers/{offer_id}/acceptance")

        assert answer.status == (409 if told else 200), answer.body
        assert (grounds(answer) if told else []) == told

    def test_tells_all_reasons_at_once(self, scene: Scene) -> None:
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        change("loads", "has_hazmat = true, temperature_max_c = 4")
        change("drivers", "availability = 'off_duty'")
        change("last_positions", "corrected_at = now() - interval '1 day'")

        refused = driver.put(f"/v1/offers/{offer_id}/acceptance")

        assert grounds(refused) == [
            "driver_off_duty",
            "position_old",
            "no_hazmat_endorsement",
            "truck_not_placarded",
            "temperature_not_held",
        ]
        assert [o["may_overrule"] for o in refused["objections"]] == [
            ground == "position_old" for ground in grounds(refused)
        ]
        assert refused["objections"][0]["pointer"] == "#/driver/availability"

    def test_asks_the_drawn_areas_and_the_longest_detour_of_now(
        self, scene: Scene, limited: Limited
    ) -> None:
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        no_go(scene, CHICAGO)
        stricter = replace(driver, app=limited(MAX_DETOUR_MI=1))

        refused = stricter.put(f"/v1/offers/{offer_id}/acceptance")

        assert grounds(refused) == ["in_no_go_area", "detour_too_long"]
        assert refused["objections"][1]["figure"]["limit"] == pytest.approx(1_609.344)

    def test_with_a_load_or_without_a_truck_is_told_all_else_too(
        self, scene: Scene
    ) -> None:
        scene.loads(2)
        busy, walker = scene.drivers(2)
        scene.offered(busy, walker)
        offers = {each: open_offers(each)[0].id for each in (busy, walker)}
        scene.assigned(busy, scene.load(pickup=CLEVELAND))
        change("offers", "status = 'created', ended_at = null")
        change("drivers", "truck_id = null", f"id = '{walker.driver_id}'")
        change("last_positions", "corrected_at = now() - interval '1 day'")

        told = [
            grounds(each.put(f"/v1/offers/{offer_id}/acceptance"))
            for each, offer_id in offers.items()
        ]

        assert told == [
            ["slot_taken", "position_old"],
            ["position_old", "no_truck"],
        ]

    def test_a_driver_off_duty_accepts_after_saying_that_they_are_available(
        self, scene: Scene
    ) -> None:
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        mine = f"/v1/drivers/{driver.driver_id}"
        driver.patch(mine, {"availability": "off_duty"})
        accept = f"/v1/offers/{offer_id}/acceptance"
        assert grounds(driver.put(accept)) == ["driver_off_duty"]

        driver.patch(mine, {"availability": "available"})

        assert driver.put(accept).status == 200


class TestTheDesk:
    def plan(self, scene: Scene, driver: Caller, load_id: UUID, **why: str) -> Answer:
        body = {"load_id": str(load_id), "driver_id": driver.driver_id} | why
        return scene.carrier.post("/v1/assignments", body)

    @pytest.fixture
    def curtain(self, scene: Scene) -> Caller:
        return scene.driver(equipment="curtain_van", payload_kg=10_000)

    def test_is_told_what_it_may_overrule_and_how(
        self, scene: Scene, curtain: Caller
    ) -> None:
        load_id, before = scene.load(), everything()

        refused = self.plan(scene, curtain, load_id)

        assert (refused.status, refused.code) == (409, "objections")
        assert grounds(refused) == ["equipment_stands_in", "too_heavy"]
        assert all(o["may_overrule"] for o in refused["objections"])
        assert "`reason`" in refused["detail"]
        assert refused["objections"][1]["figure"] == {
            "value": 15_000,
            "limit": 10_000,
            "unit": "kg",
        }
        assert everything() == before

    def test_overrules_with_a_reason_that_is_kept(
        self, scene: Scene, curtain: Caller
    ) -> None:
        made = self.plan(
            scene, curtain, scene.load(), reason="other", note="Agreed with the poster."
        )

        assert made.status == 201
        told = [warning["ground"] for warning in made["warnings"]]
        assert told == ["equipment_stands_in", "too_heavy"]
        (kept,) = rows_of(Override)
        assert (kept.kind, kept.reason) == ("force_assign", "other")
        assert kept.warnings == made["warnings"]
        (listed,) = scene.carrier.get("/v1/overrides")["data"]
        assert listed["warnings"] == made["warnings"]
        assert listed["assignment_id"] == made["id"]

    def test_gets_the_same_warnings_for_the_same_plan(
        self, scene: Scene, curtain: Caller
    ) -> None:
        load_id, mine = scene.load(), "01a20330-7c7b-771a-934d-521e071717f4"

        first = self.plan(scene, curtain, load_id, reason="safety", id=mine)
        again = self.plan(scene, curtain, load_id, reason="safety", id=mine)

        assert again.body == first.body
        assert len(rows_of(Override)) == 1

    def test_the_reason_other_needs_a_note(self, scene: Scene, curtain: Caller) -> None:
        refused = self.plan(scene, curtain, scene.load(), reason="other")

        assert (refused.status, refused.code) == (422, "invalid-request")

    def test_a_reason_that_nothing_needs_keeps_no_override(self, scene: Scene) -> None:
        made = self.plan(scene, scene.driver(), scene.load(), reason="safety")

        assert (made.status, made["warnings"]) == (201, [])
        assert rows_of(Override) == []

    @pytest.mark.parametrize("how", ["plan", "force", "swap", "reassign"])
    def test_may_not_overrule_what_nobody_may(self, scene: Scene, how: str) -> None:
        """Dangerous goods, freezing, 30 t, for a driver off duty."""
        bad = scene.load()
        driver = scene.driver(payload_kg=10_000)
        carried = won(scene, scene.driver()) if how == "reassign" else {}
        swapped = (
            scene.assigned(driver, scene.load(weight_kg=1)) if how == "swap" else ""
        )
        change("loads", "has_hazmat = true, temperature_max_c = -20, weight_kg = 30000")
        change("drivers", "availability = 'off_duty'")
        before = everything()
        desk, whose = scene.carrier, {"driver_id": driver.driver_id}
        which = {"load_id": str(bad)}

        refused = {
            "plan": lambda: self.plan(scene, driver, bad, reason="safety"),
            "force": lambda: override(desk, kind="force_assign", **whose, **which),
            "swap": lambda: override(desk, swapped, kind="force_assign", **which),
            "reassign": lambda: override(desk, carried["id"], kind="reassign", **whose),
        }[how]()

        assert (refused.status, refused.code) == (409, "objections")
        expected = {
            "too_heavy",
            "above_legal_weight",
            "temperature_not_held",
            "no_hazmat_endorsement",
            "truck_not_placarded",
        } | ({"driver_off_duty"} if how != "swap" else set())
        assert expected <= set(grounds(refused))
        assert everything() == before

    @pytest.mark.parametrize("how", ["plan", "force", "swap"])
    @pytest.mark.parametrize(
        ("to", "found"),
        [
            ("status = 'withdrawn'", ["not_on_the_market"]),
            (
                "status = 'held', lease_expires_at = now()",
                ["not_on_the_market", "lease_over"],
            ),
            ("lease_expires_at = now()", ["lease_over"]),
            ("is_unconfirmed = true", ["not_on_the_market"]),
            ("visibility = 'private'", ["not_visible"]),
        ],
    )
    def test_is_told_all_reasons_also_of_a_load_that_it_knows_and_cannot_take(
        self, scene: Scene, to: str, found: list[str], how: str
    ) -> None:
        """Of one that another driver of theirs is offered."""
        asked = scene.load()
        scene.offered(scene.driver())
        walker = scene.driver()
        carried = scene.assigned(walker, scene.load(pickup=CLEVELAND))
        scene.assigned(walker, scene.load(pickup=CLEVELAND))
        change("loads", to, f"id = '{asked}'")
        change("trucks", "equipment = 'flatbed'")
        change("last_positions", AT_CHICAGO)
        before = everything()
        desk, whose = scene.carrier, {"driver_id": walker.driver_id}
        which = {"load_id": str(asked)}

        refused = {
            "plan": lambda: self.plan(scene, walker, asked, reason="safety"),
            "force": lambda: override(desk, kind="force_assign", **whose, **which),
            "swap": lambda: override(desk, carried, kind="force_assign", **which),
        }[how]()

        assert (refused.status, refused.code) == (409, "objections")
        slots = [] if how == "swap" else ["slot_taken"]
        waits = to != "status = 'withdrawn'"
        way = ["detour_too_long"] if waits and how != "plan" else []
        assert grounds(refused) == [*found, *slots, "equipment_mismatch", *way]
        assert everything() == before

    @pytest.mark.parametrize("how", ["force", "reassign"])
    def test_an_override_goes_through_with_warnings(
        self, scene: Scene, curtain: Caller, how: str
    ) -> None:
        load_id = scene.load()
        whose = {"driver_id": curtain.driver_id}
        if how == "force":
            which = {"load_id": str(load_id)}
            made = override(scene.carrier, kind="force_assign", **whose, **which)
        else:
            carried = won(scene, scene.driver())
            made = override(scene.carrier, carried["id"], kind="reassign", **whose)

        assert made.status == 201
        told = {warning["ground"] for warning in made["warnings"]}
        assert {"equipment_stands_in", "too_heavy"} <= told

    @pytest.mark.parametrize(
        ("ground", "fields"),
        [
            ("beyond_max_deadhead", {"max_deadhead_m": 1}),
            ("home_too_late", {"home_by_at": iso(utcnow())}),
            ("below_min_pay", {"min_pay_cents_per_km": 100_000}),
        ],
    )
    def test_is_told_of_a_wish_of_the_driver(
        self, scene: Scene, ground: str, fields: dict[str, Any]
    ) -> None:
        driver = scene.driver()
        scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", fields)

        assert grounds(self.plan(scene, driver, scene.load())) == [ground]

    @pytest.mark.parametrize(
        ("limit_m", "told"), [(None, []), (300_000, ["beyond_max_deadhead"])]
    )
    def test_knows_how_far_it_sends_a_driver_who_named_no_limit(
        self, scene: Scene, limit_m: int | None, told: list[str]
    ) -> None:
        """A search goes no farther than 250 miles for such a driver."""
        driver, load_id = scene.driver(), scene.load(CLEVELAND, CHICAGO)
        path = f"/v1/drivers/{driver.driver_id}"
        scene.carrier.patch(path, {"max_deadhead_m": limit_m})

        answer = self.plan(scene, driver, load_id)

        assert answer.status == (409 if told else 201), answer.body
        assert (grounds(answer) if told else []) == told

    def test_is_told_of_an_old_position_and_a_no_go_area(self, scene: Scene) -> None:
        driver, load_id = scene.driver(), scene.load()
        change("last_positions", "corrected_at = now() - interval '1 day'")
        no_go(scene, CHICAGO)

        refused = self.plan(scene, driver, load_id)

        assert grounds(refused) == ["position_old", "in_no_go_area"]

    def test_a_next_load_is_measured_from_the_end_of_the_current_one(
        self, scene: Scene
    ) -> None:
        driver = scene.driver()
        scene.carrier.patch(
            f"/v1/drivers/{driver.driver_id}", {"max_deadhead_m": 2_000_000}
        )
        current = scene.load(CHICAGO, DALLAS, price_cents=900_000)
        following = scene.load(DALLAS, CHICAGO, price_cents=900_000)
        assert self.plan(scene, driver, current).status == 201
        scene.carrier.patch(
            f"/v1/drivers/{driver.driver_id}", {"max_deadhead_m": 10_000}
        )

        made = self.plan(scene, driver, following)

        assert (made.status, made["slot"], made["warnings"]) == (201, "next", [])
