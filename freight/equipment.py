"""Types of truck and trailer, and whether a truck fits a load."""

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


class Match(StrEnum):
    """Whether a truck fits a load, as far as both are known."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


def match(accepted: frozenset[Equipment], truck: Equipment | None) -> Match:
    """Say whether `truck` is one of the types a load accepts.

    UNKNOWN, never MISMATCH, where a side is not known: a truck without a type, a
    load that names none, or OTHER on both sides, which need not be the same thing.
    """
    if truck is None or not accepted:
        return Match.UNKNOWN
    if truck not in accepted:
        return Match.MISMATCH
    return Match.UNKNOWN if truck is Equipment.OTHER else Match.MATCH
