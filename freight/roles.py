"""Who acts on freight."""

from enum import StrEnum


class Role(StrEnum):
    """What a member does. SYSTEM is the server's own hand and nobody's role."""

    DRIVER = "driver"
    DISPATCHER = "dispatcher"
    SHIPPER = "shipper"
    BROKER = "broker"
    ADMIN = "admin"
    SYSTEM = "system"


POSTERS = frozenset({Role.SHIPPER, Role.BROKER})
"""Who offers freight on the market."""

CARRYING = frozenset({Role.DRIVER, Role.DISPATCHER})
"""Who moves it: the driver, or the dispatcher for him."""
