"""A day of a load board, read from its two files, and the homes of its trucks."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from random import Random

EQUIPMENT = {"Van": "van", "Reefer": "reefer", "Flatbed": "flatbed"}
"""The board's name of an equipment, and ours."""

Place = tuple[float, float]
"""Latitude and longitude, degrees."""


class NotABoard(Exception):
    """A file is not one of a board day; the message says which and where."""


class DropAt(StrEnum):
    """Where a truck becomes empty, and with which load it came.

    REPORT: where it first reported, with a random load of its own equipment.
    DELIVERY: where a random load of any equipment ended; the truck's own position is
    not used. The study that counted 41 % (README) did this.
    """

    REPORT = "report"
    DELIVERY = "delivery"


@dataclass(frozen=True)
class BoardLoad:
    """A posted load. `seq` is its place in the day; `posted_mi` is the board's own.

    at: when it is posted, in seconds since the epoch.
    """

    seq: int
    origin: Place
    destination: Place
    equipment: str
    price_cents: int
    posted_mi: float
    at: float


@dataclass(frozen=True)
class Trip:
    """A truck that comes from `home` and becomes empty at `drop`, as event `seq`.

    at: when that is, in seconds since the epoch.
    """

    seq: int
    truck: str
    equipment: str
    drop: Place
    home: Place
    at: float


def read_loads(path: Path) -> list[BoardLoad]:
    """Return the loads in time order.

    Raises: NotABoard, OSError.
    """
    with _rows(path) as rows:
        loads = [
            BoardLoad(
                int(row["seq"]),
                (float(row["originLatitude"]), float(row["originLongitude"])),
                (float(row["destinationLatitude"]), float(row["destinationLongitude"])),
                EQUIPMENT[row["equipmentType"]],
                round(float(row["price"]) * 100),
                float(row["mileage"]),
                _at(row),
            )
            for row in rows
        ]
    return sorted(loads, key=lambda load: load.seq)


def read_trips(
    path: Path, loads: Sequence[BoardLoad], *, seed: int, drop_at: DropAt
) -> list[Trip]:
    """Return one trip for each truck, by its first report, in time order.

    A truck's home is the origin of the random load it came with.

    Raises: NotABoard, OSError.
    """
    first: dict[str, dict[str, str]] = {}
    rng = Random(seed)
    with _rows(path) as rows:
        for row in sorted(rows, key=lambda row: int(row["seq"])):
            first.setdefault(row["truckId"], row)
        return [_trip(row, loads, rng, drop_at) for row in first.values()]


@contextmanager
def _rows(path: Path) -> Iterator[Iterator[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        try:
            yield rows
        except (KeyError, ValueError, TypeError) as error:
            raise NotABoard(f"{path}, line {rows.line_num}: {error!r}") from None


def _trip(
    row: dict[str, str], loads: Sequence[BoardLoad], rng: Random, drop_at: DropAt
) -> Trip:
    equipment = EQUIPMENT[row["equipType"]]
    if drop_at is DropAt.DELIVERY:
        came_with = rng.choice(loads)
        drop = came_with.destination
    else:
        came_with = rng.choice([load for load in loads if load.equipment == equipment])
        drop = float(row["positionLatitude"]), float(row["positionLongitude"])
    home = came_with.origin
    return Trip(int(row["seq"]), row["truckId"], equipment, drop, home, _at(row))


def _at(row: dict[str, str]) -> float:
    return datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()
