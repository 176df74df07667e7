"""A driver's track: which fix is the last position, and which is a jump."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import Row

from geo.points import Point
from services.fleet.flags import is_too_fast, is_vague

AGREES_AFTER = timedelta(seconds=5)
"""A second fix is a second measurement: phones may send the newest one again under
another id. Less than the ten seconds between two fixes of a phone on the road."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A fix on the track. `key` is None for the last position, which keeps no id."""

    corrected_at: datetime
    lat: float
    lon: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    key: tuple[UUID, datetime] | None = None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the spot of a row of `positions` or of `last_positions`."""
        found = row._mapping
        names = ("accuracy_m", "speed_mps", "heading_deg")
        return cls(
            row.corrected_at,
            row.lat,
            row.lon,
            **{name: found.get(name) for name in names},
            key=(row.fix_id, row.fixed_at) if "fix_id" in found else None,
        )

    @classmethod
    def from_record(cls, record: dict[str, Any] | None) -> Self | None:
        """Return the spot that `to_record` has described."""
        if record is None:
            return None
        at = datetime.fromisoformat(record["corrected_at"])
        return cls(**record | {"corrected_at": at})

    def to_record(self) -> dict[str, Any]:
        """Return the spot without its key, as JSON values."""
        return {
            "corrected_at": self.corrected_at.isoformat(),
            "lat": self.lat,
            "lon": self.lon,
            "accuracy_m": self.accuracy_m,
            "speed_mps": self.speed_mps,
            "heading_deg": self.heading_deg,
        }

    @property
    def order(self) -> tuple[datetime, float, float]:
        """Of two fixes at the same moment the same one is always the later."""
        return self.corrected_at, self.lat, self.lon

    def reaches(self, other: "Spot") -> bool:
        """Say whether a truck can drive from one of the two to the other in time."""
        seconds = abs((other.corrected_at - self.corrected_at).total_seconds())
        return not is_too_fast(
            Point(self.lat, self.lon),
            Point(other.lat, other.lon),
            seconds,
            accuracy_m=(self.accuracy_m or 0.0) + (other.accuracy_m or 0.0),
        )

    def confirms(self, doubted: "Spot") -> bool:
        """Say whether this fix is another measurement of where a doubted one was."""
        apart = abs(self.corrected_at - doubted.corrected_at)
        return apart >= AGREES_AFTER and doubted.reaches(self)


class Track(NamedTuple):
    """The last position, a jump that waits for a second fix, and the new jumps."""

    last: Spot | None
    doubted: Spot | None
    jumps: list[Spot]


def follow(last: Spot | None, doubted: Spot | None, fixes: Iterable[Spot]) -> Track:
    """Return the track after these fixes, which may be in any order.

    A fix that the last position does not reach is a jump. It becomes the last position
    when another fix, measured some seconds from it, agrees with it; an older fix never
    replaces a newer position. A vague fix says too little for both: it is skipped.
    """
    jumps = []
    for fix in sorted(fixes, key=lambda fix: fix.order):
        if is_vague(fix.accuracy_m):
            continue
        if last is None:
            last = fix
        elif fix.order <= last.order:
            continue
        elif last.reaches(fix):
            last = fix
        elif doubted is not None and fix.confirms(doubted):
            last, doubted = max(doubted, fix, key=lambda spot: spot.order), None
        else:
            jumps.append(fix)
            # One that agrees too soon replaces nothing: else the next is too soon, too.
            if doubted is None or not (
                fix.order <= doubted.order or fix.reaches(doubted)
            ):
                doubted = fix
        if doubted is not None and doubted.order > last.order and last.reaches(doubted):
            last = doubted
        if doubted is not None and doubted.order <= last.order:
            doubted = None
    return Track(last, doubted, jumps)
