"""The same freight posted twice: who is told, and who may not."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session as OrmSession

from geo.points import Point
from models.loads.duplicates import Duplicate
from models.people.organisations import OrganisationKind
from runtime.db import Session
from services.loads import duplicates
from tests.services.scene import rows_of
from tests.trips import SHORT, Trip, make_trip
from tests.world import (
    CLEVELAND,
    DENVER,
    GARY,
    NEW_YORK,
    Answer,
    Caller,
    World,
    utcnow,
)


def post(world: World, caller: Caller, *places: Point, **fields: Any) -> Answer:
    made = caller.post("/v1/loads", world.load_body(*places, **fields))
    assert made.status in {201, 409}, made.body
    return made


def codes(made: Answer) -> list[str]:
    return [warning["code"] for warning in made["warnings"]]


def pairs() -> list[tuple[UUID, UUID]]:
    return [(pair.load_id, pair.like_id) for pair in rows_of(Duplicate)]


def same_as(
    world: World,
    trip: Trip,
    route: tuple[tuple[str, Point], ...] = SHORT,
    hours: tuple[int, int] = (0, 96),
    **fields: Any,
) -> dict[str, Any]:
    """Return the freight of a trip to post again, with what differs."""
    stops = [world.stop_body(kind, place, *hours) for kind, place in route]
    return world.load_body(stops=stops) | fields


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

    def test_the_poster_of_many_equal_loads_is_told_of_a_few(
        self, world: World, broker: Caller
    ) -> None:
        made = [post(world, broker) for _ in range(7)]

        assert [len(codes(each)) for each in made] == [0, 1, 2, 3, 4, 5, 5]
        told = made[-1]["warnings"][-1]["detail"]
        assert made[4]["load_number"] in told

    def test_the_poster_of_a_draft_is_told_when_it_is_put_on_the_market(
        self, world: World, broker: Caller
    ) -> None:
        first, draft = post(world, broker), post(world, broker, is_draft=True)
        assert codes(draft) == []

        posted = broker.put(f"/v1/loads/{draft['id']}/posting")

        assert codes(posted) == ["duplicate"]
        assert first["load_number"] in posted["warnings"][0]["detail"]

    def test_the_poster_is_told_when_an_edit_makes_it_the_same(
        self, world: World, broker: Caller
    ) -> None:
        post(world, broker)
        other = post(world, broker, weight_kg=12_000)
        path = f"/v1/loads/{other['id']}"
        tag = {"If-Match": broker.get(path).headers["ETag"]}

        edited = broker.patch(path, {"weight_kg": 15_000}, **tag)

        assert (codes(other), codes(edited)) == ([], ["duplicate"])


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

    def test_many_duplicates_make_few_pairs_and_do_not_hide_another_companys(
        self, world: World, broker: Caller
    ) -> None:
        copier, other = world.shipper(), world.shipper()
        for _ in range(7):
            post(world, copier)
        first = post(world, other)

        made = [post(world, broker) for _ in range(3)]

        noted = [pair for pair in rows_of(Duplicate) if pair.org_id == broker.org_id]
        assert len(noted) == 3 * MOST_TOLD
        with_other = {
            pair.load_id for pair in noted if pair.like_id == UUID(first["id"])
        }
        assert with_other == {UUID(each["id"]) for each in made}


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

    def test_not_even_behind_many_duplicates(
        self, world: World, carrier: Caller
    ) -> None:
        copier = world.shipper()
        for _ in range(MOST_TOLD + 1):
            post(world, copier)
        self.carried(world, carrier)
        carried = post(world, world.shipper(), may_be_rebrokered=True)
        world.assign(carrier, world.driver(carrier), carried.body)

        refused = post(world, carrier)

        assert (refused.status, refused.code) == (409, "load-rebrokered")

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

    def test_nor_with_the_freight_aboard_and_no_driver(
        self, world: World, session: OrmSession
    ) -> None:
        trip = make_trip(world, session)
        trip.go(0)
        (given,) = trip.carrier.get("/v1/assignments?status=active")["data"]
        back = {"reason": "breakdown"}
        trip.driver.put(f"/v1/assignments/{given['id']}/hand-back", back)
        assert trip.status == "interrupted"

        refused = trip.carrier.post("/v1/loads", same_as(world, trip))

        assert (refused.status, refused.code) == (409, "load-rebrokered")

    @pytest.mark.parametrize("state", ["booked", "interrupted"])
    def test_its_poster_may_consent_while_it_is_carried_and_do_nothing_else(
        self, world: World, session: OrmSession, state: str
    ) -> None:
        trip = make_trip(world, session)
        if state == "interrupted":
            trip.go(0)
            told = {"reason": "recall", "note": "x"}
            path = f"/v1/loads/{trip.load['id']}/interruption"
            assert trip.shipper.put(path, told).status == 200
        body, path = same_as(world, trip), f"/v1/loads/{trip.load['id']}"
        assert trip.carrier.post("/v1/loads", body).code == "load-rebrokered"
        for more in ({"commodity": "Beer"}, {"stops": body["stops"]}):
            refused = trip.shipper.patch(path, {"may_be_rebrokered": True} | more)
            assert (refused.status, refused.code) == (409, "load-status")
        assert trip.carrier.patch(path, {"may_be_rebrokered": True}).status == 404

        consented = trip.shipper.patch(path, {"may_be_rebrokered": True})

        assert (consented.status, consented["may_be_rebrokered"]) == (200, True)
        assert (consented["status"], trip.kinds()[-1]) == (state, "load.consent")
        assert trip.carrier.post("/v1/loads", body).status == 201
        # The carrier may rely on it.
        taken = trip.shipper.patch(path, {"may_be_rebrokered": False})
        assert (taken.status, taken.code) == (409, "load-status")


BESIDE = Point(NEW_YORK.lat + 0.03, NEW_YORK.lon)
"""Two miles from the pickup."""

MOST_TOLD = 5
"""So many own loads and so many pairs at each posting."""

FAR = Point(NEW_YORK.lat + 0.5, NEW_YORK.lon)


class TestFreightLikeTheOneCarried:
    """The carrier may post it, and the platform is told."""

    @pytest.mark.parametrize(
        "change",
        [
            {"weight_kg": 14_050},
            {"weight_kg": 7_500},
            {"weight_kg": 16_500},
            {"route": (("pickup", BESIDE), ("delivery", GARY))},
            {
                "route": (
                    ("pickup", NEW_YORK),
                    ("delivery", Point(GARY.lat, GARY.lon + 0.2)),
                )
            },
            {"route": (("pickup", FAR), ("pickup", NEW_YORK), ("delivery", GARY))},
            {"route": (("pickup", NEW_YORK), ("delivery", GARY), ("delivery", DENVER))},
            {"hours": (120, 140)},
        ],
        ids=str,
    )
    def test_is_named_to_the_platform_as_near(
        self, world: World, session: OrmSession, change: dict[str, Any]
    ) -> None:
        trip = make_trip(world, session)

        made = trip.carrier.post("/v1/loads", same_as(world, trip, **change))

        assert (made.status, codes(made)) == (201, [])
        (pair,) = rows_of(Duplicate)
        assert (pair.load_id, pair.like_id) == (
            UUID(made["id"]),
            UUID(trip.load["id"]),
        )
        assert (pair.is_carried, pair.is_near) == (True, True)

    @pytest.mark.parametrize(
        "change",
        [
            {"weight_kg": 20_000},
            {"route": (("pickup", FAR), ("delivery", GARY))},
            {"route": (("pickup", NEW_YORK), ("delivery", CLEVELAND))},
            {"route": (("pickup", GARY), ("delivery", NEW_YORK))},
            {"hours": (150, 170)},
        ],
        ids=str,
    )
    def test_other_freight_is_not_named(
        self, world: World, session: OrmSession, change: dict[str, Any]
    ) -> None:
        trip = make_trip(world, session)

        made = trip.carrier.post("/v1/loads", same_as(world, trip, **change))

        assert (made.status, pairs()) == (201, [])

    def test_of_another_carrier_is_not_named(
        self, world: World, session: OrmSession
    ) -> None:
        trip = make_trip(world, session)
        body = same_as(world, trip, weight_kg=7_500)

        assert world.company().post("/v1/loads", body).status == 201
        assert pairs() == []

    def test_is_the_same_once_an_edit_makes_it_so(
        self, world: World, session: OrmSession
    ) -> None:
        trip = make_trip(world, session)
        consent = {"may_be_rebrokered": True}
        trip.shipper.patch(f"/v1/loads/{trip.load['id']}", consent)
        made = trip.carrier.post("/v1/loads", same_as(world, trip, weight_kg=7_500))

        trip.carrier.patch(f"/v1/loads/{made['id']}", {"weight_kg": 15_000})

        (pair,) = rows_of(Duplicate)
        assert pair.is_near is False
