"""Which loads meet a driver's wishes, and which are against them."""

import numpy as np

from freight.columns import Loads, Mask, seconds_of
from freight.opening import DAY_S
from freight.preferences import Preference, PreferenceKind
from freight.situation import Situation
from freight.trips import Trips

FIRST_WEEKDAY = 2
"""2020-01-01, the day at `columns.T0_S`, was a Wednesday; Monday is 0."""

SATURDAY = 5


def on_lane(wish: Preference, loads: Loads) -> Mask:
    """Say which loads go from one of the wish's states to the other."""
    found = np.ones(len(loads), "?")
    if wish.from_state:
        found &= loads.pickup_state == wish.from_state.encode()
    if wish.to_state:
        found &= loads.delivery_state == wish.to_state.encode()
    return found


def against(
    wish: Preference, loads: Loads, trips: Trips | None, situation: Situation
) -> Mask:
    """Say which loads are against a dislike.

    trips: timed; only a wish about weekends or nights needs them.
    """
    match wish.kind:
        case PreferenceKind.NO_CITIES:
            return loads.is_urban.astype("?")
        case PreferenceKind.NO_STATE:
            return _in_state(wish.state, loads)
        case PreferenceKind.LANE:
            return ~on_lane(wish, loads)
    assert trips is not None
    if wish.kind is PreferenceKind.NO_NIGHTS:
        return trips.is_at_night
    return _ends_on_a_weekend(trips, situation)


def _in_state(name: str | None, loads: Loads) -> Mask:
    """Say which loads have a stop in the state; none if no state is named."""
    if not name:
        return np.zeros(len(loads), "?")
    state = name.encode()
    at_an_end = (loads.pickup_state == state) | (loads.delivery_state == state)
    return np.asarray(at_an_end) | loads.any_stop(loads.stops.state, state)


def _ends_on_a_weekend(trips: Trips, situation: Situation) -> Mask:
    """Say which trips go into a Saturday or Sunday of the driver's zone.

    A driver who is free on a weekend already wants to be home that weekend: then it is
    said of every trip.
    """
    free_s = seconds_of(situation.free_at) + situation.zone_offset_s
    day = free_s // DAY_S
    weekday = (day + FIRST_WEEKDAY) % 7
    weekend_s = (day + max(SATURDAY - weekday, 0.0)) * DAY_S
    return trips.home_at + situation.zone_offset_s > weekend_s
