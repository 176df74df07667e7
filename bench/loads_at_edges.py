"""Moves a random load onto an edge of the rules: to the second, the cent, the metre."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from random import Random

from bench.reference import Worth, judge
from bench.reference_records import METRES_PER_MILE, Load, Situation, WayOf
from bench.reference_stages import most_believed_cents
from bench.reference_trip import DAILY_REST_S, trip_of, ways_of

SECOND = timedelta(seconds=1)
WINDOW = timedelta(hours=8)


def at_edges(random: Random, load: Load, situation: Situation, way: WayOf) -> Load:
    """Return the load with some values moved onto an edge."""
    if not ways_of(load, situation, way).are_roads:
        return load
    moves: tuple[Callable[..., Load], ...] = (_windows, _windows, _believed, _gain)
    return random.choice(moves)(random, load, situation, way)


def _windows(random: Random, load: Load, situation: Situation, way: WayOf) -> Load:
    """Move each window, in order, to where the truck arrives."""
    for number in range(len(load.stops)):
        trip = trip_of(load, situation, ways_of(load, situation, way))
        if trip.late is not None and trip.late < number:
            break
        arrived_at = trip.visits[number].arrived_at
        stop = load.stops[number]
        chance = random.random()
        if chance < 0.4:
            moved = stop
        elif chance < 0.55:
            # The last second at which the truck is still in time.
            until = _at(ceil(arrived_at))
            moved = replace(stop, window_from=until - WINDOW, window_until=until)
        elif chance < 0.6:
            until = _at(ceil(arrived_at) - 1)
            moved = replace(stop, window_from=until - WINDOW, window_until=until)
        elif chance < 0.9:
            # A wait of ten hours is a rest; one of a second less is none.
            edge = ceil if random.random() < 0.5 else floor
            opens = _at(edge(arrived_at + DAILY_REST_S))
            opens -= random.choice((0, 0, 1)) * SECOND
            moved = replace(stop, window_from=opens, window_until=opens + WINDOW)
        else:
            opens = _at(floor(arrived_at))
            moved = replace(stop, window_from=opens, window_until=opens)
        stops = (*load.stops[:number], moved, *load.stops[number + 1 :])
        load = replace(load, stops=stops)
    return load


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _believed(random: Random, load: Load, situation: Situation, way: WayOf) -> Load:
    """Set the price to the highest that is believed, or a cent more."""
    miles = ways_of(load, situation, way).loaded_m / METRES_PER_MILE
    most_cents = floor(most_believed_cents(load.equipment, miles))
    return replace(load, price_cents=most_cents + random.choice((0, 0, 1)))


def _gain(random: Random, load: Load, situation: Situation, way: WayOf) -> Load:
    """Set the price so that the gain is one cent, or nothing."""
    rich = replace(load, price_cents=10_000_000, is_price_confirmed=True)
    judged = judge(rich, situation, way)
    if not isinstance(judged, Worth):
        return load
    # With a fee or a risk the price moves the gain by less: then it is only near.
    price_cents = rich.price_cents - judged.gain_cents + random.choice((0, 1, 2))
    return replace(load, price_cents=max(price_cents, 0))
