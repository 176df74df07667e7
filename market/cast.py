"""The people of a made-up market and their freight, made in memory, written at once."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from freight.roles import Role
from geo.points import Point
from market import people, postings
from market.rows import Record
from models.people.organisations import OrganisationKind

DESK: Mapping[str, Sequence[Role]] = {
    OrganisationKind.CARRIER: [Role.DISPATCHER],
    OrganisationKind.PRIVATE_FLEET: [Role.DISPATCHER, Role.SHIPPER],
    OrganisationKind.SHIPPER: [Role.SHIPPER],
    OrganisationKind.BROKER: [Role.BROKER],
}
"""The roles of the member at the desk of each kind of company."""

PICKUP_WINDOW, DELIVERY_WINDOW = timedelta(days=2), timedelta(days=4)


@dataclass(frozen=True)
class Person:
    """A signed-in member.

    family: the sign-in. driver: the driver's row, if the member drives.
    """

    member: Record
    family: Record
    driver: Record | None = None

    @property
    def org_id(self) -> UUID:
        found: UUID = self.member["org_id"]
        return found

    @property
    def device_id(self) -> UUID | None:
        """The phone of the sign-in; None for a browser."""
        found: UUID | None = self.family["device_id"]
        return found

    def may_be(self, role: Role) -> bool:
        return role in self.member["roles"]


class Cast:
    """Makes records; `take` hands over what is to be written.

    password_hash: of every member.
    clock: returns the time, aware.
    numbers: for names; casts of one database may share them.
    """

    def __init__(
        self,
        *,
        password_hash: str,
        clock: Callable[[], datetime],
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._password_hash = password_hash
        self._clock = clock
        self._numbers = numbers or count(1)
        self._made: dict[str, list[Record]] = defaultdict(list)

    def take(self) -> Mapping[str, Sequence[Record]]:
        """Return the records made since the last call, by table."""
        made, self._made = self._made, defaultdict(list)
        return made

    def keep(self, table: str, record: Record) -> Record:
        """Add a record to those that are to be written."""
        self._made[table].append(record)
        return record

    def organisation(self, kind: OrganisationKind) -> UUID:
        """Return the id of a new company."""
        number = next(self._numbers)
        usdot = None if kind is OrganisationKind.SHIPPER else str(1_000_000 + number)
        made = people.organisation(kind, f"{kind} {number}", usdot)
        found: UUID = self.keep("organisations", made)["id"]
        return found

    def person(
        self,
        org_id: UUID,
        roles: Sequence[str],
        *,
        has_phone: bool = False,
        **of_member: Any,  # noqa: ANN401 - columns
    ) -> Person:
        """Return a signed-in member: in a browser, or on a phone."""
        name = f"Person {next(self._numbers)}"
        member = people.member(org_id, name, roles, self._password_hash) | of_member
        self.keep("members", member)
        phone = self.phone(member) if has_phone else None
        return self.signed_in(member, phone["id"] if phone else None)

    def signed_in(self, member: Record, device_id: UUID | None) -> Person:
        """Return the member with a new sign-in."""
        family = people.family(member, device_id, self._clock())
        return Person(member, self.keep("refresh_families", family))

    def phone(
        self,
        member: Record,
        *,
        is_approved: bool = True,
        **of_device: Any,  # noqa: ANN401 - columns
    ) -> Record:
        """Return a phone of the member with a live push target."""
        made = people.device(member, self._clock(), is_approved=is_approved)
        return self.keep("devices", made | of_device)

    def driving(
        self,
        person: Person,
        home: Point,
        truck: Record,
        **of_driver: Any,  # noqa: ANN401 - columns
    ) -> Person:
        """Return the person as an available driver with a truck.

        truck: columns that differ.
        """
        wheels = people.truck(person.org_id, f"T{next(self._numbers)}") | truck
        self.keep("trucks", wheels)
        driver = people.driver(person.member, wheels["id"], home) | of_driver
        return replace(person, driver=self.keep("drivers", driver))

    def seen(self, driver_id: UUID, place: Point, at: datetime) -> None:
        """Keep a fix that is newer than any other of the driver."""
        fix = self.keep("positions", people.position(driver_id, place, at))
        self.keep("last_positions", people.last_position(fix))

    def load(
        self,
        poster: Record,
        stops: Sequence[Record],
        **of_load: Any,  # noqa: ANN401 - columns
    ) -> Record:
        """Return a load with these stops, as its poster has posted it."""
        now = self._clock()
        made = self.keep("loads", postings.load(poster, stops, now, **of_load))
        self._made["stops"] += stops
        self.keep("events", postings.posting(made, poster, now))
        return made

    def ends(self, pickup: Point, delivery: Point) -> tuple[Record, Record]:
        """Return a pickup and a delivery whose windows have just opened."""
        now = self._clock()
        return (
            postings.stop("pickup", pickup, now, now + PICKUP_WINDOW),
            postings.stop("delivery", delivery, now, now + DELIVERY_WINDOW),
        )
