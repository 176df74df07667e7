"""What a driver prefers: the order of their offers, and which freight they like."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RankBy(StrEnum):
    """What comes first among a driver's offers: the largest gain in all, the earliest
    time at home, the largest gain for each hour until home, or the most CO2 saved."""

    GAIN = "gain"
    HOME_TIME = "home_time"
    GAIN_PER_HOUR = "gain_per_hour"
    CO2 = "co2"


class PreferenceKind(StrEnum):
    """LANE wants freight from a state, to a state, or both. The others want none at
    weekends, at night, with a stop in a big city, or with a stop in a state."""

    LANE = "lane"
    NO_WEEKENDS = "no_weekends"
    NO_NIGHTS = "no_nights"
    NO_CITIES = "no_cities"
    NO_STATE = "no_state"


class Weekday(StrEnum):
    """A day of the week, in the order of `date.weekday()`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEKDAYS = tuple(Weekday)

DEAREST_CENTS = 100_000
"""A preference is worth at most so much for one load: more is a hard one."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One preference of a driver.

    is_hard: loads that do not meet it are excluded; `cents` is then 0.
    cents: what it is worth to the driver that a load meets it, from 1.
    from_state, to_state: of the first pickup and the last delivery, for LANE; None is
        any state.
    state: for NO_STATE.
    """

    kind: PreferenceKind
    is_hard: bool = False
    cents: int = 0
    state: str | None = None
    from_state: str | None = None
    to_state: str | None = None

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Preference":
        """Return the preference that a driver's row keeps as JSON values."""
        return cls(**{**record, "kind": PreferenceKind(record["kind"])})

    @property
    def about(self) -> tuple[str | None, ...]:
        """What it is about: a driver has one preference about one thing."""
        return (self.kind, self.state, self.from_state, self.to_state)
