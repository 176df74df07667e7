"""Makes companies, members and loads over HTTP, with defaults for what is not given."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import text
from uuid_utils.compat import uuid7

from edges.start import audit_key
from freight.roles import Role
from geo.points import Point
from geo.roads import EstimatedRoads
from handlers.supplies import PostOffice, Supplies
from jobs import RunLater, make_app
from models.people.organisations import Member, Organisation, OrganisationKind
from models.people.targets import TargetKind
from notifications.gateway import Gateway
from notifications.messages import Message
from runtime.config import Settings
from runtime.db import Session
from services.people.passwords import hash_password
from services.people.tokens import Claims, Keyring, access_token
from services.search.run import SearchRules
from tests.callers import Answer, Caller
from worker import functions

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

_numbers = count(1)


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
    """Companies, members, trucks and loads, made over the public API."""

    app: Flask
    keys: Keyring
    settings: Settings

    def caller(
        self, member_id: UUID, org_id: UUID, device_id: UUID | None = None
    ) -> Caller:
        """Sign a member in without computing a password hash."""
        with Session.begin() as session:
            family_id = session.scalars(
                text(
                    "insert into refresh_families"
                    " (id, org_id, member_id, device_id, seed, generation, expires_at)"
                    " values (:id, :org, :member, :device, 's', 0,"
                    " now() + interval '1 day') returning id"
                ),
                {
                    "id": uuid7(),
                    "org": org_id,
                    "member": member_id,
                    "device": device_id,
                },
            ).one()
        claims = Claims(member_id, org_id, family_id, device_id)
        token = access_token(self.keys, claims, now=utcnow())
        return Caller(self.app, token, member_id, org_id)

    def company(
        self, kind: OrganisationKind = OrganisationKind.CARRIER, *roles: Role
    ) -> Caller:
        """Return the admin of a new company, who has the company's desk roles too."""
        number = next(_numbers)
        desk = {
            OrganisationKind.CARRIER: [Role.DISPATCHER],
            OrganisationKind.PRIVATE_FLEET: [Role.DISPATCHER, Role.SHIPPER],
            OrganisationKind.SHIPPER: [Role.SHIPPER],
            OrganisationKind.BROKER: [Role.BROKER],
        }[kind]
        organisation = Organisation(id=uuid7(), name=f"{kind} {number}", kind=kind)
        admin = Member(
            id=uuid7(),
            org_id=organisation.id,
            name="Ada Admin",
            email=f"ada{number}@example.com",
            password_hash=_password_hash(),
            roles=sorted({Role.ADMIN, *(roles or desk)}),
        )
        with Session.begin() as session:
            session.add(organisation)
            session.flush()
            session.add(admin)
        return self.caller(admin.id, admin.org_id)

    def shipper(self) -> Caller:
        return self.company(OrganisationKind.SHIPPER)

    def member(self, admin: Caller, *roles: Role, **fields: Any) -> Caller:
        """Invite a member, who accepts in a browser; return the member."""
        number = next(_numbers)
        person = {
            "name": f"Person {number}",
            "email": f"person{number}@example.com",
            "roles": [role.value for role in roles],
        } | fields
        invited = admin.post("/v1/invitations", person)
        assert invited.status == 201, invited.body
        tokens = self.accept(invited["token"])
        assert tokens.status == 201, tokens.body
        member_id = UUID(tokens["member_id"])
        return Caller(self.app, tokens["access_token"], member_id, admin.org_id)

    def accept(self, token: str, **fields: Any) -> Answer:
        body = {"token": token, "password": PASSWORD} | fields
        return Caller(self.app, "").post("/v1/invitations/acceptance", body)

    def truck(self, dispatcher: Caller, **fields: Any) -> str:
        truck_id = str(uuid7())
        body = {
            "unit_number": f"T{next(_numbers)}",
            "equipment": "van",
            "payload_kg": 20_000,
            "deck_length_m": 16.15,
        } | fields
        made = dispatcher.put(f"/v1/trucks/{truck_id}", body)
        assert made.status == 200, made.body
        return truck_id

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
        driver = self.member(dispatcher, Role.DRIVER)
        driver_id = driver.get("/v1/me")["driver"]["id"]
        body = {
            "truck_id": self.truck(dispatcher, **(truck or {})),
            "home_lat": home.lat,
            "home_lon": home.lon,
            "availability": "available",
        } | fields
        edited = dispatcher.patch(f"/v1/drivers/{driver_id}", body)
        assert edited.status == 200, edited.body
        driver = replace(driver, driver_id=driver_id)
        if is_seen:
            # Earlier than any position that a test reports.
            self.locate(driver, home, at=utcnow() - timedelta(minutes=10))
        if device is not None:
            self.phone(driver, device or f"ok-{driver_id}")
        return driver

    def locate(self, driver: Caller, place: Point, *, at: datetime) -> None:
        """Report a position from the driver's phone."""
        fix = {"fix_id": str(uuid7()), "fixed_at": iso(at)}
        fix |= {"lat": place.lat, "lon": place.lon}
        sent = driver.post("/v1/positions", {"fixes": [fix]})
        assert sent["results"][0]["status"] == "created", sent.body

    def phone(self, caller: Caller, target: str, **fields: Any) -> str:
        device_id = str(uuid7())
        body = {
            "platform": "android",
            "target_kind": "fid",
            "target": target,
            "app_version": "1.0",
            "locale": "en",
        } | fields
        made = caller.put(f"/v1/devices/{device_id}", body)
        assert made.status == 200, made.body
        return device_id

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
        made = shipper.post("/v1/loads", self.load_body(*places, **fields))
        assert made.status == 201, made.body
        body: dict[str, Any] = made.body
        return body

    def assign(
        self, dispatcher: Caller, driver: Caller, load: dict[str, Any]
    ) -> dict[str, Any]:
        made = dispatcher.post(
            "/v1/assignments", {"load_id": load["id"], "driver_id": driver.driver_id}
        )
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
        rules=SearchRules.of(settings, EstimatedRoads()),
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

    RunLater puts a job off, as the worker's retry does; any other error is raised.
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
        after = "succeeded"
        try:
            by_name[row.task_name](**arguments)
        except RunLater:
            after = "todo"
        with Session.begin() as session:
            session.execute(
                text(
                    "update procrastinate_jobs set status = cast(:after as"
                    " procrastinate_job_status), scheduled_at = case when"
                    " :after = 'todo' then now() + interval '1 hour' end where id = :id"
                ),
                {"after": after, "id": row.id},
            )
