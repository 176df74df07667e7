"""The rules of a search: which loads a truck cannot or should not take, and why.

Each rule is a function of a table of loads that says which of them it refuses. They are
asked in the order of PHASES, cheap ones first; a load is counted at the first rule that
refuses it. One load is a table of one row.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from freight.columns import Array, Mask, bit_of, countries_of, country_bit, seconds_of
from freight.equipment import (
    DRY_FOR_REEFERS,
    HAS_TEMPERATURE_UNIT,
    UNIT_HOLDS_C,
    Equipment,
    legal_payload_kg,
)
from freight.feasibility import Figure, Reason, Refusal, Stage
from freight.figures import time_of
from freight.preferences import Preference, PreferenceKind
from freight.tables import Asked, Question, Table, located, paid, routed, timed
from freight.wishes import against, on_lane
from geo.areas import AreaReason


class Rule(NamedTuple):
    """One question. `refuses` says for each load of a table whether it is refused.

    figure: what was compared, of a table of one load.
    stop: the number of the stop that it is about; 0 if it is about none.
    """

    stage: Stage
    reason: Reason
    refuses: Callable[[Table, Question], Mask]
    figure: Callable[[Table, Question], Figure | None] = lambda table, asked: None
    stop: Callable[[Table], Array] | None = None

    def refusal(self, table: Table, asked: Question) -> Refusal:
        """Return why it refuses the one load of the table."""
        number = int(self.stop(table)[0]) if self.stop is not None else 0
        figure = self.figure(table, asked)
        return Refusal(self.stage, self.reason, figure, number or None)


def currency_differs(table: Table, asked: Question) -> Mask:
    """The price cannot be compared with the truck's costs."""
    differs: Mask = table.loads.currency != asked.situation.currency.encode()
    return differs


def equipment_unknown(table: Table, asked: Question) -> Mask:
    """The truck's type or the load's is not known, or is OTHER on both sides."""
    truck, accepted = asked.situation.equipment, table.loads.equipment
    if truck is None:
        return np.ones(len(accepted), "?")
    unknown = accepted == 0
    if truck is Equipment.OTHER:
        unknown = unknown | (accepted & bit_of(truck) != 0)
    return np.asarray(unknown)


def equipment_mismatch(table: Table, asked: Question) -> Mask:
    """The load accepts other types. A reefer also takes what a dry van may, if the
    poster allows it."""
    truck, loads = asked.situation.equipment, table.loads
    if truck is None:
        return np.zeros(len(loads), "?")
    fits = loads.equipment & bit_of(truck) != 0
    if truck in DRY_FOR_REEFERS:
        is_dry = loads.equipment & bit_of(DRY_FOR_REEFERS[truck]) != 0
        fits = fits | (is_dry & loads.takes_reefers)
    return np.asarray(~fits & (loads.equipment != 0))


def too_heavy(table: Table, asked: Question) -> Mask:
    """Heavier than the payload.

    An unknown weight or payload refuses nothing: nearly every posted load is within
    what any tractor with trailer may carry, and a gap in a truck's papers must not hide
    all freight from its driver. `unchecked` then names this stage.
    """
    payload_kg = asked.situation.payload_kg
    return _above(table.loads.weight_kg, payload_kg)


def above_legal_weight(table: Table, asked: Question) -> Mask:
    """Truck, trailer and freight are above the legal limit together."""
    return _above(table.loads.weight_kg, legal_payload_kg(asked.situation.payload_kg))


def too_long(table: Table, asked: Question) -> Mask:
    """Longer than the truck's deck, if both are known; see `too_heavy`."""
    return _above(table.loads.length_m, asked.situation.deck_length_m)


def hazmat_not_allowed(table: Table, asked: Question) -> Mask:
    """Dangerous goods, and the driver or the truck may not carry them."""
    return np.asarray(table.loads.has_hazmat & (not asked.situation.is_hazmat_allowed))


def temperature_not_held(table: Table, asked: Question) -> Mask:
    """A temperature range that the truck has no unit to hold."""
    coldest_c, warmest_c = table.loads.coldest_c, table.loads.warmest_c
    has_range = ~(np.isnan(coldest_c) & np.isnan(warmest_c))
    if asked.situation.equipment not in HAS_TEMPERATURE_UNIT:
        return has_range
    lowest_c, highest_c = UNIT_HOLDS_C
    # A comparison with NaN is false: an open end refuses nothing.
    return np.asarray((coldest_c > highest_c) | (warmest_c < lowest_c))


def country_not_allowed(table: Table, asked: Question) -> Mask:
    """A stop where not both driver and carrier may go. An unknown one is allowed."""
    allowed = asked.situation.countries
    if allowed is None:
        return np.zeros(len(table.loads), "?")
    bits = sum({country_bit(country) for country in allowed})
    return np.asarray(table.loads.countries & (0xFF - bits) != 0)


def cabotage(table: Table, asked: Question) -> Mask:
    """All stops in one country, and the carrier or the driver is of another.

    Source: 19 CFR 123.14(c) for trucks, 8 CFR 214.2(b)(4)(i)(E) for drivers; Canada and
    Mexico have rules of the same kind.
    """
    market = table.loads.home_market
    is_foreign = np.zeros(len(market), "?")
    for country in (asked.situation.carrier_country, asked.situation.driver_country):
        if country is not None:
            is_foreign |= market != country.encode()
    return np.asarray(is_foreign & (market != b""))


def no_road(table: Table, asked: Question) -> Mask:
    """No road leads to the pickup, between the stops, or home."""
    return ~table.known_trips.has_road


def beyond_max_deadhead(table: Table, asked: Question) -> Mask:
    """The pickup is farther than the driver is willing to drive empty."""
    limit_m = asked.deadhead_limit_m
    return np.asarray(table.known_trips.deadhead_m > limit_m)


def detour_too_long(table: Table, asked: Question) -> Mask:
    """The way with the load is longer than the empty way home by more than allowed."""
    return np.asarray(table.detour_m(asked) > asked.parameters.max_detour_m)


def pickup_closed(table: Table, asked: Question) -> Mask:
    """A pickup closes before the truck can be there."""
    return np.asarray(table.known_trips.late_pickup > 0)


def delivery_closed(table: Table, asked: Question) -> Mask:
    """A delivery closes before the truck can be there."""
    return np.asarray(table.known_trips.late_delivery > 0)


def home_too_late(table: Table, asked: Question) -> Mask:
    """The driver would be home later than they want."""
    home_by_at = asked.situation.home_by_at
    limit = np.inf if home_by_at is None else seconds_of(home_by_at)
    return np.asarray(table.known_trips.home_at > limit)


def below_min_pay(table: Table, asked: Question) -> Mask:
    """Less pay per kilometre, deadhead included, than the driver asks for."""
    limit = asked.situation.min_pay_cents_per_km
    if limit is None:
        return np.zeros(len(table.loads), "?")
    paid_km = _paid_m(table) / 1000
    return np.asarray((paid_km > 0) & (table.loads.price_cents < limit * paid_km))


def no_gain(table: Table, asked: Question) -> Mask:
    """The load earns no more than driving home empty."""
    return np.asarray(table.known_gains.score_cents <= 0)


def _off_lane(table: Table, asked: Question) -> Mask:
    lanes = [w for w in _hard(asked) if w.kind is PreferenceKind.LANE]
    off = np.full(len(table.loads), bool(lanes))
    for lane in lanes:
        off &= ~on_lane(lane, table.loads)
    return off


def _disliked(kind: PreferenceKind) -> Callable[[Table, Question], Mask]:
    def refuses(table: Table, asked: Question) -> Mask:
        found = np.zeros(len(table.loads), "?")
        for wish in _hard(asked):
            if wish.kind is kind:
                found |= against(wish, table.loads, table.trips, asked.situation)
        return found

    return refuses


def _hard(asked: Question) -> list[Preference]:
    return [wish for wish in asked.situation.preferences if wish.is_hard]


def _in_area(reason: AreaReason) -> Rule:
    def refuses(table: Table, asked: Question) -> Mask:
        return np.asarray(table.stop_outside(reason) > 0)

    def stop(table: Table) -> Array:
        return table.stop_outside(reason)

    return Rule(Stage.AREA, Reason(reason.value), refuses, stop=stop)


def _above(figures: Array, limit: float | None) -> Mask:
    # A comparison with NaN is false: what is not stated refuses nothing.
    return np.asarray(figures > (np.inf if limit is None else limit))


def _paid_m(table: Table) -> Array:
    return np.asarray(table.known_trips.deadhead_m + table.loads.loaded_m)


def _types(table: Table, asked: Question) -> Figure:
    accepted = int(table.loads.equipment[0])
    words = sorted(kind.value for kind in Equipment if bit_of(kind) & accepted)
    truck = asked.situation.equipment
    return Figure("|".join(words) or None, truck and truck.value, "equipment")


def _weighed(limit: Callable[[Question], float | None]) -> Callable[..., Figure]:
    return lambda table, asked: Figure(
        round(float(table.loads.weight_kg[0])), limit(asked), "kg"
    )


def _late(kind: str) -> Callable[[Table, Question], Figure]:
    def figure(table: Table, asked: Question) -> Figure:
        eta = getattr(table.known_trips, f"late_{kind}_eta")[0]
        until = getattr(table.known_trips, f"late_{kind}_until")[0]
        return Figure(time_of(eta).isoformat(), time_of(until).isoformat(), "utc")

    return figure


def _home(table: Table, asked: Question) -> Figure:
    eta, limit = time_of(table.known_trips.home_at[0]), asked.situation.home_by_at
    return Figure(eta.isoformat(), limit.isoformat() if limit else None, "utc")


def _pay(table: Table, asked: Question) -> Figure:
    paid = float(table.loads.price_cents[0] / _paid_m(table)[0] * 1000)
    return Figure(paid, asked.situation.min_pay_cents_per_km, "cents_per_km")


def _country(table: Table, asked: Question) -> Figure:
    loads, allowed = table.loads, asked.situation.countries or ()
    ends = loads.pickup_country[0].decode(), loads.delivery_country[0].decode()
    words = countries_of(int(loads.countries[0])) | set(filter(None, ends))
    return Figure("|".join(sorted(words)), "|".join(sorted(allowed)) or None, "country")


def _market(table: Table, asked: Question) -> Figure:
    carrier, driver = asked.situation.carrier_country, asked.situation.driver_country
    own = sorted({country for country in (carrier, driver) if country})
    return Figure(table.loads.home_market[0].decode(), "|".join(own) or None, "country")


def _metres(
    value: Callable[[Table, Question], float], limit: Callable[[Question], float]
) -> Callable[[Table, Question], Figure]:
    return lambda table, asked: Figure(float(value(table, asked)), limit(asked), "m")


FREIGHT = (
    Rule(
        Stage.CURRENCY,
        Reason.CURRENCY_DIFFERS,
        currency_differs,
        lambda table, asked: Figure(
            table.loads.currency[0].decode(), asked.situation.currency, "currency"
        ),
    ),
    Rule(Stage.EQUIPMENT, Reason.EQUIPMENT_UNKNOWN, equipment_unknown, _types),
    Rule(Stage.EQUIPMENT, Reason.EQUIPMENT_MISMATCH, equipment_mismatch, _types),
    Rule(
        Stage.WEIGHT,
        Reason.TOO_HEAVY,
        too_heavy,
        _weighed(lambda asked: asked.situation.payload_kg),
    ),
    Rule(
        Stage.WEIGHT,
        Reason.ABOVE_LEGAL_WEIGHT,
        above_legal_weight,
        _weighed(lambda asked: legal_payload_kg(asked.situation.payload_kg)),
    ),
    Rule(
        Stage.LENGTH,
        Reason.TOO_LONG,
        too_long,
        lambda table, asked: Figure(
            # To the millimetre: float32 does not keep what was posted.
            round(float(table.loads.length_m[0]), 3),
            asked.situation.deck_length_m,
            "m",
        ),
    ),
    Rule(Stage.HAZMAT, Reason.HAZMAT_NOT_ALLOWED, hazmat_not_allowed),
    Rule(Stage.TEMPERATURE, Reason.TEMPERATURE_NOT_HELD, temperature_not_held),
    Rule(Stage.COUNTRY, Reason.COUNTRY_NOT_ALLOWED, country_not_allowed, _country),
    Rule(Stage.COUNTRY, Reason.CABOTAGE, cabotage, _market),
)
"""Questions of the freight alone."""

CIRCLE = _in_area(AreaReason.OUTSIDE_CIRCLE)
"""Asked of a market before all else: loads outside the circle are not counted."""

AREA = (
    CIRCLE,
    _in_area(AreaReason.OUTSIDE_CORRIDOR),
    _in_area(AreaReason.OUTSIDE_OPERATING_AREA),
    _in_area(AreaReason.IN_NO_GO_AREA),
)

WAYS = (
    Rule(Stage.ROAD, Reason.NO_ROAD, no_road),
    Rule(
        Stage.DEADHEAD,
        Reason.BEYOND_MAX_DEADHEAD,
        beyond_max_deadhead,
        _metres(
            lambda table, asked: table.known_trips.deadhead_m[0],
            lambda asked: asked.deadhead_limit_m,
        ),
    ),
    Rule(
        Stage.DETOUR,
        Reason.DETOUR_TOO_LONG,
        detour_too_long,
        _metres(
            lambda table, asked: table.detour_m(asked)[0],
            lambda asked: asked.parameters.max_detour_m,
        ),
    ),
)

TIMES = (
    Rule(
        Stage.PICKUP_WINDOW,
        Reason.PICKUP_CLOSED_BEFORE_ARRIVAL,
        pickup_closed,
        _late("pickup"),
        lambda table: table.known_trips.late_pickup,
    ),
    Rule(
        Stage.DELIVERY_WINDOW,
        Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL,
        delivery_closed,
        _late("delivery"),
        lambda table: table.known_trips.late_delivery,
    ),
    Rule(Stage.HOME_BY, Reason.HOME_TOO_LATE, home_too_late, _home),
    Rule(Stage.PAY, Reason.BELOW_MIN_PAY, below_min_pay, _pay),
)

LANES = Rule(Stage.WISHES, Reason.OFF_LANE, _off_lane)
PLACES = (
    Rule(Stage.WISHES, Reason.IN_A_CITY, _disliked(PreferenceKind.NO_CITIES)),
    Rule(Stage.WISHES, Reason.IN_DISLIKED_STATE, _disliked(PreferenceKind.NO_STATE)),
)

GAINS = (
    LANES,
    Rule(Stage.WISHES, Reason.ON_A_WEEKEND, _disliked(PreferenceKind.NO_WEEKENDS)),
    Rule(Stage.WISHES, Reason.AT_NIGHT, _disliked(PreferenceKind.NO_NIGHTS)),
    *PLACES,
    Rule(
        Stage.GAIN,
        Reason.NO_GAIN,
        no_gain,
        lambda table, asked: Figure(int(table.known_gains.score_cents[0]), 0, "cents"),
    ),
)

Phase = Callable[[Table, Asked], Table]

PHASES: tuple[tuple[Phase | None, tuple[Rule, ...]], ...] = (
    (None, FREIGHT),
    (located, AREA),
    (routed, WAYS),
    (timed, TIMES),
    (paid, GAINS),
)
"""In order: what is computed of the loads that are left, and the rules that need it."""
