"""A timetable written apart from `freight.trips`: one load, stop by stop, with
datetimes. It drives what the law allows and rests as late as it may."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from freight.candidates import Candidate
from freight.situation import Parameters, Situation

HOUR = timedelta(hours=1)
NONE = timedelta(0)


@dataclass
class Timetable:
    """late: kind of the first stop that is late -> number, arrival, until when."""

    pickup_at: datetime | None = None
    delivery_at: datetime | None = None
    home_at: datetime | None = None
    is_at_night: bool = False
    late: dict[str, tuple[int, datetime, datetime]] = field(default_factory=dict)


class Driver:
    """A driver's clock. `limits`: how long may be driven, and the rest that follows;
    a longer rest counts as each shorter one."""

    ALONE = ((70 * HOUR, 34 * HOUR), (11 * HOUR, 10 * HOUR), (8 * HOUR, HOUR / 2))
    CREW = ((140 * HOUR, 34 * HOUR),)

    def __init__(self, situation: Situation, parameters: Parameters) -> None:
        self.at, self.rules = situation.free_at, parameters
        self.country = situation.drop_country
        self.limits = self.CREW if situation.is_crew else self.ALONE
        self.driven = [NONE] * len(self.limits)

    def drive(self, metres: float, access_m: float, country: str | None) -> None:
        seconds = (metres - access_m) / self.rules.highway_mps
        left = timedelta(seconds=seconds + access_m / self.rules.access_mps)
        while left:
            self._rest_if_due()
            due = [limit - d for (limit, _), d in zip(self.limits, self.driven)]  # noqa: B905
            part = min(left, *due)
            self.at += part
            self.driven = [driven + part for driven in self.driven]
            left -= part
        if None not in (self.country, country) and country != self.country:
            self.at += timedelta(seconds=self.rules.border_s)
        self.country = country or self.country

    def _rest_if_due(self) -> None:
        for place, (limit, rest) in enumerate(self.limits):
            if self.driven[place] >= limit:
                self.at += rest
                self.driven[place:] = [NONE] * (len(self.limits) - place)
                return

    def serve(self, opens_at: datetime) -> None:
        if opens_at - self.at >= 10 * HOUR:
            self.driven = [NONE] * len(self.limits)
        self.at = max(self.at, opens_at) + timedelta(seconds=self.rules.dwell_s)


def timetable(load: Candidate, truck: Situation, rules: Parameters, roads) -> Timetable:
    driver, found = Driver(truck, rules), Timetable()
    way = roads.way(truck.drop, load.pickup)
    for number, stop in enumerate(load.route, start=1):
        metres, access_m = (stop.leg_m, stop.leg_access_m) if number > 1 else way
        driver.drive(metres, access_m, stop.country)
        eta, kind = driver.at, "pickup" if stop.is_pickup else "delivery"
        local = eta + free_offset(truck)
        found.is_at_night |= not 5 <= local.hour < 22
        opens_at, until = open_for(stop, eta)
        if eta > until and not found.late:
            found.late[kind] = (number, eta, until)
        found.pickup_at = found.pickup_at or eta
        found.delivery_at = eta
        driver.serve(opens_at)
    driver.drive(*roads.way(load.delivery, truck.home), truck.home_country)
    found.home_at = driver.at
    return found


def open_for(stop, eta: datetime) -> tuple[datetime, datetime]:
    """When a truck that arrives then is served, and the last moment to arrive."""
    window_from = stop.window_from.replace(microsecond=0)
    whole = datetime.fromtimestamp(ceil(stop.window_until.timestamp()), UTC)
    if not stop.opening:
        return max(eta, window_from), whole
    times = [datetime.fromtimestamp(at, UTC) for at in stop.opening]
    ready = max(eta, window_from)
    for opens, closes in zip(times[::2], times[1::2], strict=True):
        if ready <= closes:
            return max(ready, opens), times[-1]
    return ready, times[-1]


def free_offset(truck: Situation) -> timedelta:
    """How far the driver's clock is ahead when they are free."""
    offset = truck.free_at.astimezone(ZoneInfo(truck.zone)).utcoffset()
    assert offset is not None
    return offset
