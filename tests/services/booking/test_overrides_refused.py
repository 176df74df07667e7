"""The dispatcher's word: its reasons, whose it is not, and all of it or nothing."""

from uuid import UUID

import pytest

from models.booking.overrides import OverrideReason
from models.loads.assignments import Assignment
from runtime.db import Session
from services.booking.force import force_swap
from services.booking.overrides import Why
from services.loads.market import LoadTaken
from tests.services.booking.test_overrides import everything, override, won
from tests.services.stage import (
    Stage,
    actor_of,
    beside,
    in_transaction,
)
from tests.world import utcnow


@pytest.fixture
def stage(world):
    it = Stage(world)
    world.phone(it.shipper, f"desk-{it.shipper.member_id}")
    return it


class TestReasons:
    def test_other_needs_words(self, stage):
        stage.load()
        held = won(stage, stage.driver())
        before = everything()

        for note in ("", "   "):
            refused = override(
                stage.carrier, held["id"], kind="unassign", reason="other", note=note
            )
            assert (refused.status, refused.code) == (422, "invalid-request")
        assert everything() == before

        made = override(
            stage.carrier, held["id"], kind="unassign", reason="other", note="Snow."
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
    def test_what_is_missing_or_unknown_is_named_and_nothing_changes(self, stage, body):
        stage.load()
        held = won(stage, stage.driver())
        before = everything()

        refused = override(stage.carrier, held["id"], **body)

        assert (refused.status, refused.code) == (422, "invalid-request")
        assert everything() == before

    @pytest.mark.parametrize("kind", ["unassign", "reassign"])
    def test_some_need_an_assignment(self, stage, kind):
        refused = override(stage.carrier, kind=kind, driver_id=stage.driver().driver_id)

        assert refused.status == 422


class TestTenancy:
    def test_another_companys_rows_do_not_exist(self, stage, world):
        best, _ = stage.loads(2)
        driver, offered = stage.drivers(2)
        held = won(stage, driver)
        (offer_id,) = stage.offered(offered)
        other = Stage(world)
        theirs = other.driver()
        mine = {"driver_id": theirs.driver_id}
        before = everything()

        refusals = [
            override(other.carrier, held["id"], kind="reassign", **mine),
            override(other.carrier, held["id"], kind="unassign"),
            override(other.carrier, held["id"], kind="force_assign", load_id=str(best)),
            override(other.carrier, kind="withdraw_offer", offer_id=str(offer_id)),
            override(
                other.carrier,
                kind="force_assign",
                load_id=str(best),
                driver_id=driver.driver_id,
            ),
            override(stage.carrier, held["id"], kind="reassign", **mine),
        ]

        assert {answer.status for answer in refusals} == {404}
        assert everything() == before

    def test_a_private_load_of_another_company_does_not_exist(self, stage):
        load_id = stage.load(visibility="private")
        driver = stage.driver()

        refused = override(
            stage.carrier,
            kind="force_assign",
            load_id=str(load_id),
            driver_id=driver.driver_id,
        )

        assert refused.status == 404

    def test_only_dispatchers_override(self, stage):
        stage.load()
        driver = stage.driver()
        held = won(stage, driver)

        for caller in (driver, stage.shipper):
            assert override(caller, held["id"], kind="unassign").status == 403

    def test_the_list_is_the_companys_own(self, stage, world):
        stage.load()
        held = won(stage, stage.driver())
        made = override(stage.carrier, held["id"], kind="unassign")

        (kept,) = stage.carrier.get("/v1/overrides")["data"]
        assert kept == made.body
        assert world.company().get("/v1/overrides")["data"] == []


def test_nobody_sees_half_of_an_override(committed):
    stage = Stage(committed)
    first, second = stage.loads(2)
    driver = stage.driver()
    held = won(stage, driver)
    desk = actor_of(stage.carrier)

    def force(session):
        force_swap(
            session,
            desk,
            Why(OverrideReason.SAFETY),
            load_id=second,
            assignment_id=UUID(held["id"]),
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


def test_a_lost_connection_takes_all_of_it_back(committed):
    stage = Stage(committed)
    _, second = stage.loads(2)
    held = won(stage, stage.driver())
    before = everything()

    def force_and_fail():
        with Session.begin() as session:
            force_swap(
                session,
                actor_of(stage.carrier),
                Why(OverrideReason.SAFETY),
                load_id=second,
                assignment_id=UUID(held["id"]),
                now=utcnow(),
            )
            raise LoadTaken("as if the line had broken")

    with pytest.raises(LoadTaken):
        force_and_fail()

    assert everything() == before
