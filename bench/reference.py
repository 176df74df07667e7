"""A search computed a second time, load by load, to check the server's answers.

Plain and slow. Nothing is imported from the server, so that an error there is not
repeated here: neither its rules nor its records nor its roads, which are an argument.
Written from the design of the search, not from its code.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

from bench import reference_stages as stages
from bench.reference_records import (
    HOUR_S,
    Load,
    Preference,
    Settings,
    Situation,
    WayOf,
)
from bench.reference_trip import (
    Trip,
    Ways,
    empty_s,
    next_weekly,
    trip_of,
    ways_of,
)

OF_THE_TRUCK = (
    ("currency", stages.currency),
    ("equipment", stages.equipment),
    ("weight", stages.weight),
    ("length", stages.length),
    ("hazmat", stages.hazmat),
    ("temperature", stages.temperature),
    ("country", stages.country),
)

BROKEN = {
    "lane": "off_lane",
    "no_weekends": "on_a_weekend",
    "no_nights": "at_night",
    "no_cities": "in_a_city",
    "no_state": "in_disliked_state",
}
"""The reason of each hard preference that a load breaks, in the order of asking."""

NIGHT_ENDS, NIGHT_BEGINS = 5, 22
SATURDAY = 5
PLAUSIBLE_CENTS_PER_KM = 10.0, 1_000.0
FEWEST_BOOKED = 5
SHRUNK_BY = 10


@dataclass(frozen=True)
class Refused:
    """The first stage that refuses a load; `stop` is the index of the stop, if one is
    the reason."""

    load_id: str
    stage: str
    reason: str
    stop: int | None = None


@dataclass(frozen=True)
class Worth:
    """A load worth taking. The terms add up to the gain, in cents."""

    load: Load
    terms: tuple[tuple[str, int], ...]
    ways: Ways
    trip: Trip
    hours_away: float

    @property
    def gain_cents(self) -> int:
        return sum(cents for _, cents in self.terms)


@dataclass(frozen=True)
class Found:
    """The answer of a search: every load considered is ranked or counted once.

    considered: loads on the market with a pickup in the circle.
    best: best first, at most as many as are kept. worth: how many loads are ranked.
    has_way_home: False if no road leads home; then nothing is ranked.
    """

    considered: int
    counts: dict[tuple[str, str], int]
    worth: int
    best: tuple[Worth, ...]
    has_way_home: bool


def search(situation: Situation, loads: Sequence[Load], way: WayOf) -> Found:
    """Judge every load, and rank those worth taking."""
    refused: Counter[tuple[str, str]] = Counter()
    ranked: list[Worth] = []
    considered = 0
    for load in loads:
        judged = judge(load, situation, way)
        if judged is None:
            continue
        considered += 1
        if isinstance(judged, Refused):
            refused[judged.stage, judged.reason] += 1
        else:
            ranked.append(judged)
    ranked.sort(key=lambda worth: _order(worth, situation.driver.rank_by))
    best = tuple(ranked[: situation.settings.kept])
    home_m, _ = way(situation.place, situation.driver.home)
    return Found(considered, dict(refused), len(ranked), best, home_m < float("inf"))


def judge(load: Load, situation: Situation, way: WayOf) -> Refused | Worth | None:
    """Return the first refusal, or what the load is worth.

    None: it is not considered. Its pickup is outside the circle, or it is not on the
    market, as its price is beyond belief and not confirmed.
    """
    if not stages.is_in_circle(load, situation):
        return None
    legs_m = (way(a.place, b.place)[0] for a, b in pairwise(load.stops))
    if not stages.is_believed(load, sum(legs_m)):
        return None
    for stage, refuses in OF_THE_TRUCK:
        if (reason := refuses(load, situation)) is not None:
            return Refused(load.id, stage, reason)
    empty_m, _ = way(situation.place, situation.driver.home)
    if (outside := stages.area(load, situation, empty_m)) is not None:
        return Refused(load.id, "area", *outside)
    ways = ways_of(load, situation, way)
    if not ways.are_roads:
        return Refused(load.id, "road", "no_road")
    if ways.deadhead.metres > stages.max_deadhead_m(situation):
        return Refused(load.id, "deadhead", "beyond_max_deadhead")
    if ways.detour_m > situation.settings.max_detour_m:
        return Refused(load.id, "detour", "detour_too_long")
    trip = trip_of(load, situation, ways)
    return _refused_on_trip(load, situation, ways, trip) or _worth(
        load, situation, ways, trip
    )


def _refused_on_trip(
    load: Load, situation: Situation, ways: Ways, trip: Trip
) -> Refused | None:
    if trip.late is not None:
        kind = load.stops[trip.late].kind
        reason = f"{kind}_closed_before_arrival"
        return Refused(load.id, f"{kind}_window", reason, trip.late)
    if any(trip.home_at > by.timestamp() for by in home_by(situation)):
        return Refused(load.id, "home_by", "home_too_late")
    paid_m, least = ways.deadhead.metres + ways.loaded_m, _least_pay(situation)
    if paid_m > 0 and load.price_cents / paid_m * 1000 < least:
        return Refused(load.id, "pay", "below_min_pay")
    hard = [each for each in situation.driver.preferences if each.is_hard]
    for kind, reason in BROKEN.items():
        of_kind = [wish for wish in hard if wish.kind == kind]
        if kind == "lane":
            is_refused = not any(is_on_lane(load, lane) for lane in of_kind)
        else:
            is_refused = any(is_broken(wish, load, trip, situation) for wish in of_kind)
        if of_kind and is_refused:
            return Refused(load.id, "wishes", reason)
    return None


def _least_pay(situation: Situation) -> float:
    least = situation.driver.min_pay_cents_per_km
    return 0.0 if least is None else least


def home_by(situation: Situation) -> Iterator[datetime]:
    """Yield when the driver must be home: once, and every week."""
    driver = situation.driver
    if driver.home_by is not None:
        yield driver.home_by
    if (weekly := driver.home_every) is not None:
        yield next_weekly(weekly.weekday, weekly.at, weekly.zone, situation.free_at)


def _worth(load: Load, situation: Situation, ways: Ways, trip: Trip) -> Refused | Worth:
    money = tuple(_money(load, situation, ways, trip))
    left_cents = sum(cents for _, cents in money)
    risk = (("cancellation_risk", -round(cancelled_share(load) * max(left_cents, 0))),)
    wishes = tuple(_wishes(load, situation, trip))
    hours_away = (trip.home_at - situation.free_at.timestamp()) / HOUR_S
    worth = Worth(load, (*money, *risk, *wishes), ways, trip, hours_away)
    if worth.gain_cents <= 0:
        return Refused(load.id, "gain", "no_gain")
    return worth


def _money(
    load: Load, situation: Situation, ways: Ways, trip: Trip
) -> Iterator[tuple[str, int]]:
    truck, carrier, settings = (
        *(situation.truck, situation.organisation, situation.settings),
    )
    usual = _first(carrier.cost_cents_per_km, settings.cost_cents_per_km)
    empty, loaded = (
        _plausible(_first(own, usual), settings) / 1000
        for own in (truck.cost_empty_cents_per_km, truck.cost_loaded_cents_per_km)
    )
    hour = _first(truck.hour_cents, carrier.hour_cents, settings.hour_cents)
    home_s = trip.home_at - situation.free_at.timestamp()
    later_h = (home_s - empty_s(ways.empty, situation)) / HOUR_S
    yield "price", load.price_cents
    yield "fee", -round(settings.fee_share * load.price_cents)
    yield "deadhead_cost", -round(empty * ways.deadhead.metres)
    yield "loaded_cost", -round(loaded * ways.loaded_m)
    yield "home_deadhead_cost", -round(empty * ways.home.metres)
    yield "baseline_saved", round(empty * ways.empty.metres)
    yield "duty_hours_cost", -round(hour * later_h)


def _first(*figures: float | None) -> float:
    return next(figure for figure in figures if figure is not None)


def _plausible(cents_per_km: float, settings: Settings) -> float:
    """Return the cost, or the default in the place of one that cannot be right."""
    least, most = PLAUSIBLE_CENTS_PER_KM
    is_plausible = least <= cents_per_km <= most
    return cents_per_km if is_plausible else settings.cost_cents_per_km


def cancelled_share(load: Load) -> float:
    """Return the share of the poster's booked loads that is likely to be cancelled.

    Shrunk towards none, as if ten more loads had been booked and carried; none where
    fewer than five were booked.
    """
    poster = load.poster
    if poster.booked < FEWEST_BOOKED:
        return 0.0
    return poster.cancelled / (poster.booked + SHRUNK_BY)


def _wishes(load: Load, situation: Situation, trip: Trip) -> Iterator[tuple[str, int]]:
    for wish in situation.driver.preferences:
        if wish.is_hard:
            continue
        if wish.kind == "lane":
            if is_on_lane(load, wish):
                yield "lane", wish.cents
        elif is_broken(wish, load, trip, situation):
            yield wish.kind, -wish.cents


def is_on_lane(load: Load, lane: Preference) -> bool:
    """Say whether first and last stop are in the lane's states; None is any state."""
    return lane.from_state in (None, load.stops[0].state) and lane.to_state in (
        None,
        load.stops[-1].state,
    )


def is_broken(wish: Preference, load: Load, trip: Trip, situation: Situation) -> bool:
    """Say whether the load breaks a wish that is no lane."""
    if wish.kind == "no_cities":
        return any(stop.is_urban for stop in load.stops)
    if wish.kind == "no_state":
        return any(stop.state == wish.state for stop in load.stops)
    free_at = situation.free_at.astimezone(ZoneInfo(situation.driver.zone))
    # The driver's clock as it is when they are free, also after a change of it.
    offset = free_at.utcoffset()
    assert offset is not None
    clock = timezone(offset)
    if wish.kind == "no_weekends":
        return trip.home_at > _weekend_at(free_at.astimezone(clock)).timestamp()
    arrivals = (datetime.fromtimestamp(v.arrived_at, clock) for v in trip.visits)
    return any(not NIGHT_ENDS <= at.hour < NIGHT_BEGINS for at in arrivals)


def _weekend_at(free_at: datetime) -> datetime:
    """Return when the next weekend begins; of a weekend, when that day began."""
    days = max(SATURDAY - free_at.weekday(), 0)
    midnight = free_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=days)


def _order(worth: Worth, rank_by: str) -> tuple[float, float, str]:
    """Return the key by which loads are sorted, best first."""
    gain_cents, ways = worth.gain_cents, worth.ways
    first = {
        "gain": -float(gain_cents),
        "home_time": worth.trip.home_at,
        "gain_per_hour": -gain_cents / max(worth.hours_away, 1.0),
        # Another truck would drive the loaded metres too; only empty ones are added.
        "co2": ways.deadhead.metres + ways.home.metres,
    }[rank_by]
    return first, ways.deadhead.metres, worth.load.id
