"""A market written straight into the database: companies, members, loads, offers.

Writing takes seconds where the API would take minutes. The members' tokens are valid:
they are signed with the keys of the server's DATA_DIR.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import psycopg

from bench.client import Client
from bench.rig import PASSWORD, Rig
from edges.start import keyring
from freight.roles import Role
from geo.points import Point
from market import cast, people, postings
from market.cast import Cast
from market.rows import Record, inserts
from models.people.organisations import OrganisationKind
from runtime.config import Settings
from services.people.members import ROLES_OF
from services.people.passwords import hash_password
from services.people.tokens import Claims, Keyring, access_token, refresh_token

CHICAGO, NEW_YORK = Point(41.88, -87.63), Point(40.71, -74.01)
LAKE_ERIE = Point(41.0, -80.0)
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
class Person(cast.Person):
    """A signed-in member, who calls the API by `client`."""

    client: Client = field(kw_only=True)


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


def utcnow() -> datetime:
    return datetime.now(UTC)


def write(database_url: str, made: Mapping[str, Sequence[Record]]) -> None:
    """Insert the records as a superuser, without row security and the services."""
    with psycopg.connect(database_url) as connection:
        for statement, records in inserts(made):
            connection.execute(statement, [records])
        connection.commit()
        connection.autocommit = True
        connection.execute("analyze")


class Crowd:
    """Makes rows in memory; `settle` writes them all at once."""

    def __init__(self, rig: Rig, seed: int = 1) -> None:
        self.url = rig.web.url
        self.database_url = rig.env["DATABASE_URL"]
        self.keys: Keyring = keyring(Settings.from_env(rig.env))
        self.rng = Random(seed)
        self.companies: list[Company] = []
        secret = hash_password(PASSWORD)
        self._cast = Cast(password_hash=secret, clock=utcnow)

    def _with_client(self, person: cast.Person) -> Person:
        family = person.family
        device_id, member_id = person.device_id, person.member["id"]
        claims = Claims(member_id, person.org_id, family["id"], device_id)
        token = access_token(self.keys, claims, now=utcnow())
        client = Client(self.url, token)
        return Person(person.member, family, person.driver, client=client)

    @property
    def people(self) -> list[Person]:
        return [person for company in self.companies for person in company.people]

    def settle(self) -> None:
        """Write the rows that were made since the last `settle`."""
        write(self.database_url, self._cast.take())

    def near(self, place: Point) -> Point:
        """Return a random point within about 20 miles to the west.

        That is on land near Chicago and New York; their east is water without a road.
        """
        shift = self.rng.uniform
        return Point(place.lat + shift(-0.2, 0.2), place.lon + shift(-0.4, 0.0))

    def company(
        self, kind: OrganisationKind, drivers: int = 0, *, at: Point = LAKE_ERIE
    ) -> Company:
        """Return a new company: its desk, one member for each role, and drivers.

        at: where the drivers are.
        """
        org_id = self._cast.organisation(kind)
        roles = sorted(ROLES_OF[kind] - {Role.DRIVER})
        desk = self.person(org_id, roles)
        staff = [desk, *(self.person(org_id, [role]) for role in roles)]
        staff += [self.driver(org_id, at=at) for _ in range(drivers)]
        self._cast.keep("invitations", people.invitation(desk.member, utcnow()))
        if drivers:
            self._cast.keep("areas", people.area(org_id, None))
        company = Company(org_id, kind, desk, staff)
        self.companies.append(company)
        return company

    def person(
        self, org_id: UUID, roles: Sequence[str], *, has_phone: bool = False
    ) -> Person:
        """Return a signed-in member: in a browser, or on a phone."""
        person = self._cast.person(org_id, roles, has_phone=has_phone)
        return self._with_client(person)

    def driver(
        self,
        org_id: UUID,
        availability: str = "available",
        *,
        home: Point | None = None,
        at: Point = LAKE_ERIE,
        has_area: bool = True,
        **of_truck: object,
    ) -> Person:
        """Return a driver with a truck, positions, and a home near Chicago by default.

        at: where they are now. A search starts there if it is far from their drop.
        has_area: with an area where they do not go.
        of_truck: columns that differ from those of `market.people.truck`.
        """
        hired = self._cast.driving(
            self._cast.person(org_id, [Role.DRIVER], has_phone=True),
            home or self.near(CHICAGO),
            of_truck,
            availability=availability,
        )
        person = self._with_client(hired)
        assert person.driver is not None
        driver_id, now = person.driver["id"], utcnow()
        for number in range(1, FIXES):
            place = replace(at, lat=at.lat + number / 100)
            fix = people.position(driver_id, place, now - timedelta(minutes=number))
            self._cast.keep("positions", fix)
        self._cast.seen(driver_id, at, now)
        if has_area:
            self._cast.keep("areas", people.area(org_id, driver_id))
        return person

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
        route = self._cast.ends(*(ends or (self.near(NEW_YORK), self.near(CHICAGO))))
        for stop, reported, city in zip(
            route, stops, ("Newark", "Chicago"), strict=True
        ):
            stop["address"] = postings.ADDRESS | {"city": city}
            postings.report(stop, reported, utcnow())
        load = self._cast.load(
            poster.member,
            route,
            status=status,
            visibility=visibility,
            commodity="Paper",
        )
        return load, list(route)

    def carried(self, poster: Person, driver: Record) -> Record:
        """Return the search after a load that this driver has delivered."""
        load, (_, drop) = self.load(
            poster, "delivered", stops=("departed", "completed")
        )
        self.assign(driver, load, status="completed")
        search = postings.search(driver, drop, utcnow())
        return self._cast.keep("backhaul_searches", search)

    def assign(self, driver: Record, load: Record, *, status: str = "active") -> Record:
        """Return the driver's assignment to the load."""
        made = postings.assignment(driver, load) | {"status": status}
        if status != "active":
            made["ended_at"] = utcnow()
        return self._cast.keep("assignments", made)

    def offer(
        self, search: Record, load: Record, rank: int, status: str = "sent"
    ) -> Record:
        """Return an offer of the load to the search's driver."""
        offer = postings.offer(search, load, rank, utcnow(), status=status)
        self._cast.keep("events", postings.offering(offer, utcnow()))
        return self._cast.keep("offers", offer)

    def override(self, actor: Person, assignment: Record) -> None:
        """Make an override by this dispatcher."""
        self._cast.keep("overrides", postings.override(actor.member, assignment))

    def refresh_token(self, person: Person, generation: int = 1) -> str:
        """Return the person's refresh token of that generation; signing in gives 1."""
        family = person.family
        return refresh_token(self.keys, family["id"], family["seed"], generation)

    def renewed(self, person: Person) -> Person:
        """Return the person with a new sign-in in a browser, in place of a lost one."""
        family = people.family(person.member, None, utcnow())
        # Written by itself, as several threads do this at once.
        write(self.database_url, {"refresh_families": [family]})
        return self._with_client(replace(person, family=family))


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
    *("refresh_families", "password_resets", "flags"),
)
"""Tables whose rows belong to a company and have an id."""
