"""The reference's questions that need no way: areas, equipment, freight, borders.

See `bench.reference`. Each answers with a reason, or None if it does not refuse.
"""

from math import asin, cos, inf, radians, sin, sqrt

from bench.reference_records import (
    METRES_PER_MILE,
    Load,
    Place,
    Ring,
    Situation,
)

EARTH_RADIUS_M = 6_371_008.8
KG_PER_LB = 0.45359237
GROSS_KG = 80_000 * KG_PER_LB
LIGHTEST_EMPTY_KG = 25_000 * KG_PER_LB
UNIT_HOLDS_C = (-29.0, 32.0)
DRY_FOR = {"reefer": "van", "reefer_intermodal": "van_intermodal"}
"""Trailers with a unit, and the dry one whose loads each may take."""

MEDIAN_CENTS_PER_MILE = ((100, 775), (250, 314), (500, 239), (1_000, 190))
LONGEST_CENTS_PER_MILE = 157
LEAST_MILES = 50.0
BELIEVED_FACTOR = 6.0
DEARER_BY = {
    **dict.fromkeys(("reefer", "reefer_intermodal", "flatbed", "step_deck"), 1.2),
    **dict.fromkeys(("double_drop", "lowboy", "removable_gooseneck"), 2.0),
    **dict.fromkeys(("tanker", "auto_carrier", "other"), 2.0),
}
"""By what a price may be higher; of several accepted types the least counts."""

DEAREST_CENTS = 10_000_000
"""No load board takes a higher price for a trip."""

LEAST_RADIUS_M = 1.0
PER_USD = {"USD": 1.0, "CAD": 1.4, "MXN": 19.0, "EUR": 0.9}


def air_m(a: Place, b: Place) -> float:
    """Return the metres by great circle."""
    lat_a, lon_a, lat_b, lon_b = map(radians, (*a, *b))
    north, east = sin((lat_b - lat_a) / 2), sin((lon_b - lon_a) / 2)
    part = north * north + cos(lat_a) * cos(lat_b) * east * east
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(part, 1.0)))


def is_believed(load: Load, loaded_m: float) -> bool:
    """Say whether the price is confirmed, or not above what is believed."""
    usd_cents = load.price_cents / PER_USD.get(load.currency, 1.0)
    most_cents = most_believed_cents(load.equipment, loaded_m / METRES_PER_MILE)
    # Without a road nobody knows the miles.
    return load.is_price_confirmed or loaded_m == inf or usd_cents <= most_cents


def most_believed_cents(equipment: frozenset[str], miles: float) -> float:
    """Return the highest price that is believed without a confirmation, US cents.

    6 times the median price a mile of the load's length class, for 50 miles at least;
    more by DEARER_BY, and DEAREST_CENTS at most.
    """
    median = next(
        (cents for up_to, cents in MEDIAN_CENTS_PER_MILE if miles < up_to),
        LONGEST_CENTS_PER_MILE,
    )
    dearer_by = min((DEARER_BY.get(each, 1.0) for each in equipment), default=1.0)
    most_cents = BELIEVED_FACTOR * median * max(miles, LEAST_MILES) * dearer_by
    return min(most_cents, DEAREST_CENTS)


def is_in_circle(load: Load, situation: Situation) -> bool:
    """Say whether the first stop is as near as the driver goes, as the crow flies."""
    radius_m = max(max_deadhead_m(situation), LEAST_RADIUS_M)
    return air_m(situation.place, load.stops[0].place) <= radius_m


def area(load: Load, situation: Situation, empty_m: float) -> tuple[str, int] | None:
    """Return why a stop is outside of the area of the search, and which stop.

    empty_m: by road from the truck home; without a road the great circle counts.
    """
    places = [stop.place for stop in load.stops]
    longest_m = air_m(situation.place, situation.driver.home)
    if empty_m < inf:
        longest_m = max(empty_m, longest_m)
    # A micrometre for the rounding of the sums.
    longest_m += situation.settings.max_detour_m + 1e-6
    drawn = situation.organisation
    for number, place in enumerate(places):
        over_m = air_m(situation.place, place) + air_m(place, situation.driver.home)
        if over_m > longest_m:
            return "outside_corridor", number
    for number, place in enumerate(places):
        if drawn.operating and not any(is_in(ring, place) for ring in drawn.operating):
            return "outside_operating_area", number
    for number, place in enumerate(places):
        if any(is_in(ring, place) for ring in drawn.no_go):
            return "in_no_go_area", number
    return None


def max_deadhead_m(situation: Situation) -> float:
    """Return how far the driver goes empty to a pickup."""
    own_m = situation.driver.max_deadhead_m
    return situation.settings.max_deadhead_m if own_m is None else own_m


def is_in(ring: Ring, place: Place) -> bool:
    """Say whether a place lies in a polygon; its edge is inside."""
    lat, lon = place
    is_inside = False
    for (lat_a, lon_a), (lat_b, lon_b) in zip(ring, (*ring[1:], ring[0]), strict=True):
        side = (lon_b - lon_a) * (lat - lat_a) - (lat_b - lat_a) * (lon - lon_a)
        is_beside = min(lat_a, lat_b) <= lat <= max(lat_a, lat_b)
        if side == 0 and is_beside and min(lon_a, lon_b) <= lon <= max(lon_a, lon_b):
            return True
        if (lat_a > lat) != (lat_b > lat):
            crosses_at = lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a)
            is_inside ^= lon < crosses_at
    return is_inside


def currency(load: Load, situation: Situation) -> str | None:
    """Refuse a price that cannot be compared with the costs."""
    is_same = load.currency == situation.organisation.currency
    return None if is_same else "currency_differs"


def equipment(load: Load, situation: Situation) -> str | None:
    """Refuse what the truck cannot take."""
    truck = situation.truck.equipment
    if truck is None or not load.equipment:
        return "equipment_unknown"
    if truck in load.equipment:
        return "equipment_unknown" if truck == "other" else None
    is_dry = DRY_FOR.get(truck) in load.equipment
    if is_dry and load.takes_reefers is not False:
        return None
    return "equipment_mismatch"


def country(load: Load, situation: Situation) -> str | None:
    """Refuse what driver or carrier may not take over a border, and cabotage."""
    carrier, driver = situation.organisation, situation.driver
    own = driver.country or carrier.country
    countries = {stop.country for stop in load.stops}
    of_driver = {own} if driver.countries is None else driver.countries
    of_carrier = {carrier.country} if carrier.countries is None else carrier.countries
    known = countries - {None}
    if not (known <= of_driver and known <= of_carrier):
        return "country_not_allowed"
    if len(countries) == 1 and None not in countries:
        (domestic,) = countries
        if domestic != carrier.country or domestic != own:
            return "cabotage"
    return None


def weight(load: Load, situation: Situation) -> str | None:
    """Refuse what is above the payload, or above what the law lets any truck carry."""
    kg, payload_kg = load.weight_kg, situation.truck.payload_kg
    if kg is None:
        return None
    if payload_kg is not None and kg > payload_kg:
        return "too_heavy"
    legal_kg = GROSS_KG - LIGHTEST_EMPTY_KG
    if payload_kg is not None:
        legal_kg = min(max(legal_kg, payload_kg), GROSS_KG)
    return "above_legal_weight" if kg > legal_kg else None


def length(load: Load, situation: Situation) -> str | None:
    """Refuse what is longer than the deck."""
    metres, deck_m = load.length_m, situation.truck.deck_length_m
    is_long = metres is not None and deck_m is not None and metres > deck_m
    return "too_long" if is_long else None


def hazmat(load: Load, situation: Situation) -> str | None:
    """Refuse dangerous goods without a permission."""
    is_refused = load.has_hazmat and not situation.truck.is_hazmat_allowed
    return "hazmat_not_allowed" if is_refused else None


def temperature(load: Load, situation: Situation) -> str | None:
    """Refuse a range of temperature that the truck cannot hold."""
    low_c, high_c = load.temperature_min_c, load.temperature_max_c
    if low_c is None and high_c is None:
        return None
    coldest_c, warmest_c = UNIT_HOLDS_C
    is_held = (
        situation.truck.equipment in DRY_FOR
        and (low_c is None or low_c <= warmest_c)
        and (high_c is None or high_c >= coldest_c)
    )
    return None if is_held else "temperature_not_held"
