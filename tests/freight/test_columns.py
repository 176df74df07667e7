"""Loads as columns: what is kept of each, in which type, and rows taken of them."""

from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np
import pytest

from freight.columns import (
    NO_EXTRA,
    T0_S,
    Loads,
    bit_of,
    column_types,
    countries_of,
    country_bit,
)
from freight.equipment import Equipment
from freight.figures import time_of

from .world import (
    DELIVERY,
    HOUR,
    NOON,
    PICKUP,
    ROADS,
    load_of,
    make_candidate,
    make_stop,
    two_stops,
)

MOST_S = 2**31 - 1


def row(load, name):
    return Loads.of([load], ROADS).gathered(name)[0]


def with_countries(*countries):
    stops = [make_stop(n, country=country) for n, country in enumerate(countries)]
    return load_of(*stops)


class TestCells:
    def test_every_column_has_its_type_with_and_without_loads(self):
        for board in ([], [make_candidate()], [make_candidate(), two_stops()]):
            loads = Loads.of(board, ROADS)
            for name, dtype in column_types().items():
                assert loads.gathered(name).dtype == dtype
                assert len(loads.gathered(name)) == len(board)

    def test_what_is_not_stated_is_nan(self):
        for name in ("weight_kg", "length_m", "coldest_c", "warmest_c"):
            assert np.isnan(row(make_candidate(), name))

    def test_the_highest_price_is_kept(self):
        assert row(make_candidate(price_cents=MOST_S), "price_cents") == MOST_S

    def test_the_types_are_a_set_of_bits(self):
        assert row(make_candidate(equipment=frozenset()), "equipment") == 0
        every = row(make_candidate(equipment=frozenset(Equipment)), "equipment")
        assert every == 2 ** len(Equipment) - 1
        for kind in Equipment:
            one = row(make_candidate(equipment=frozenset({kind})), "equipment")
            assert one == bit_of(kind)

    def test_metres_are_whole(self):
        assert row(make_candidate(loaded_m=9_999_999.5), "loaded_m") == 10_000_000
        assert row(make_candidate(loaded_m=16_000_001.0), "loaded_m") == 16_000_001
        assert row(make_candidate(loaded_m=inf), "loaded_m") == inf

    def test_places_are_those_of_the_ends(self):
        loads = Loads.of([make_candidate()], ROADS)
        assert (loads.pickup.lon[0], loads.delivery.lon[0]) == (
            PICKUP.lon,
            DELIVERY.lon,
        )

    def test_the_two_halves_are_the_id(self):
        number = 2**127 + 12_345
        load = make_candidate(number)
        halves = int(row(load, "id_high")), int(row(load, "id_low"))
        assert halves[0] * 2**64 + halves[1] == number


class TestTimes:
    def test_they_are_seconds_after_2020(self):
        assert datetime.fromtimestamp(T0_S, UTC) == datetime(2020, 1, 1, tzinfo=UTC)
        assert time_of(row(make_candidate(), "pickup_from")) == NOON

    def test_a_window_is_never_made_shorter(self):
        half = timedelta(microseconds=500_000)
        load = make_candidate(pickup_from=NOON + half, pickup_until=NOON + half)
        assert time_of(row(load, "pickup_from")) == NOON
        assert time_of(row(load, "pickup_until")) == NOON + timedelta(seconds=1)

    @pytest.mark.parametrize(
        ("year", "seconds"), [(9_999, MOST_S), (2_100, MOST_S), (1_900, -MOST_S - 1)]
    )
    def test_a_year_beyond_the_column_is_its_end(self, year, seconds):
        """One posted load must not stop everybody's searches."""
        at = datetime(year, 12, 31, tzinfo=UTC)
        load = make_candidate(pickup_from=at, delivery_until=at)
        assert row(load, "pickup_from") == row(load, "delivery_until") == seconds

        walked = load_of(
            make_stop(0.5, "pickup", window_until=at, opening=(0, int(at.timestamp()))),
            make_stop(1.0),
        )
        stops = Loads.of([walked], ROADS).stops
        assert stops.window_until[0] == stops.span_until[0] == seconds


class TestCountries:
    @pytest.mark.parametrize(
        ("countries", "market", "bits"),
        [
            (("US", "US"), b"US", {"US"}),
            (("US", "CA"), b"", {"US", "CA"}),
            (("US", "CA", "US"), b"", {"US", "CA"}),
            (("US", None), b"", {"US"}),
            ((None, None), b"", set()),
            (("MX", "MX", "MX"), b"MX", {"MX"}),
        ],
    )
    def test_market_and_bits(self, countries, market, bits):
        load = with_countries(*countries)
        assert row(load, "home_market") == market
        assert countries_of(int(row(load, "countries"))) == bits

    def test_any_other_country_has_a_bit_too(self):
        assert country_bit("GT") == 8
        assert country_bit(None) == 0
        assert row(with_countries("GT", "US"), "countries") == 8 | 1

    def test_the_ends_countries_and_states(self):
        load = two_stops(
            {"country": "US", "state": "TX"}, {"country": "MX", "state": "CMX"}
        )
        assert row(load, "pickup_country") == b"US"
        assert row(load, "delivery_country") == b"MX"
        assert row(load, "pickup_state") == b"TX"
        assert row(load, "delivery_state") == b"CMX"

    @pytest.mark.parametrize("state", ["Texas", "Nuevo León", "León"])
    def test_a_state_that_is_no_code_is_not_known(self, state):
        load = load_of(
            make_stop(0.5, "pickup", state=state),
            make_stop(1.0, state=state),
            make_stop(2.0),
        )
        assert row(load, "pickup_state") == b""
        assert set(Loads.of([load], ROADS).stops.state.tolist()) == {b""}

    def test_one_stop_in_a_city_is_enough(self):
        assert row(two_stops(delivery={"is_urban": True}), "is_urban")
        assert not row(two_stops(), "is_urban")


class TestStops:
    OPENING = (T0_S + 60, T0_S + 120)

    def board(self):
        return [
            make_candidate(0),
            load_of(make_stop(0.5, state="TX"), make_stop(1.0), make_stop(2.0)),
            two_stops(),
            two_stops(delivery={"opening": self.OPENING, "state": "TX"}),
        ]

    def test_only_loads_that_two_ends_do_not_describe_are_walked(self):
        loads = Loads.of(self.board(), ROADS)
        assert loads.extra.tolist() == [NO_EXTRA, 0, NO_EXTRA, 1]
        assert loads.has_extra().tolist() == [1, 3]
        assert loads.stops.first.tolist() == [0, 3, 5]

    def test_each_stop_has_its_spans(self):
        stops = Loads.of(self.board(), ROADS).stops
        assert stops.spans_first.tolist() == [0, 0, 0, 0, 0, 1]
        assert (stops.span_from.tolist(), stops.span_until.tolist()) == ([60], [120])

    def test_a_value_at_any_stop_is_found(self):
        loads = Loads.of(self.board(), ROADS)
        found = loads.any_stop(loads.stops.state, b"TX")
        assert found.tolist() == [False, True, False, True]


class TestTaking:
    def loads(self):
        return Loads.of([make_candidate(n, price_cents=n) for n in range(5)], ROADS)

    def test_by_a_mask_and_by_places(self):
        picked = np.array([False, True, False, True, True])
        assert self.loads().take(picked).price_cents.tolist() == [1, 3, 4]
        assert self.loads().take(np.array([4, 0])).price_cents.tolist() == [4, 0]

    def test_of_what_was_taken(self):
        few = self.loads().take(np.array([4, 3, 1]))
        assert few.price_cents.tolist() == [4, 3, 1]
        assert few.take(np.array([2, 0])).price_cents.tolist() == [1, 4]
        assert few.take(np.array([2, 0])).rows.tolist() == [1, 4]

    def test_places_and_stops_come_along(self):
        board = [
            make_candidate(0),
            load_of(make_stop(0.5), make_stop(1.0), make_stop(2.0)),
        ]
        taken = Loads.of(board, ROADS).take(np.array([1]))
        assert taken.delivery.lon.tolist() == [2.0]
        assert taken.has_extra().tolist() == [0]

    def test_nothing(self):
        nothing = self.loads().take(np.zeros(5, "?"))
        assert len(nothing) == len(nothing.pickup) == len(nothing.price_cents) == 0


def test_the_route_of_a_load_without_stops_is_its_ends():
    load = make_candidate(delivery_until=NOON + HOUR)
    assert [stop.window_until for stop in load.route] == [
        load.pickup_until,
        NOON + HOUR,
    ]
