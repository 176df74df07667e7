"""Overrides: their reasons, other companies' rows, and all of it or nothing."""

from uuid import UUID

import pytest

from models.booking.overrides import OverrideReason
from models.loads.assignments import Assignment
from runtime.db import Session
from services.booking.force import force_swap
from services.booking.overrides import Why
from tests.services.booking.desk import everything, override, won
from tests.services.scene import (
    Scene,
    actor_of,
    beside,
    in_transaction,
)
from tests.world import utcnow


@pytest.fixture
def scene(world):
    made = Scene(world)
    world.phone(made.shipper, f"desk-{made.shipper.member_id}")
    return made


class TestReasons:
    def test_the_reason_other_needs_a_note(self, scene):
        scene.load()
        carried = won(scene, scene.driver())
        before = everything()

        for note in ("", "   "):
            refused = override(
                scene.carrier, carried["id"], kind="unassign", reason="other", note=note
            )
            assert (refused.status, refused.code) == (422, "invalid-request")
        assert everything() == before

        made = override(
            scene.carrier, carried["id"], kind="unassign", reason="other", note="Snow."
        )
        assert (made.status, made["note"]) == (201, "Snow.")

    @pytest.mark.parametrize(
        "body",
        [
            {"kind": "unassign", "reason": None},
            {"kind": "unassign", "reason": "mood"},
            {"kind": "reassign"},
            {"kind": "force_assign"},
            {"kind": "release_departure"},
            {"kind": "sell"},
        ],
        ids=str,
    )
    def test_what_is_missing_or_unknown_is_named_and_nothing_changes(self, scene, body):
        scene.load()
        carried = won(scene, scene.driver())
        before = everything()

        refused = override(scene.carrier, carried["id"], **body)

        assert (refused.status, refused.code) == (422, "invalid-request")
        assert everything() == before

    @pytest.mark.parametrize("kind", ["unassign", "reassign"])
    def test_some_need_an_assignment(self, scene, kind):
        refused = override(scene.carrier, kind=kind, driver_id=scene.driver().driver_id)

        assert refused.status == 422


class TestTenancy:
    def test_another_companys_rows_are_not_found(self, scene, world):
        best, _ = scene.loads(2)
        driver, offered = scene.drivers(2)
        carried = won(scene, driver)
        (offer_id,) = scene.offered(offered)
        other = Scene(world)
        theirs = other.driver()
        mine = {"driver_id": theirs.driver_id}
        before = everything()

        refusals = [
            override(other.carrier, carried["id"], kind="reassign", **mine),
            override(other.carrier, carried["id"], kind="unassign"),
            override(
                other.carrier, carried["id"], kind="force_assign", load_id=str(best)
            ),
            override(other.carrier, kind="withdraw_offer", offer_id=str(offer_id)),
            override(
                other.carrier,
                kind="force_assign",
                load_id=str(best),
                driver_id=driver.driver_id,
            ),
            override(scene.carrier, carried["id"], kind="reassign", **mine),
        ]

        assert {answer.status for answer in refusals} == {404}
        assert everything() == before

    def test_a_private_load_of_another_company_is_not_found(self, scene):
        load_id = scene.load(visibility="private")
        driver = scene.driver()

        refused = override(
            scene.carrier,
            kind="force_assign",
            load_id=str(load_id),
            driver_id=driver.driver_id,
        )

        assert refused.status == 404

    def test_only_dispatchers_override(self, scene):
        scene.load()
        driver = scene.driver()
        carried = won(scene, driver)

        for caller in (driver, scene.shipper):
            assert override(caller, carried["id"], kind="unassign").status == 403

    def test_the_list_is_the_companys_own(self, scene, world):
        scene.load()
        carried = won(scene, scene.driver())
        made = override(scene.carrier, carried["id"], kind="unassign")

        (kept,) = scene.carrier.get("/v1/overrides")["data"]
        assert kept == made.body
        assert world.company().get("/v1/overrides")["data"] == []


def test_half_of_an_override_is_never_seen(committed):
    scene = Scene(committed)
    first, second = scene.loads(2)
    driver = scene.driver()
    carried = won(scene, driver)
    desk = actor_of(scene.carrier)

    def force(session):
        force_swap(
            session,
            desk,
            Why(OverrideReason.SAFETY),
            load_id=second,
            assignment_id=UUID(carried["id"]),
            now=utcnow(),
        )

    def look(session):
        return [
            (row.load_id, row.status)
            for row in session.query(Assignment.load_id, Assignment.status)
        ]

    assert beside(force, look) == [(first, "active")]
    assert sorted(status for _, status in in_transaction(look)) == [
        "active",
        "cancelled",
    ]


def test_a_lost_connection_rolls_all_of_it_back(committed):
    scene = Scene(committed)
    _, second = scene.loads(2)
    carried = won(scene, scene.driver())
    before = everything()

    def force_and_fail():
        with Session.begin() as session:
            force_swap(
                session,
                actor_of(scene.carrier),
                Why(OverrideReason.SAFETY),
                load_id=second,
                assignment_id=UUID(carried["id"]),
                now=utcnow(),
            )
            raise ConnectionError("as if the line had broken")

    with pytest.raises(ConnectionError):
        force_and_fail()

    assert everything() == before
