"""Types of truck and trailer: one list of ours, and what other systems call them."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

VOCABULARIES_CSV = Path(__file__).with_name("equipment_vocabularies.csv")
"""One line per foreign code: canonical, vocabulary, code, mark.

`canonical` names one type of ours, or several joined by "|" where the code says
"any of these" (DAT's VF is `van|flatbed`). `mark` is V for a code read in that
system's own documents and G for one from general knowledge; which of our types a
code belongs to is our own judgement in every line.
"""


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


class UnknownEquipment(ValueError):
    """No such code in that vocabulary."""


class Match(StrEnum):
    """Whether a truck fits a load, as far as both are known."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


def equipment_from(vocabulary: str, code: str) -> frozenset[Equipment]:
    """Return the types that `code` of another system allows; never empty.

    vocabulary: "loadsmart", "directfreight", "dat" or "x12" (element 40).
    code: in upper or lower case; blanks around it are ignored.

    Raises: UnknownEquipment.
    """
    try:
        return _vocabularies()[vocabulary, code.strip().upper()]
    except KeyError:
        raise UnknownEquipment(f"{vocabulary} has no equipment {code!r}.") from None


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


@cache
def _vocabularies() -> Mapping[tuple[str, str], frozenset[Equipment]]:
    with VOCABULARIES_CSV.open(newline="", encoding="utf-8") as lines:
        return {
            (row["vocabulary"], row["code"]): frozenset(
                Equipment(name) for name in row["canonical"].split("|")
            )
            for row in csv.DictReader(lines)
        }
