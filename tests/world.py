"""Makes companies, members and loads, with defaults for what is not given."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

from flask import Flask
from sqlalchemy import select, text
from uuid_utils.compat import uuid7

from edges.start import audit_key
from freight.lifecycles import LoadStatus
from freight.roles import Role
from geo.points import Point
from geo.roads import EstimatedRoads
from handlers.supplies import PostOffice, Supplies
from jobs import RunLater, make_app
from market import people, postings
from market.cast import DESK, Cast, Person
from market.rows import Record, as_json, inserts
from models.people.organisations import Member, OrganisationKind
from models.people.targets import TargetKind
from notifications.gateway import Gateway
from notifications.messages import Message
from runtime.config import Settings
from runtime.db import Session
from services.fleet.tracks import AGREES_AFTER
from services.market.market import Market
from services.people.passwords import hash_password
from services.people.tokens import Claims, Keyring, access_token
from services.search.run import SearchRules
from tests import canaries
from tests.callers import Answer, Caller
from worker import functions

ROADS = EstimatedRoads()
"""Few tests need the ways of the highways: most know the great circle."""

CHICAGO = Point(41.8781, -87.6298)
NEW_YORK = Point(40.7128, -74.0060)
NEWARK = Point(40.7357, -74.1724)
GARY = Point(41.5934, -87.3464)
CLEVELAND = Point(41.4993, -81.6944)
DALLAS = Point(32.7767, -96.7970)
HOUSTON = Point(29.7604, -95.3698)
DENVER = Point(39.7392, -104.9903)

PASSWORD = "correct horse battery"
SOME_ID = "01a20330-7c7b-771a-934d-521e071717f4"
"""An id of no row; fixed, as a test's parameters must be equal in all processes."""


@cache
def _password_hash() -> str:
    """Return PASSWORD's hash; it is computed only once."""
    return hash_password(PASSWORD)


def utcnow() -> datetime:
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    return at.isoformat()


@dataclass
class FakeGateway:
    """A gateway that accepts every push; a test may make it fail."""

    sent: list[tuple[str, Message]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def send(self, target_kind: TargetKind, target: str, message: Message) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append((target, message))
        return f"projects/x/messages/{len(self.sent)}"

    def kinds(self, target: str | None = None) -> list[str]:
        return [str(m.kind) for t, m in self.sent if target in (None, t)]


@dataclass
class World:
    """Companies, members, phones, trucks and loads, written as rows; what happens to
    them is reported over the public API."""

    app: Flask
    keys: Keyring
    settings: Settings
    numbers: ClassVar[Iterator[int]] = count(1)

    @cached_property
    def cast(self) -> Cast:
        return Cast(password_hash=_password_hash(), clock=utcnow, numbers=self.numbers)

    def settle(self) -> None:
        """Write what the cast has made."""
        with Session.begin() as session:
            for statement, records in inserts(self.cast.take()):
                canaries.remember(json.loads(records))
                session.connection().exec_driver_sql(
                    statement.as_string(None), (records,)
                )

    def calling(self, person: Person) -> Caller:
        """Return the person as a caller of the API."""
        driver_id = str(person.driver["id"]) if person.driver else ""
        member_id, family_id = person.member["id"], person.family["id"]
        claims = Claims(member_id, person.org_id, family_id, person.device_id)
        token = access_token(self.keys, claims, now=utcnow())
        return Caller(self.app, token, member_id, person.org_id, driver_id)

    def caller(
        self, member_id: UUID, org_id: UUID, device_id: UUID | None = None
    ) -> Caller:
        """Sign a member in without computing a password hash."""
        member = {"id": member_id, "org_id": org_id}
        person = self.cast.signed_in(member, device_id)
        self.settle()
        return self.calling(person)

    def company(
        self, kind: OrganisationKind = OrganisationKind.CARRIER, *roles: Role
    ) -> Caller:
        """Return the admin of a new company, who has the company's desk roles too."""
        admin = self.cast.person(
            self.cast.organisation(kind),
            {Role.ADMIN, *(roles or DESK[kind])},
            name="Ada Admin",
            email=f"ada{next(self.numbers)}@example.com",
        )
        self.settle()
        return self.calling(admin)

    def shipper(self) -> Caller:
        return self.company(OrganisationKind.SHIPPER)

    def member(self, admin: Caller, *roles: Role, **fields: Any) -> Caller:
        """Return a new member of the admin's company, signed in in a browser."""
        person = self.cast.person(admin.org_id, roles, **fields)
        if Role.DRIVER in roles:
            self.cast.keep("drivers", people.new_driver(person.member))
        self.settle()
        return self.calling(person)

    def accept(self, token: str, **fields: Any) -> Answer:
        body = {"token": token, "password": PASSWORD} | fields
        return Caller(self.app, "").post("/v1/invitations/acceptance", body)

    def truck(self, dispatcher: Caller, **fields: Any) -> str:
        number = f"T{next(self.numbers)}"
        made = people.truck(dispatcher.org_id, number) | fields
        self.cast.keep("trucks", made)
        self.settle()
        return str(made["id"])

    def driver(
        self,
        dispatcher: Caller,
        *,
        home: Point = CHICAGO,
        truck: dict[str, Any] | None = None,
        device: str | None = "",
        is_seen: bool = True,
        **fields: Any,
    ) -> Caller:
        """Return an available driver with a truck, a home and a phone.

        device: the push target of the phone; None for no phone.
        is_seen: the phone has reported a position.
        """
        person = self.cast.person(dispatcher.org_id, [Role.DRIVER])
        person = self.cast.driving(person, home, truck or {}, **fields)
        driver_id = person.driver["id"]
        if is_seen:
            # Earlier than any position that a test reports.
            self.cast.seen(driver_id, home, utcnow() - timedelta(minutes=10))
        if device is not None:
            target = device or f"ok-{driver_id}"
            self.cast.phone(person.member, is_approved=False, target=target)
        self.settle()
        return self.calling(person)

    def locate(self, driver: Caller, place: Point, *, at: datetime) -> None:
        """Report a position from the driver's phone, however far from the last one."""
        if "flags" in self.fix(driver, place, at=at):
            # A jump: a second fix agrees with the first.
            self.fix(driver, place, at=at - AGREES_AFTER)

    def fix(
        self, driver: Caller, place: Point, *, at: datetime, **figures: float | None
    ) -> dict[str, Any]:
        """Report one fix from the driver's phone; return its result."""
        fix = {"fix_id": str(uuid7()), "fixed_at": iso(at)} | figures
        fix |= {"lat": place.lat, "lon": place.lon}
        sent = driver.post("/v1/positions", {"fixes": [fix]})
        (result,) = sent["results"]
        assert result["status"] == "created", sent.body
        return dict(result)

    def phone(self, caller: Caller, target: str, **fields: Any) -> str:
        """Return the id of a new phone of the caller, on which nobody signed in."""
        member = {"id": caller.member_id, "org_id": caller.org_id}
        made = self.cast.phone(member, is_approved=False, target=target, **fields)
        self.settle()
        return str(made["id"])

    def stop_body(
        self,
        kind: str,
        at: Point,
        starts_h: float = 0,
        ends_h: float = 48,
        **fields: Any,
    ) -> dict[str, Any]:
        now = utcnow()
        return {
            "kind": kind,
            "lat": at.lat,
            "lon": at.lon,
            "window_from": iso(now + timedelta(hours=starts_h)),
            "window_until": iso(now + timedelta(hours=ends_h)),
            "zone": "America/Chicago",
        } | fields

    def load_body(
        self,
        pickup: Point = NEW_YORK,
        delivery: Point = CHICAGO,
        **fields: Any,
    ) -> dict[str, Any]:
        return {
            "equipment": ["van"],
            "weight_kg": 15_000,
            "pieces": 20,
            "price_cents": 250_000,
            "stops": [
                self.stop_body("pickup", pickup),
                self.stop_body("delivery", delivery, ends_h=96),
            ],
        } | fields

    def load(self, shipper: Caller, *places: Point, **fields: Any) -> dict[str, Any]:
        """Return a load that the shipper has posted: its columns and stops, as JSON."""
        body = self.load_body(*places, **fields)
        stops = [
            postings.stop(
                stop.pop("kind"),
                Point(stop.pop("lat"), stop.pop("lon")),
                stop.pop("window_from"),
                stop.pop("window_until"),
                **stop,
            )
            for stop in map(dict, body.pop("stops"))
        ]
        if body.pop("is_draft", False):
            body["status"] = LoadStatus.DRAFT
        made = self.cast.load(self._member(shipper), stops, **body)
        self.settle()
        shown: dict[str, Any] = json.loads(as_json(made | {"stops": stops}))
        return shown

    def _member(self, caller: Caller) -> Record:
        with Session() as session:
            roles = session.scalar(
                select(Member.roles).where(Member.id == caller.member_id)
            )
        return {"id": caller.member_id, "org_id": caller.org_id, "roles": roles}

    def assign(
        self, dispatcher: Caller, driver: Caller, load: dict[str, Any], **why: str
    ) -> dict[str, Any]:
        """Plan the load for the driver; `reason` overrules what speaks against it."""
        given = {"load_id": load["id"], "driver_id": driver.driver_id} | why
        made = dispatcher.post("/v1/assignments", given)
        assert made.status == 201, made.body
        body: dict[str, Any] = made.body
        return body

    def report(self, caller: Caller, stop_id: str, fact: str, **body: Any) -> Answer:
        sent = {"occurred_at": iso(utcnow())} | body
        return caller.put(f"/v1/stops/{stop_id}/{fact}", sent)

    def confirm(self, shipper: Caller, stop_id: str, **body: Any) -> Answer:
        sent = {"confirmed_by": "Dock 4", "pieces": 20, "weight_kg": 15_000} | body
        return shipper.put(f"/v1/stops/{stop_id}/pickup-confirmation", sent)

    def drive(self, driver: Caller, shipper: Caller, load: dict[str, Any]) -> Answer:
        """Carry the load to its end; return the answer to the last completion."""
        for stop in load["stops"]:
            answer = self.report(driver, stop["id"], "arrival")
            assert answer.status == 200, answer.body
            if stop is load["stops"][-1] and stop["kind"] == "delivery":
                # A search starts where the truck can be.
                self.locate(driver, Point(stop["lat"], stop["lon"]), at=utcnow())
            answer = self.report(driver, stop["id"], "completion")
            assert answer.status == 200, answer.body
            if stop["kind"] == "pickup":
                assert self.confirm(shipper, stop["id"]).status == 200
                assert self.report(driver, stop["id"], "departure").status == 200
        return answer

    def dropped(
        self,
        *,
        home: Point = CHICAGO,
        drop: Point = NEW_YORK,
        carrier: Caller | None = None,
        **fields: Any,
    ) -> Caller:
        """Return a driver who has just completed a drop; its search is still a job."""
        carrier = carrier or self.company()
        driver = self.driver(carrier, home=home, **fields)
        shipper = self.shipper()
        load = self.load(shipper, home, drop)
        self.assign(carrier, driver, load)
        self.drive(driver, shipper, load)
        return driver


def supplies_of(
    settings: Settings, gateway: Gateway | None = None, **others: Any
) -> Supplies:
    """Return the supplies of a worker's handlers, with a fake gateway by default."""
    return Supplies(
        queue=make_app(),
        rules=SearchRules.of(settings, ROADS, Market(ROADS)),
        gateway=gateway or FakeGateway(),
        audit_key=audit_key(settings),
        now=utcnow,
        **others,
    )


def drain_jobs(
    settings: Settings,
    gateway: Gateway | None = None,
    *,
    only: str | None = None,
    post: PostOffice | None = None,
    **changes: Any,
) -> list[str]:
    """Run the due jobs in the worker's order until none is left; return their names.

    RunLater puts a job off, as the worker does; any other error is raised.
    """
    supplies = supplies_of(replace(settings, **changes), gateway, post=post)
    by_name: dict[str, Callable[..., None]] = {
        job.value.name: function for job, function in functions(supplies).items()
    }
    ran = []
    while True:
        with Session.begin() as session:
            row = session.execute(
                text(
                    "update procrastinate_jobs set status = 'doing' where id = ("
                    " select id from procrastinate_jobs where status = 'todo'"
                    " and (scheduled_at is null or scheduled_at <= clock_timestamp())"
                    " and (cast(:only as text) is null or task_name = :only)"
                    " order by priority desc, id limit 1)"
                    " returning id, task_name, args"
                ),
                {"only": only},
            ).one_or_none()
        if row is None:
            return ran
        ran.append(row.task_name)
        arguments = {k: v for k, v in row.args.items() if k != "trace_id"}
        after, wait_s = "succeeded", 0.0
        try:
            by_name[row.task_name](**arguments)
        except RunLater as later:
            after, wait_s = "todo", later.wait_s
        with Session.begin() as session:
            session.execute(
                text(
                    "update procrastinate_jobs set status = cast(:after as"
                    " procrastinate_job_status), scheduled_at = case when"
                    " :after = 'todo' then now() + :wait end where id = :id"
                ),
                {"after": after, "wait": timedelta(seconds=wait_s), "id": row.id},
            )
