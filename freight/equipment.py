"""Types of truck and trailer, what each can carry, and what it may weigh."""

from enum import StrEnum


class Equipment(StrEnum):
    """What a truck pulls or is. A load accepts a set of these, a truck has one.

    Features (tarps, air ride, liftgate) are not types: the codes that carry one
    lead to the plain type.
    """

    VAN = "van"
    VAN_INTERMODAL = "van_intermodal"
    REEFER = "reefer"
    REEFER_INTERMODAL = "reefer_intermodal"
    FLATBED = "flatbed"
    STEP_DECK = "step_deck"
    CONESTOGA = "conestoga"
    CURTAIN_VAN = "curtain_van"
    DOUBLE_DROP = "double_drop"
    LOWBOY = "lowboy"
    REMOVABLE_GOOSENECK = "removable_gooseneck"
    HOTSHOT = "hotshot"
    STRAIGHT_BOX = "straight_box"
    POWER_ONLY = "power_only"
    HOPPER = "hopper"
    DUMP = "dump"
    TANKER = "tanker"
    PNEUMATIC = "pneumatic"
    BULK = "bulk"
    AUTO_CARRIER = "auto_carrier"
    MAXI = "maxi"
    CONTAINER = "container"
    CARGO_VAN = "cargo_van"
    DOUBLES = "doubles"
    B_TRAIN = "b_train"
    OTHER = "other"


STANDS_IN_FOR: dict[Equipment, frozenset[Equipment]] = {
    Equipment.REEFER: frozenset({Equipment.VAN}),
    Equipment.REEFER_INTERMODAL: frozenset({Equipment.VAN_INTERMODAL}),
    Equipment.VAN: frozenset({Equipment.STRAIGHT_BOX, Equipment.CARGO_VAN}),
    Equipment.STRAIGHT_BOX: frozenset({Equipment.CARGO_VAN}),
    Equipment.CURTAIN_VAN: frozenset({Equipment.VAN}),
    Equipment.CONESTOGA: frozenset({Equipment.FLATBED, Equipment.CURTAIN_VAN}),
    Equipment.STEP_DECK: frozenset({Equipment.FLATBED}),
    Equipment.FLATBED: frozenset({Equipment.HOTSHOT}),
    Equipment.REMOVABLE_GOOSENECK: frozenset({Equipment.LOWBOY, Equipment.DOUBLE_DROP}),
}
"""Truck -> the types asked for that it can carry although they are not its own.

A search offers such a load only to a refrigerated trailer (DRY_FOR_REEFERS); a desk
that knows the freight may plan it. Source: what dispatchers commonly agree with
posters; editable.
"""

DRY_FOR_REEFERS = {
    Equipment.REEFER: Equipment.VAN,
    Equipment.REEFER_INTERMODAL: Equipment.VAN_INTERMODAL,
}
"""Refrigerated trailer -> the dry one whose loads it takes, if the poster allows it."""

HAS_TEMPERATURE_UNIT = frozenset({Equipment.REEFER, Equipment.REEFER_INTERMODAL})

UNIT_HOLDS_C = (-29.0, 32.0)
"""The set points of a trailer's temperature unit. Source: makers' data sheets, which
say -20 F to +90 F."""

KG_PER_LB = 0.45359237

GROSS_LIMIT_KG = 80_000 * KG_PER_LB
"""Truck, trailer and freight together. Source: 23 U.S.C. 127, United States."""

LIGHTEST_EMPTY_KG = 25_000 * KG_PER_LB
"""A light tractor with a light trailer, without freight: usual ones weigh 32,000 to
36,000 lb. Only freight that no ordinary truck may carry is above the limit."""


def can_stand_in(truck: Equipment | None, accepted: frozenset[Equipment]) -> bool:
    """Say whether `truck` can carry a load that asks for other types."""
    return truck is not None and not accepted.isdisjoint(
        STANDS_IN_FOR.get(truck, frozenset())
    )


def legal_payload_kg(payload_kg: int | None) -> float:
    """Return the heaviest freight that the law lets the truck carry.

    payload_kg: the truck's own figure, None if it is not on file. A truck may be
        lighter than LIGHTEST_EMPTY_KG, but its freight is never above GROSS_LIMIT_KG.
    """
    most_kg = GROSS_LIMIT_KG - LIGHTEST_EMPTY_KG
    return (
        most_kg if payload_kg is None else min(max(most_kg, payload_kg), GROSS_LIMIT_KG)
    )


def holds_temperature(
    truck: Equipment | None, lowest_c: float | None, highest_c: float | None
) -> bool:
    """Say whether the truck can keep freight in the range; None is an open end.

    True for a load without a range.
    """
    if lowest_c is None and highest_c is None:
        return True
    coldest_c, warmest_c = UNIT_HOLDS_C
    return (
        truck in HAS_TEMPERATURE_UNIT
        and (lowest_c is None or lowest_c <= warmest_c)
        and (highest_c is None or highest_c >= coldest_c)
    )
