"""A load that was delivered by the carrier's word alone: its poster gets out."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from freight.roles import Role
from runtime.db import Session, Tenant, acting
from services.booking import give_backs
from services.kernel.tenancy import act_on_loads
from tests.services.booking.exits import assignment_of, decide, pushed, tell
from tests.services.scene import pushes_to
from tests.standing import suspend
from tests.trips import FACTS, LONG, Trip, make_trip
from tests.world import PASSWORD, Answer, Caller, World, utcnow

RECALL = {"reason": "recall"}


@pytest.fixture
def trip(world: World, session: OrmSession) -> Trip:
    """A trip whose poster has a phone."""
    made = make_trip(world, session)
    world.phone(made.shipper, "ok-shipper")
    return made


def deliver_from_the_office(trip: Trip) -> None:
    """Let the desk report the whole trip, without any word of the poster."""
    for number, _ in enumerate(trip.load["stops"]):
        for fact in FACTS:
            why: dict[str, Any] = {}
            if fact == "departure":
                why = {"release_reason": "safety"}
            assert trip.tell(number, fact, trip.carrier, **why).status == 200
    assert trip.status == "delivered"


def delivered_ago(trip: Trip, age: timedelta) -> None:
    """Let the load be delivered so long ago."""
    with Session.begin() as session:
        session.execute(
            text("update assignments set ended_at = now() - :age where id = :id"),
            {"age": age, "id": UUID(assignment_of(trip)["id"])},
        )


def sign_in(world: World, email: str) -> Answer:
    body = {"login": email, "password": PASSWORD}
    return Caller(world.app, "").post("/v1/sessions", body)


def quick_give_backs(trip: Trip) -> int:
    """Return what the operator's list says of the carrier."""
    query = give_backs.by_company(timedelta(minutes=15), now=utcnow())
    with Session() as session:
        counts = {org_id: quick for _, org_id, _, quick in session.execute(query)}
    return counts.get(UUID(str(trip.carrier.org_id)), 0)


@pytest.mark.parametrize(
    ("act", "after"), [("return", "cancelled"), ("delivery", "delivered")]
)
def test_the_poster_of_a_load_delivered_from_the_office_gets_out(
    trip: Trip, act: str, after: str
) -> None:
    deliver_from_the_office(trip)
    assert pushes_to(trip.shipper) == ["delivered_unconfirmed"]

    denied = tell(trip, "interruption", **RECALL)

    assert (denied.status, denied["status"]) == (200, "interrupted")
    first = trip.load["stops"][0]
    where = (denied["interrupted_lat"], denied["interrupted_lon"])
    assert where == (first["lat"], first["lon"])
    assert tell(trip, "interruption", **RECALL).body == denied.body
    ended = tell(trip, act)
    assert (ended.status, ended["status"]) == (200, after)
    assert tell(trip, "interruption", **RECALL).code == "load-status"


def test_a_denied_delivery_counts_against_the_carrier_and_takes_the_load_from_it(
    trip: Trip,
) -> None:
    deliver_from_the_office(trip)
    assert quick_give_backs(trip) == 0
    assert trip.carrier.get(f"/v1/loads/{trip.load['id']}").status == 200

    tell(trip, "interruption", **RECALL)

    assert quick_give_backs(trip) == 1
    assert trip.carrier.get(f"/v1/loads/{trip.load['id']}").status == 404
    assert assignment_of(trip)["load"]["form"] == "market"
    again = decide(trip, "take_over", driver_id=trip.driver.driver_id)
    assert (again.status, again.code) == (409, "assignment-ended")


def test_a_denied_delivery_leaves_its_driver_as_they_are(
    trip: Trip, world: World
) -> None:
    """They were freed long ago, and where they are is not for the poster."""
    world.phone(trip.driver, "ok-driver")
    deliver_from_the_office(trip)
    own = f"/v1/drivers/{trip.driver.driver_id}"
    trip.driver.patch(own, {"availability": "off_duty"})
    searches = text("select count(*) from procrastinate_jobs where task_name = :name")
    before = trip.session.scalar(searches, {"name": "search.after_end"})

    tell(trip, "interruption", **RECALL)

    assert trip.driver.get(own)["availability"] == "off_duty"
    after = trip.session.scalar(searches, {"name": "search.after_end"})
    assert (after, pushes_to(trip.driver)) == (before, ["delivery_denied"])
    (ending,) = trip.shipper.get(f"/v1/loads/{trip.load['id']}/endings")["data"]
    assert (ending["ended_party"], ending["driven_m"]) == ("poster", None)


def test_the_desk_of_the_carrier_is_told_of_a_denial_and_no_other_desk(
    trip: Trip, world: World
) -> None:
    colleague = world.member(trip.carrier, Role.DISPATCHER)
    for number, caller in enumerate((trip.carrier, colleague, world.company())):
        world.phone(caller, f"ok-desk-{number}")
    outsider = caller
    left = world.member(trip.carrier, Role.DISPATCHER)
    world.phone(left, "ok-left")
    deactivate = text("update members set deactivated_at = now() where id = :id")
    trip.session.execute(deactivate, {"id": left.member_id})
    deliver_from_the_office(trip)

    tell(trip, "interruption", **RECALL)
    tell(trip, "interruption", **RECALL)

    assert pushes_to(trip.carrier) == pushes_to(colleague) == ["delivery_denied"]
    assert pushes_to(outsider) == pushes_to(left) == []


def test_only_on_an_act_on_its_load_the_phones_of_a_desk_are_told(
    trip: Trip, world: World
) -> None:
    """The wall: a company cannot find another one's phones by an assignment's id."""
    phone = world.phone(trip.carrier, "ok-desk")
    assignment_id = UUID(assignment_of(trip)["id"])
    member = Tenant(UUID(str(trip.shipper.org_id)), UUID(str(trip.shipper.member_id)))

    with acting(member), Session() as session:
        ask = text("select live_devices_at_desk(:id)")
        before = session.scalars(ask, {"id": assignment_id}).all()
        act_on_loads(session, [UUID(trip.load["id"])])
        after = session.scalars(ask, {"id": assignment_id}).all()

    assert (before, after) == ([], [UUID(phone)])


def test_a_poster_who_confirmed_a_pickup_cannot_deny_the_delivery(
    trip: Trip, world: World, session: OrmSession
) -> None:
    trip.go(0)
    trip.go(1, "arrival", "completion")
    long_trip = make_trip(world, session, LONG)
    assert long_trip.confirm(0).status == 200
    deliver_from_the_office(long_trip)

    for each in (trip, long_trip):
        refused = tell(each, "interruption", **RECALL)
        assert (refused.status, refused.code) == (409, "load-status")
        assert each.status == "delivered"
    assert "delivered_unconfirmed" not in pushed(trip)


def test_a_delivery_is_denied_for_some_days_only(trip: Trip) -> None:
    deliver_from_the_office(trip)
    within = trip.world.settings.deny_delivery
    for age, status in ((within + timedelta(hours=1), 409), (within / 2, 200)):
        delivered_ago(trip, age)
        assert tell(trip, "interruption", **RECALL).status == status


def test_a_suspended_poster_signs_in_and_denies_a_delivery_for_some_days(
    trip: Trip,
) -> None:
    email = trip.shipper.get("/v1/me")["member"]["email"]
    deliver_from_the_office(trip)
    suspend(trip.shipper)
    within = trip.world.settings.deny_delivery
    for age, is_let_in in ((within + timedelta(hours=1), False), (within / 2, True)):
        delivered_ago(trip, age)
        tokens = sign_in(trip.world, email)
        assert tokens.status == (201 if is_let_in else 403)
        assert trip.shipper.get("/v1/me").status == (200 if is_let_in else 403)
    again = {"refresh_token": tokens["refresh_token"]}
    stranger = Caller(trip.world.app, "")
    assert stranger.post("/v1/sessions/refresh", again).status == 200

    denied = tell(trip, "interruption", **RECALL)

    assert (denied.status, denied["status"]) == (200, "interrupted")
    assert tell(trip, "return").status == 200
    assert trip.shipper.get("/v1/me").code == "organisation-suspended"


@pytest.mark.parametrize("word", ["confirmation", "delivery"])
def test_a_suspended_poster_with_nothing_to_deny_is_not_let_in(
    trip: Trip, word: str
) -> None:
    """They confirmed a pickup, or said themselves that it arrived."""
    if word == "confirmation":
        assert trip.confirm(0).status == 200
    deliver_from_the_office(trip)
    if word == "delivery":
        tell(trip, "interruption", **RECALL)
        tell(trip, "delivery")

    suspend(trip.shipper)

    assert trip.shipper.get("/v1/me").code == "organisation-suspended"


def test_what_the_poster_said_themselves_is_not_denied(trip: Trip) -> None:
    trip.go(0, "arrival", "completion")
    tell(trip, "interruption", **RECALL)
    assert tell(trip, "delivery")["status"] == "delivered"

    assert tell(trip, "interruption", **RECALL).code == "load-status"
