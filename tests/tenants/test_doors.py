"""Each visible_ query keeps companies and drivers apart, without row security."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Select, select
from uuid_utils.compat import uuid7

from freight.lifecycles import OPEN_OFFERS
from models.booking.overrides import Override, OverrideReason
from models.fleet.areas import Area
from models.fleet.drivers import Driver
from models.fleet.flags import Flag
from models.fleet.trucks import Truck
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.credentials import Invitation
from models.people.devices import Device
from models.people.organisations import Member
from models.search.searches import BackhaulSearch
from runtime.db import Session
from runtime.errors import NotFound, Unauthenticated
from services.booking import overrides
from services.booking.overrides import Why
from services.booking.unassign import unassign
from services.fleet import areas, drivers, flags, trucks
from services.kernel.actors import Actor
from services.loads import assignments, loads, market
from services.offers import offers
from services.people import devices, invitations, members, sign_in
from services.people.tokens import read_access_token
from services.search import searches
from tests.services.scene import Scene, actor_of
from tests.source import files, tree
from tests.test_scopes import DOOR
from tests.world import NEW_YORK, Caller, World, utcnow

Door = Callable[[Actor], Select[Any]]


def visible_phones(actor: Actor) -> Select[Device]:
    return devices.visible_phones(actor, None)


OF_THE_COMPANY: dict[Door, type[Any]] = {
    trucks.visible_trucks: Truck,
    areas.visible_areas: Area,
    flags.visible_flags: Flag,
    members.visible_members: Member,
    offers.visible_offers: Offer,
    assignments.visible_assignments: Assignment,
    drivers.visible_drivers: Driver,
    visible_phones: Device,
    searches.visible_searches: BackhaulSearch,
    invitations.visible_invitations: Invitation,
    overrides.visible_overrides: Override,
}
OF_ONE_DRIVER: dict[Door, Callable[[Actor], Any]] = {
    offers.visible_offers: lambda actor: Offer.driver_id == actor.driver_id,
    assignments.visible_assignments: lambda actor: (
        Assignment.driver_id == actor.driver_id
    ),
    drivers.visible_drivers: lambda actor: Driver.id == actor.driver_id,
    searches.visible_searches: lambda actor: (
        BackhaulSearch.driver_id == actor.driver_id
    ),
    devices.visible_devices: lambda actor: Device.member_id == actor.member_id,
}
OF_LOADS: set[Door] = {loads.visible_loads, market.market_loads}


class Town(NamedTuple):
    """Two carriers that have everything, served by one shipper. Each has two drivers:
    one has carried a load and is offered others, one was offered some and carries."""

    one: Scene
    other: Scene
    drivers: dict[UUID, list[Caller]]
    carried: dict[UUID, list[UUID]]


@pytest.fixture
def town(world: World) -> Town:
    one, other = Scene(world), Scene(world)
    other.shipper = one.shipper
    people: dict[UUID, list[Caller]] = {}
    carried: dict[UUID, list[UUID]] = {}
    for scene in (one, other):
        desk = scene.carrier
        pair = scene.drivers(2)
        done, busy = pair
        load = world.load(scene.shipper)
        past = scene.assigned(done, UUID(load["id"]))
        world.drive(done, scene.shipper, load)
        for driver in pair:
            scene.load()
            scene.search(driver)
        kept = [past, scene.assigned(busy, scene.load(visibility="network"))]
        given_back = scene.assigned(scene.driver(), scene.load())
        desk.post(
            f"/v1/assignments/{given_back}/override",
            {"kind": "unassign", "reason": "safety"},
        )
        ring = [[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        drawn = {"kind": "no_go", "name": "Loop", "geometry": shape}
        desk.put(f"/v1/areas/{uuid7()}", drawn)
        world.locate(busy, NEW_YORK, at=utcnow())  # a jump from home
        assert desk.org_id is not None
        people[desk.org_id], carried[desk.org_id] = pair, kept
        with Session.begin() as session:
            session.add(_invitation(desk))
    return Town(one, other, people, carried)


def _invitation(desk: Caller) -> Invitation:
    return Invitation(
        id=uuid7(),
        org_id=desk.org_id,
        invited_by=desk.member_id,
        name="Nora New",
        email="nora@example.com",
        roles=["dispatcher"],
        locale="en",
        token_hash=str(uuid7()),
        expires_at=utcnow(),
    )


def ids(query: Select[Any], model: type[Any]) -> set[UUID]:
    """Return the ids that the query finds for the server, without row security."""
    with Session() as session:
        return set(session.scalars(query.with_only_columns(model.id)))


def test_all_doors_are_tried() -> None:
    found = {
        node.name
        for path in files()
        for node in tree(path).body
        if DOOR.match(getattr(node, "name", ""))
    }
    tried = {*OF_THE_COMPANY, *OF_ONE_DRIVER, *OF_LOADS}

    assert {door.__name__ for door in tried} == found


@pytest.mark.parametrize("door", OF_THE_COMPANY, ids=lambda door: door.__name__)
def test_a_desk_sees_its_companys_rows_and_no_others(town: Town, door: Door) -> None:
    model = OF_THE_COMPANY[door]
    actor = actor_of(town.one.carrier)
    its_own = ids(select(model).where(model.org_id == actor.org_id), model)

    assert ids(door(actor), model) == its_own
    assert set() < its_own < ids(select(model), model)


@pytest.mark.parametrize("door", OF_ONE_DRIVER, ids=lambda door: door.__name__)
def test_a_driver_sees_their_own_rows_and_no_colleagues(town: Town, door: Door) -> None:
    driver, _ = town.drivers[actor_of(town.one.carrier).org_id]
    actor = actor_of(driver)
    query = door(actor)
    model = query.column_descriptions[0]["entity"]
    theirs = ids(select(model).where(OF_ONE_DRIVER[door](actor)), model)

    assert ids(query, model) == theirs
    assert set() < theirs < ids(select(model), model)


class TestLoads:
    def test_of_the_desk_are_those_it_posted(self, town: Town) -> None:
        stranger = Scene(town.one.world)
        mine = stranger.load()

        assert ids(loads.visible_loads(actor_of(stranger.shipper)), Load) == {mine}

    def test_of_a_carrier_are_those_it_carries_or_is_offered(self, town: Town) -> None:
        actor = actor_of(town.one.carrier)
        by_model = [
            ids_of_loads(model, model.org_id == actor.org_id, is_theirs)
            for model, is_theirs in STILL_THEIRS
        ]

        assert ids(loads.visible_loads(actor), Load) == set().union(*by_model)
        assert all(by_model)

    def test_of_a_driver_are_those_they_carry_or_are_offered(self, town: Town) -> None:
        driver, _ = town.drivers[actor_of(town.one.carrier).org_id]
        actor = actor_of(driver)
        by_model = [
            ids_of_loads(model, model.driver_id == actor.driver_id, is_theirs)
            for model, is_theirs in STILL_THEIRS
        ]

        assert ids(loads.visible_loads(actor), Load) == set().union(*by_model)
        assert all(by_model)

    def test_of_the_market_include_private_ones_only_for_their_company(
        self, town: Town
    ) -> None:
        private = town.one.load(visibility="private")

        seen_by = [
            private in ids(market.market_loads(actor_of(desk)), Load)
            for desk in (town.one.shipper, town.one.carrier)
        ]

        assert seen_by == [True, False]


STILL_THEIRS: tuple[tuple[type[Any], Any], ...] = (
    (Offer, Offer.status.in_(OPEN_OFFERS)),
    (Assignment, Assignment.status.in_(["active", "completed"])),
)
"""Offers and assignments that let a driver see a load: not lost, not taken away."""


def ids_of_loads(model: type[Any], *conditions: Any) -> set[UUID]:
    with Session() as session:
        return set(session.scalars(select(model.load_id).where(*conditions)))


def test_another_companys_assignment_cannot_be_overridden(town: Town) -> None:
    actor = actor_of(town.one.carrier)
    _, theirs = town.carried[actor_of(town.other.carrier).org_id]
    why = Why(OverrideReason.SAFETY)

    with Session() as session, pytest.raises(NotFound):
        unassign(session, actor, why, assignment_id=theirs, now=utcnow())


def test_a_token_that_names_another_company_is_refused(world: World) -> None:
    caller, other = world.company(), world.company()
    assert other.org_id is not None
    claims = read_access_token(world.keys, caller.token, now=utcnow())

    with pytest.raises(Unauthenticated):
        sign_in.enter(replace(claims, org_id=other.org_id), [])
