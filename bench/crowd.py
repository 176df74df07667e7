"""A market written straight into the database: companies, members, loads, offers.

Writing takes seconds where the API would take minutes. The members' tokens are valid:
they are signed with the keys of the server's DATA_DIR.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from uuid import UUID

import psycopg

from bench import rows
from bench.client import Client
from bench.rig import PASSWORD, Rig
from bench.rows import Point, Record
from edges.start import keyring
from freight.roles import Role
from models.people.organisations import OrganisationKind
from runtime.config import Settings
from services.people.members import ROLES_OF
from services.people.passwords import hash_password
from services.people.tokens import Claims, Keyring, access_token, refresh_token

CHICAGO, NEW_YORK = (41.88, -87.63), (40.71, -74.01)
CARRIERS = {OrganisationKind.CARRIER, OrganisationKind.PRIVATE_FLEET}
FIXES = 5
"""Positions of each driver."""

CARRYING = {
    0: ("at_delivery", ("departed", "arrived")),
    1: ("booked", ("pending", "pending")),
    2: ("at_pickup", ("arrived", "pending")),
}
"""The load status and the stop statuses of a company's first drivers, by number."""


@dataclass(frozen=True)
class Person:
    """A signed-in member.

    driver: the driver's row, if the member drives.
    device_id: the phone of the sign-in, if any.
    seed: what the refresh tokens of the sign-in are derived from.
    """

    member: Record
    family_id: UUID
    seed: str
    client: Client
    device_id: UUID | None = None
    driver: Record | None = None

    @property
    def org_id(self) -> UUID:
        found: UUID = self.member["org_id"]
        return found

    def may_be(self, role: Role) -> bool:
        return role in self.member["roles"]


@dataclass(frozen=True)
class Company:
    """One company. `desk` is a member with all of its roles but driver."""

    id: UUID
    kind: OrganisationKind
    desk: Person
    people: list[Person]

    @property
    def drivers(self) -> list[Person]:
        return [person for person in self.people if person.driver is not None]


class Crowd:
    """Makes rows in memory; `settle` writes them all at once."""

    def __init__(self, rig: Rig, seed: int = 1) -> None:
        self.url = rig.web.url
        self.database_url = rig.env["DATABASE_URL"]
        self.keys: Keyring = keyring(Settings.from_env(rig.env))
        self.rng = Random(seed)
        self.companies: list[Company] = []
        self._rows: dict[str, list[Record]] = defaultdict(list)
        self._numbers = count(1)
        self._secret = hash_password(PASSWORD)

    @property
    def people(self) -> list[Person]:
        return [person for company in self.companies for person in company.people]

    def settle(self) -> None:
        """Write the rows that were made since the last `settle`."""
        rows.write(self.database_url, self._rows)
        self._rows.clear()

    def near(self, place: Point) -> Point:
        """Return a random point within about 15 miles."""
        return tuple(degrees + self.rng.uniform(-0.2, 0.2) for degrees in place)  # type: ignore[return-value]

    def company(self, kind: OrganisationKind, drivers: int = 0) -> Company:
        """Return a new company: its desk, one member for each role, and drivers."""
        number = next(self._numbers)
        organisation = {"id": rows.uuid7(), "kind": kind, "name": f"{kind} {number}"}
        self._keep("organisations", organisation)
        org_id = organisation["id"]
        roles = sorted(ROLES_OF[kind] - {Role.DRIVER})
        desk = self.person(org_id, roles)
        people = [desk, *(self.person(org_id, [role]) for role in roles)]
        for _ in range(drivers):
            people.append(self.driver(org_id))
        self._keep("invitations", rows.invitation(desk.member))
        if drivers:
            self._keep("areas", rows.area(org_id, None))
        company = Company(org_id, kind, desk, people)
        self.companies.append(company)
        return company

    def person(
        self, org_id: UUID, roles: Sequence[str], *, has_phone: bool = False
    ) -> Person:
        """Return a signed-in member: in a browser, or on a phone."""
        email = f"crowd{next(self._numbers)}@example.com"
        member = self._keep("members", rows.person(org_id, email, roles, self._secret))
        device = self._keep("devices", rows.phone(member)) if has_phone else None
        family = self._keep("refresh_families", rows.family(member, device))
        return self._signed_in(member, family)

    def driver(
        self,
        org_id: UUID,
        availability: str = "available",
        *,
        home: Point | None = None,
        **of_truck: object,
    ) -> Person:
        """Return a driver with a truck, positions, and a home near Chicago by default.

        of_truck: columns that differ from `rows.truck`.
        """
        person = self.person(org_id, [Role.DRIVER], has_phone=True)
        truck = rows.truck(org_id, next(self._numbers)) | of_truck
        self._keep("trucks", truck)
        home = home or self.near(CHICAGO)
        driver = self._keep(
            "drivers", rows.driver(person.member, truck["id"], home, availability)
        )
        fixes = [rows.position(driver, number) for number in range(FIXES)]
        self._rows["positions"] += fixes
        self._keep("last_positions", rows.last_position(fixes[0]))
        self._keep("areas", rows.area(org_id, driver["id"]))
        return replace(person, driver=driver)

    def load(
        self,
        poster: Person,
        status: str = "posted",
        *,
        visibility: str = "network",
        stops: tuple[str, str] = ("pending", "pending"),
        ends: tuple[Point, Point] | None = None,
    ) -> tuple[Record, list[Record]]:
        """Return a load with its stops, by default from New York to Chicago."""
        ends = ends or (self.near(NEW_YORK), self.near(CHICAGO))
        load = rows.load(poster.member, *ends, status=status, visibility=visibility)
        self._keep("loads", load)
        self._keep("events", rows.event(load, load, "load", "load.post"))
        made = rows.stops(load, *stops)
        self._rows["stops"] += made
        return load, made

    def carried(self, poster: Person, driver: Record) -> Record:
        """Return the search after a load that this driver has delivered."""
        load, (_, drop) = self.load(
            poster, "delivered", stops=("departed", "completed")
        )
        self.assign(driver, load, status="completed")
        return self._keep("backhaul_searches", rows.search(driver, drop))

    def assign(self, driver: Record, load: Record, *, status: str = "active") -> Record:
        """Return the driver's assignment to the load."""
        return self._keep("assignments", rows.assignment(driver, load, status=status))

    def offer(
        self, search: Record, load: Record, rank: int, status: str = "sent"
    ) -> Record:
        """Return an offer of the load to the search's driver."""
        offer = self._keep("offers", rows.offer(search, load, rank, status))
        self._keep("events", rows.event(load, offer, "offer", "offer.create"))
        return offer

    def override(self, actor: Person, assignment: Record) -> None:
        """Make an override by this dispatcher."""
        self._keep("overrides", rows.override(actor.member, assignment))

    def refresh_token(self, person: Person, generation: int = 1) -> str:
        """Return the person's refresh token of that generation; signing in gives 1."""
        return refresh_token(self.keys, person.family_id, person.seed, generation)

    def renewed(self, person: Person) -> Person:
        """Return the person with a new sign-in in a browser, in place of a lost one."""
        family = rows.family(person.member, None)
        rows.write(self.database_url, {"refresh_families": [family]})
        return replace(self._signed_in(person.member, family), driver=person.driver)

    def _signed_in(self, member: Record, family: Record) -> Person:
        device_id = family["device_id"]
        claims = Claims(member["id"], member["org_id"], family["id"], device_id)
        token = access_token(self.keys, claims, now=datetime.now(UTC))
        client = Client(self.url, token)
        return Person(member, family["id"], family["seed"], client, device_id)

    def _keep(self, table: str, record: Record) -> Record:
        self._rows[table].append(record)
        return record


def make_market(crowd: Crowd, companies: int, *, drivers: int = 5) -> None:
    """Make companies of every kind, with everything two companies can share; settle.

    Loads of many statuses, private and on the network; drivers who carry a load, have
    offers, or had either before.
    """
    kinds = [*OrganisationKind]
    for number in range(companies):
        kind = kinds[number % len(kinds)]
        crowd.company(kind, drivers if kind in CARRIERS else 0)
    posters = [
        company.desk
        for company in crowd.companies
        if company.kind is not OrganisationKind.CARRIER
    ]
    market = []
    for poster in posters:
        market += [crowd.load(poster)[0] for _ in range(6)]
        for status in ("draft", "withdrawn", "cancelled", "posted"):
            crowd.load(poster, status, visibility="private")
    for company in crowd.companies:
        for number, person in enumerate(company.drivers):
            assert person.driver is not None
            _employ(crowd, company, person.driver, number, posters, market)
    crowd.settle()


def _employ(
    crowd: Crowd,
    company: Company,
    driver: Record,
    number: int,
    posters: Sequence[Person],
    market: Sequence[Record],
) -> None:
    """Give the driver ended loads and offers, and a current load or open offers."""
    search = crowd.carried(crowd.rng.choice(posters), driver)
    chosen = crowd.rng.sample(market, 5)
    if number in CARRYING:
        status, stops = CARRYING[number]
        load, _ = crowd.load(crowd.rng.choice(posters), status, stops=stops)
        crowd.assign(driver, load)
        driver["availability"] = "on_load"
        statuses = ["lost", "superseded", "declined"]
    else:
        statuses = ["sent", "seen", "created", "lost", "expired"]
    for rank, (load, status) in enumerate(zip(chosen, statuses, strict=False), 1):
        crowd.offer(search, load, rank, status)
    old, _ = crowd.load(crowd.rng.choice(posters), "cancelled")
    ended = crowd.assign(driver, old, status="cancelled")
    crowd.override(company.desk, ended)


def ids_by_owner(database_url: str) -> Mapping[str, Mapping[UUID, list[UUID]]]:
    """Return the ids of all rows in the database now: table -> company -> ids."""
    found: dict[str, dict[UUID, list[UUID]]] = {}
    with psycopg.connect(database_url) as connection:
        for table in OWNED:
            by_owner: dict[UUID, list[UUID]] = defaultdict(list)
            for row_id, org_id in connection.execute(f"select id, org_id from {table}"):
                by_owner[org_id].append(row_id)
            found[table] = by_owner
    return found


OWNED = (
    *("members", "devices", "trucks", "drivers", "areas", "invitations", "loads"),
    *("stops", "backhaul_searches", "offers", "assignments", "overrides"),
    *("refresh_families", "password_resets"),
)
"""Tables whose rows belong to a company and have an id."""
