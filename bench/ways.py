"""The people of `bench.exits`, what each can do with one load, and the state after it.

Everything happens in this process, by the real application and services, within one
transaction: a savepoint takes an act back.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, text
from uuid_utils.compat import uuid7

from api.app import create_app, make_posting_rules
from edges.start import keyring
from freight.roles import Role
from geo.points import Point
from geo.roads import EstimatedRoads
from market.cast import Cast, Person
from market.rows import Record, inserts
from models.people.organisations import OrganisationKind
from runtime import schema
from runtime.config import Settings
from runtime.db import Hand, Session, acting
from services.kernel.events import Cause
from services.loads import leases
from services.market.market import Market
from services.offers import ending
from services.people.passwords import NOBODY
from services.people.tokens import Claims, access_token
from services.search import run
from services.search.run import SearchRules
from services.upkeep import suspensions

PLACES = (Point(40.7128, -74.0060), Point(40.7357, -74.1724), Point(41.5934, -87.3464))
"""Two pickups and a delivery: New York, Newark, Gary."""

HOME = Point(41.8781, -87.6298)

STATE = text(
    """
    select l.status,
        array(select s.status || case when s.confirmed_at is null then '' else '+' end
            from stops s where s.load_id = l.id order by s.sequence) as stops,
        (select driver_id from assignments
            where load_id = l.id and status = 'active') as driver_id,
        array(select driver_id from offers where load_id = l.id
            and status in ('created', 'sent', 'seen') order by driver_id) as offered,
        array(select availability from drivers order by id) as availabilities,
        exists (select from assignments
            where load_id = l.id and status = 'completed') as is_carried_out,
        array(select suspended_at is not null from organisations order by id)
            as suspended
    from loads l where l.id = :load_id
    """
)

JOBS = text(
    "delete from procrastinate_jobs where status = 'todo' returning task_name, args, id"
)


@dataclass(frozen=True)
class State:
    """A combination of states: of load, stops, assignment, offers, drivers, companies.

    driver: the number of the driver who has the load; None if no driver has it.
    offered: the numbers of the drivers with an open offer of it.
    is_carried_out: a carrier reported it delivered.
    """

    load: str
    stops: tuple[str, ...]
    driver: int | None
    offered: tuple[int, ...]
    availabilities: tuple[str, ...]
    is_carrier_suspended: bool
    is_poster_suspended: bool
    is_carried_out: bool = False

    @property
    def is_unconfirmed(self) -> bool:
        """Whether a carrier delivered it, and the poster confirmed no pickup."""
        return self.is_carried_out and not any("+" in stop for stop in self.stops)


Deed = Callable[[], int]
"""Does something and returns the HTTP status, or 200."""


@dataclass
class Ways:
    """One load, its poster, a carrier with drivers, and the operator."""

    connection: Connection
    app: Flask
    rules: SearchRules
    poster: Person
    desk: Person
    drivers: list[Person]
    load_id: UUID
    stop_ids: list[UUID]
    tokens: dict[UUID, str]

    def call(
        self,
        person: Person,
        method: str,
        path: str,
        body: object = None,
    ) -> int:
        """Return the status of the request by this person."""
        headers = {"Authorization": f"Bearer {self.tokens[person.member['id']]}"}
        headers |= {"Idempotency-Key": str(uuid7())} if method == "POST" else {}
        with acting(Hand.NOBODY), self.app.test_client() as client:
            if method == "PATCH":
                seen = client.get(path, headers=headers)
                headers |= {"If-Match": seen.headers.get("ETag", "*")}
            answer = client.open(path, method=method, json=body, headers=headers)
        return answer.status_code

    def state(self) -> State:
        with Session() as session:
            row = session.execute(STATE, {"load_id": self.load_id}).one()
        numbers = {person.driver["id"]: n for n, person in enumerate(self.drivers)}
        return State(
            row.status,
            tuple(row.stops),
            numbers.get(row.driver_id),
            tuple(sorted(numbers[driver_id] for driver_id in row.offered)),
            tuple(row.availabilities),
            *row.suspended,
            row.is_carried_out,
        )

    def work(self) -> None:
        """Do the searches that are due, as the worker would; drop the pushes."""
        while True:
            with Session.begin() as session:
                found = session.execute(JOBS).all()
            due = sorted(found, key=lambda job: job.id)
            if not due:
                return
            for job in due:
                self._do(job.task_name, job.args)

    def _do(self, name: str, args: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        with Session.begin() as session:
            if name == "search.after_end":
                lost = UUID(args["assignment_id"])
                run.search_after_end(session, self.rules, assignment_id=lost, now=now)
            elif name == "search.offer_next":
                run.offer_next(
                    *(session, self.rules),
                    search_id=UUID(args["search_id"]),
                    now=now,
                    once_all_ended=args.get("once_all_ended", False),
                )

    def deeds(self) -> Iterator[tuple[str, str, Deed]]:
        """Yield (party, name, deed) for all that each party could try now."""
        for number, person in enumerate(self.drivers):
            yield from self._of_driver(f"driver {number}", person)
        yield from self._of_desk()
        yield from self._of_poster()
        yield from self._of_platform()
        yield "clock", "offers expire", self._let_offers_expire
        yield "clock", "lease lapses", self._let_lease_lapse

    def _assignment(self) -> UUID:
        """Return the newest assignment of the load, or an id of no row."""
        query = text("select id from assignments where load_id = :id order by 1 desc")
        with Session() as session:
            found = session.scalar(query, {"id": self.load_id})
        return found or uuid7()

    def _offer_of(self, person: Person) -> UUID:
        query = text(
            "select id from offers where load_id = :id and driver_id = :driver"
            " and status in ('created', 'sent', 'seen')"
        )
        values = {"id": self.load_id, "driver": person.driver["id"]}
        with Session() as session:
            found = session.scalar(query, values)
        return found or uuid7()

    def _request(
        self, person: Person, method: str, path: str, body: object = None
    ) -> Deed:
        return lambda: self.call(person, method, path, body)

    def _reports(self, person: Person) -> Iterator[tuple[str, Deed]]:
        for number, stop_id in enumerate(self.stop_ids):
            for fact in ("arrival", "completion", "departure"):
                body = {"occurred_at": datetime.now(UTC).isoformat()}
                if fact == "departure" and person is self.desk:
                    body |= {"release_reason": "weather"}
                path = f"/v1/stops/{stop_id}/{fact}"
                yield f"{fact} {number}", self._request(person, "PUT", path, body)

    def _of_driver(self, party: str, person: Person) -> Iterator[tuple[str, str, Deed]]:
        offer = f"/v1/offers/{self._offer_of(person)}"
        own = f"/v1/drivers/{person.driver['id']}"
        hand_back = f"/v1/assignments/{self._assignment()}/hand-back"
        requests: list[tuple[str, str, str, Any]] = [
            ("accept", "PUT", f"{offer}/acceptance", None),
            ("decline", "PUT", f"{offer}/decline", {"reason": "price"}),
            ("hand back", "PUT", hand_back, {"reason": "breakdown"}),
            ("off duty", "PATCH", own, {"availability": "off_duty"}),
            ("available", "PATCH", own, {"availability": "available"}),
        ]
        for name, *request in requests:
            yield party, name, self._request(person, *request)
        for name, deed in self._reports(person):
            yield party, name, deed

    def _of_desk(self) -> Iterator[tuple[str, str, Deed]]:
        assignment = f"/v1/assignments/{self._assignment()}"
        override = f"{assignment}/override"
        requests: list[tuple[str, str, str, Any]] = [
            ("hand back", "PUT", f"{assignment}/hand-back", {"reason": "hours"}),
        ]
        for kind in ("unassign", "abandon"):
            requests += [(kind, "POST", override, {"kind": kind, "reason": "safety"})]
        for number, person in enumerate(self.drivers):
            whom = {"driver_id": str(person.driver["id"])}
            plan = whom | {"load_id": str(self.load_id)}
            requests += [(f"plan {number}", "POST", "/v1/assignments", plan)]
            for kind in ("reassign", "take_over"):
                body = whom | {"kind": kind, "reason": "safety"}
                requests += [(f"{kind} {number}", "POST", override, body)]
            offer_id = str(self._offer_of(person))
            body = {"kind": "withdraw_offer", "reason": "safety", "offer_id": offer_id}
            requests += [(f"withdraw {number}", "POST", "/v1/overrides", body)]
        for name, *request in requests:
            yield "desk", name, self._request(self.desk, *request)
        for name, deed in self._reports(self.desk):
            if name.startswith("departure"):
                yield "desk", f"release {name}", deed

    def _of_poster(self) -> Iterator[tuple[str, str, Deed]]:
        load = f"/v1/loads/{self.load_id}"
        requests: list[tuple[str, str, str, Any]] = [
            ("post", "PUT", f"{load}/posting", None),
            ("withdraw", "DELETE", f"{load}/posting", None),
            ("cancel", "PUT", f"{load}/cancellation", {"reason": "sold"}),
            ("interrupt", "PUT", f"{load}/interruption", {"reason": "recall"}),
            ("take back", "PUT", f"{load}/return", {}),
            ("note delivery", "PUT", f"{load}/delivery", {}),
        ]
        for number, stop_id in enumerate(self.stop_ids[:-1]):
            path = f"/v1/stops/{stop_id}/pickup-confirmation"
            requests += [(f"confirm {number}", "PUT", path, {"confirmed_by": "Dock"})]
        for name, *request in requests:
            yield "poster", name, self._request(self.poster, *request)

    def _of_platform(self) -> Iterator[tuple[str, str, Deed]]:
        for name, person in (("carrier", self.desk), ("poster", self.poster)):
            yield "platform", f"suspend {name}", self._suspending(person.org_id)
            yield "platform", f"resume {name}", self._resuming(person.org_id)

    def _suspending(self, org_id: UUID) -> Deed:
        def deed() -> int:
            now = datetime.now(UTC)
            with Session.begin() as session:
                suspensions.suspend(session, org_id, reason="bench", now=now)
                while suspensions.withdraw_offers(session, org_id, now=now):
                    pass
            return 200

        return deed

    def _resuming(self, org_id: UUID) -> Deed:
        def deed() -> int:
            with Session.begin() as session:
                suspensions.resume(session, org_id, now=datetime.now(UTC))
            return 200

        return deed

    def _let_offers_expire(self) -> int:
        late = text("update offers set expires_at = now() - interval '1 s'")
        with Session.begin() as session:
            session.execute(late)
            ending.expire(session, Cause(datetime.now(UTC)))
        return 200

    def _let_lease_lapse(self) -> int:
        late = text("update loads set lease_expires_at = now() where status = 'posted'")
        with Session.begin() as session:
            session.execute(late)
            leases.lapse(session, now=datetime.now(UTC))
        return 200


def make_ways(
    connection: Connection, settings: Settings, *, drivers: int, pickups: int
) -> Ways:
    """Post a load of so many pickups; its carrier has so many available drivers.

    The first driver has an open offer of the load: a search followed the end of an
    earlier assignment.
    """
    keys = keyring(settings)
    roads = EstimatedRoads()
    rules = SearchRules.of(settings, roads, Market(roads))
    posting = make_posting_rules(settings, roads)
    app = create_app(settings, keys, posting, schema_head=schema.head())
    cast = Cast(password_hash=NOBODY, clock=lambda: datetime.now(UTC), numbers=count(1))
    desk = cast.person(cast.organisation(OrganisationKind.CARRIER), [Role.DISPATCHER])
    poster = cast.person(cast.organisation(OrganisationKind.SHIPPER), [Role.SHIPPER])
    people = [
        cast.driving(cast.person(desk.org_id, [Role.DRIVER]), HOME, {})
        for _ in range(drivers)
    ]
    for person in people:
        cast.seen(person.driver["id"], PLACES[0], datetime.now(UTC) - timedelta(1 / 48))
    stops = _stops(cast, pickups)
    load = cast.load(poster.member, stops, price_cents=400_000)
    for statement, records in inserts(cast.take()):
        connection.exec_driver_sql(statement.as_string(None), (records,))
    tokens = {
        person.member["id"]: access_token(
            keys,
            Claims(person.member["id"], person.org_id, person.family["id"], None),
            now=datetime.now(UTC),
        )
        for person in (desk, poster, *people)
    }
    stop_ids = [stop["id"] for stop in stops]
    ways = Ways(
        *(connection, app, rules, poster, desk, people),
        *(load["id"], stop_ids, tokens),
    )
    named = {(party, name): deed for party, name, deed in ways.deeds()}
    assert named["desk", "plan 0"]() == 201
    named = {(party, name): deed for party, name, deed in ways.deeds()}
    assert named["desk", "unassign"]() == 201
    ways.work()
    return ways


def _stops(cast: Cast, pickups: int) -> list[Record]:
    first, last = cast.ends(PLACES[0], PLACES[-1])
    more = [cast.ends(place, PLACES[-1])[0] for place in PLACES[1:pickups]]
    return [first, *more, last]
