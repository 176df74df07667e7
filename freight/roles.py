"""The roles that act on freight."""

from enum import StrEnum


class Role(StrEnum):
    """What a member does. SYSTEM is the server itself; no member has this role."""

    DRIVER = "driver"
    DISPATCHER = "dispatcher"
    SHIPPER = "shipper"
    BROKER = "broker"
    ADMIN = "admin"
    SYSTEM = "system"


POSTERS = frozenset({Role.SHIPPER, Role.BROKER})
"""Roles that put loads on the market. A dispatcher may post loads, too."""

CARRYING = frozenset({Role.DRIVER, Role.DISPATCHER})
"""Roles that carry a load: the driver, or the dispatcher on the driver's behalf."""
