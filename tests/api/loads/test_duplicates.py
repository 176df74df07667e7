"""The same freight posted twice: who is told, and who may not."""

from typing import Any
from uuid import UUID

import pytest

from geo.points import Point
from models.loads.duplicates import Duplicate
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.loads import duplicates
from tests.services.scene import rows_of
from tests.world import CLEVELAND, NEW_YORK, Answer, Caller, World, utcnow


def post(world: World, caller: Caller, *places: Point, **fields: Any) -> Answer:
    made = caller.post("/v1/loads", world.load_body(*places, **fields))
    assert made.status in {201, 409}, made.body
    return made


def codes(made: Answer) -> list[str]:
    return [warning["code"] for warning in made["warnings"]]


def pairs() -> list[tuple[UUID, UUID]]:
    return [(pair.load_id, pair.like_id) for pair in rows_of(Duplicate)]


@pytest.fixture
def broker(world: World) -> Caller:
    return world.company(OrganisationKind.BROKER)


class TestWithinACompany:
    def test_the_poster_is_told_and_the_load_is_posted(
        self, world: World, broker: Caller
    ) -> None:
        first = post(world, broker)
        near = Point(NEW_YORK.lat + 0.01, NEW_YORK.lon)

        second = post(world, broker, near, weight_kg=15_400)

        assert (codes(first), codes(second)) == ([], ["duplicate"])
        assert first["load_number"] in second["warnings"][0]["detail"]
        assert second["is_unconfirmed"] is False
        assert pairs() == []

    @pytest.mark.parametrize(
        "other",
        [
            {"weight_kg": 12_000},
            {"places": (CLEVELAND,)},
            {"places": (NEW_YORK, CLEVELAND)},
            {"is_late": True},
            {"is_draft": True},
        ],
        ids=str,
    )
    def test_other_freight_is_no_duplicate(
        self, world: World, broker: Caller, other: dict[str, Any]
    ) -> None:
        post(world, broker)
        places = other.pop("places", ())
        if other.pop("is_late", False):
            body = world.load_body()
            for stop, at in zip(body["stops"], (100, 150), strict=True):
                place = Point(stop["lat"], stop["lon"])
                stop |= world.stop_body(stop["kind"], place, at, at + 48)
            other["stops"] = body["stops"]

        assert codes(post(world, broker, *places, **other)) == []

    def test_a_load_that_is_over_is_none(self, world: World, broker: Caller) -> None:
        first = post(world, broker)
        broker.put(f"/v1/loads/{first['id']}/cancellation", {"reason": "sold"})

        assert codes(post(world, broker)) == []


class TestAcrossCompanies:
    def test_only_the_platform_is_told(self, world: World, broker: Caller) -> None:
        first = post(world, world.shipper(), visibility="private")

        second = post(world, broker, weight_kg=None)

        assert (second.status, codes(second)) == (201, [])
        assert pairs() == [(UUID(second["id"]), UUID(first["id"]))]

    def test_the_operator_ends_a_pair_with_a_word(
        self, world: World, broker: Caller
    ) -> None:
        post(world, world.shipper())
        post(world, broker)
        with Session.begin() as session:
            (pair,) = duplicates.open_duplicates(session)
            for word in ("two trucks of the same plant", "later"):
                duplicates.end_duplicate(session, pair.id, word=word, now=utcnow())
            assert duplicates.open_duplicates(session) == []

        (kept,) = rows_of(Duplicate)
        assert kept.word == "two trucks of the same plant"

    def test_renewing_notes_a_pair_once(self, world: World, broker: Caller) -> None:
        post(world, world.shipper())
        second = post(world, broker)

        for _ in range(2):
            assert broker.put(f"/v1/loads/{second['id']}/posting").status == 200

        assert len(pairs()) == 1


class TestDoubleBrokering:
    @pytest.fixture
    def carrier(self, world: World) -> Caller:
        return world.company()

    def carried(self, world: World, carrier: Caller, **fields: Any) -> Answer:
        load = post(world, world.shipper(), **fields)
        world.assign(carrier, world.driver(carrier), load.body)
        return load

    def test_the_carrier_of_a_load_may_not_post_it_again(
        self, world: World, carrier: Caller
    ) -> None:
        self.carried(world, carrier)

        refused = post(world, carrier, weight_kg=15_100)

        assert (refused.status, refused.code) == (409, "load-rebrokered")
        assert pairs() == []

    def test_nor_edit_or_renew_another_load_into_it(
        self, world: World, carrier: Caller
    ) -> None:
        other = post(world, carrier, weight_kg=9_000)
        early = post(world, carrier)
        self.carried(world, carrier)

        edited = carrier.patch(f"/v1/loads/{other['id']}", {"weight_kg": 15_000})
        renewed = carrier.put(f"/v1/loads/{early['id']}/posting")

        assert (edited.status, edited.code) == (409, "load-rebrokered")
        assert (renewed.status, renewed.code) == (409, "load-rebrokered")

    def test_with_the_posters_consent_it_may_and_the_platform_is_told(
        self, world: World, carrier: Caller
    ) -> None:
        load = self.carried(world, carrier, may_be_rebrokered=True)

        made = post(world, carrier)

        assert (made.status, codes(made)) == (201, [])
        (pair,) = rows_of(Duplicate)
        assert (pair.like_id, pair.is_carried) == (UUID(load["id"]), True)

    def test_a_company_that_does_not_carry_it_is_not_refused(
        self, world: World, carrier: Caller, broker: Caller
    ) -> None:
        self.carried(world, carrier)

        assert post(world, broker).status == 201
