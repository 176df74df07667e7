"""The caller of a request, and what the caller's roles allow."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from freight.roles import Role
from models.people.organisations import OrganisationKind


class Permission(StrEnum):
    """What a route requires of its caller, `noun:verb`."""

    MEMBERS_MANAGE = "members:manage"
    MEMBERS_READ = "members:read"
    ORGANISATION_READ = "organisation:read"
    ORGANISATION_MANAGE = "organisation:manage"
    PROFILE_READ = "profile:read"
    DEVICES_REGISTER = "devices:register"
    FACTORS_ENROL = "factors:enrol"
    DEVICES_APPROVE = "devices:approve"
    TRUCKS_READ = "trucks:read"
    TRUCKS_MANAGE = "trucks:manage"
    DRIVERS_READ = "drivers:read"
    DRIVERS_MANAGE = "drivers:manage"
    AREAS_READ = "areas:read"
    AREAS_DRAW = "areas:draw"
    FLEET_READ = "fleet:read"
    FLAGS_READ = "flags:read"
    FLAGS_END = "flags:end"
    LOADS_READ = "loads:read"
    LOADS_POST = "loads:post"
    LOADS_CANCEL = "loads:cancel"
    STOPS_REPORT = "stops:report"
    PICKUPS_CONFIRM = "pickups:confirm"
    POSITIONS_REPORT = "positions:report"
    SEARCHES_READ = "searches:read"
    SEARCHES_ASK = "searches:ask"
    OFFERS_READ = "offers:read"
    OFFERS_ANSWER = "offers:answer"
    OFFERS_MAKE = "offers:make"
    ASSIGNMENTS_READ = "assignments:read"
    ASSIGNMENTS_MAKE = "assignments:make"
    ASSIGNMENTS_OVERRIDE = "assignments:override"


P = Permission

EVERYBODY = {P.PROFILE_READ, P.DEVICES_REGISTER}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.DRIVER: frozenset(
        EVERYBODY
        | {P.AREAS_READ, P.AREAS_DRAW, P.DRIVERS_READ, P.DRIVERS_MANAGE}
        | {P.LOADS_READ, P.STOPS_REPORT, P.POSITIONS_REPORT, P.TRUCKS_READ}
        | {P.OFFERS_READ, P.OFFERS_ANSWER, P.ASSIGNMENTS_READ}
        | {P.SEARCHES_READ, P.SEARCHES_ASK}
    ),
    Role.DISPATCHER: frozenset(
        EVERYBODY
        | {P.MEMBERS_READ, P.DEVICES_APPROVE, P.FLEET_READ, P.FACTORS_ENROL}
        | {P.ORGANISATION_READ, P.ORGANISATION_MANAGE}
        | {P.TRUCKS_READ, P.TRUCKS_MANAGE}
        | {P.DRIVERS_READ, P.DRIVERS_MANAGE, P.AREAS_READ, P.AREAS_DRAW}
        | {P.LOADS_READ, P.LOADS_POST, P.LOADS_CANCEL, P.PICKUPS_CONFIRM}
        | {P.STOPS_REPORT, P.FLAGS_READ, P.FLAGS_END}
        | {P.SEARCHES_READ, P.SEARCHES_ASK, P.OFFERS_READ, P.OFFERS_MAKE}
        | {P.ASSIGNMENTS_READ, P.ASSIGNMENTS_MAKE, P.ASSIGNMENTS_OVERRIDE}
    ),
    Role.SHIPPER: frozenset(
        EVERYBODY | {P.LOADS_READ, P.LOADS_POST, P.LOADS_CANCEL, P.PICKUPS_CONFIRM}
    ),
    Role.BROKER: frozenset(
        EVERYBODY
        | {P.LOADS_READ, P.LOADS_POST, P.LOADS_CANCEL, P.PICKUPS_CONFIRM}
        | {P.FACTORS_ENROL}
    ),
    Role.ADMIN: frozenset(
        EVERYBODY
        | {P.MEMBERS_MANAGE, P.MEMBERS_READ, P.DEVICES_APPROVE, P.FACTORS_ENROL}
        | {P.ORGANISATION_READ, P.ORGANISATION_MANAGE}
        | {P.TRUCKS_READ, P.DRIVERS_READ}
    ),
}
"""What each role may do. A member may have several roles."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in member. `driver_id` is set if the member is a driver.

    is_suspended: their company is, and may only finish what is underway.
    """

    member_id: UUID
    org_id: UUID
    org_kind: OrganisationKind
    roles: frozenset[Role]
    driver_id: UUID | None = None
    locale: str = "en"
    is_suspended: bool = False

    def may(self, permission: Permission) -> bool:
        return any(permission in PERMISSIONS[role] for role in self.roles)

    @property
    def is_dispatcher(self) -> bool:
        return Role.DISPATCHER in self.roles
