"""The generated market resembles a real board, and its arguments determine it."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median, quantiles
from zoneinfo import ZoneInfo

import pytest

from freight.equipment import Equipment
from geo.distance import METRES_PER_MILE, haversine_m
from geo.roads import EstimatedRoads
from market import Habits, fleet, headhaul, market, transit
from places.cities import cities, city

# Summer time begins two days later.
NOON = datetime(2026, 3, 6, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def loads():
    return list(market(20_000, seed=1, now=NOON))


@pytest.fixture(scope="module")
def trucks():
    return list(fleet(2_000, seed=1))


@pytest.fixture(scope="module")
def repeated():
    return list(market(20_000, seed=1, now=NOON, habits=Habits(has_sites=True)))


@pytest.fixture(scope="module")
def soon():
    return list(market(5_000, seed=1, now=NOON, habits=Habits(is_soon=True)))


def miles(load):
    return load.loaded_m / METRES_PER_MILE


def dollars_per_mile(load):
    return load.price_cents / 100 / miles(load)


def is_on_the_mainland(point):
    return 24.5 < point.lat < 49.4 and -124.8 < point.lon < -66.9


class TestCities:
    @pytest.mark.parametrize(
        ("name", "state"),
        [
            ("Chicago", "IL"),
            ("New York", "NY"),
            ("Dallas", "TX"),
            ("Houston", "TX"),
            ("Kansas City", "MO"),
            ("Kansas City", "KS"),
            ("Los Angeles", "CA"),
            ("Atlanta", "GA"),
            ("Memphis", "TN"),
            ("Newark", "NJ"),
        ],
    )
    def test_a_known_city_is_found(self, name, state):
        found = city(name, state)

        assert (found.name, found.state) == (name, state)
        assert is_on_the_mainland(found.point)

    def test_an_unknown_city_is_an_error(self):
        with pytest.raises(KeyError):
            city("Honolulu", "HI")

    def test_they_lie_on_the_mainland_largest_first_each_once(self):
        names = [(place.name, place.state) for place in cities()]
        people = [place.population for place in cities()]

        assert len(set(names)) == len(names) > 1_000
        assert people == sorted(people, reverse=True)
        assert all(is_on_the_mainland(place.point) for place in cities())
        assert city("Denver", "CO").zone == "America/Denver"

    def test_districts_of_a_city_are_not_listed_beside_it(self):
        names = {(place.name, place.state) for place in cities()}

        assert not names & {("Brooklyn", "NY"), ("Queens", "NY"), ("Hollywood", "CA")}
        assert sum(place.name == "Memphis" for place in cities()) == 1


class TestMarket:
    def test_the_same_arguments_give_the_same_loads(self, loads):
        assert list(market(500, seed=1, now=NOON)) == loads[:500]

    def test_another_seed_gives_another_market(self, loads):
        assert list(market(20, seed=2, now=NOON)) != loads[:20]

    def test_a_later_market_has_later_windows(self, loads):
        week = timedelta(days=7)
        later = next(market(1, seed=1, now=NOON + week))

        assert later.pickup == loads[0].pickup
        assert later.pickup_from > NOON + week

    def test_a_time_without_a_zone_is_refused(self):
        with pytest.raises(ValueError, match="zone"):
            next(market(1, seed=1, now=NOON.replace(tzinfo=None)))

    def test_references_are_unique(self, loads):
        assert len({load.reference for load in loads}) == len(loads)

    def test_loads_are_as_long_as_on_a_real_board(self, loads):
        tenths = quantiles(map(miles, loads), n=10)

        assert tenths[0] == pytest.approx(172, rel=0.06)
        assert tenths[4] == pytest.approx(461, rel=0.04)
        assert tenths[8] == pytest.approx(1_266, rel=0.06)
        assert max(map(miles, loads)) < 3_400

    @pytest.mark.parametrize(
        ("above", "below", "dollars", "off"),
        [
            (0, 100, 7.75, 0.10),
            (100, 250, 3.14, 0.06),
            (250, 500, 2.39, 0.04),
            (500, 1_000, 1.90, 0.04),
            (1_000, 9_999, 1.57, 0.06),
        ],
    )
    def test_the_price_of_a_mile_fits_the_length_of_the_load(
        self, loads, above, below, dollars, off
    ):
        band = [load for load in loads if above <= miles(load) < below]

        assert median(map(dollars_per_mile, band)) == pytest.approx(dollars, rel=off)

    def test_prices_spread_like_on_a_real_board(self, loads):
        tenths = quantiles(map(dollars_per_mile, loads), n=10)

        assert tenths[0] == pytest.approx(1.43, rel=0.06)
        assert tenths[4] == pytest.approx(2.26, rel=0.06)
        assert tenths[8] == pytest.approx(3.79, rel=0.08)
        assert min(load.price_cents for load in loads) > 10_000

    def test_equipment_is_mixed_like_on_a_real_board(self, loads):
        decks = frozenset({Equipment.FLATBED, Equipment.STEP_DECK})
        van = sum(Equipment.VAN in load.equipment for load in loads)
        deck = sum(load.equipment <= decks for load in loads)
        reefer = sum(load.equipment == {Equipment.REEFER} for load in loads)
        either = sum(len(load.equipment) == 2 for load in loads)

        assert van / len(loads) == pytest.approx(0.58, abs=0.015)
        assert deck / len(loads) == pytest.approx(0.24, abs=0.015)
        assert reefer / len(loads) == pytest.approx(0.19, abs=0.015)
        assert van + deck + reefer == len(loads)
        assert 0.05 < either / len(loads) < 0.15

    def test_three_or_four_loads_in_a_hundred_are_hazardous(self, loads):
        assert 0.03 < sum(load.has_hazmat for load in loads) / len(loads) < 0.04

    def test_temperatures_go_with_refrigerated_freight(self, loads):
        for load in loads:
            is_cooled = load.equipment == {Equipment.REEFER}
            assert (load.temperature_c is not None) == is_cooled
            assert load.temperature_c is None or (
                load.temperature_c[0] < load.temperature_c[1]
            )

    def test_a_load_goes_on_a_trailer(self, loads):
        assert all(0 < load.weight_kg <= 21_500 for load in loads)
        assert all(0 < load.length_m <= 16.15 for load in loads)
        assert all(load.pieces >= 1 and load.commodity for load in loads)

    def test_stops_lie_near_their_cities_on_the_mainland(self, loads):
        for load in loads:
            assert is_on_the_mainland(load.pickup)
            assert is_on_the_mainland(load.delivery)
            assert haversine_m(load.pickup, load.origin.point) < 21_000
            assert haversine_m(load.delivery, load.destination.point) < 21_000

    def test_one_city_has_many_docks(self, loads):
        chicago = [load.pickup for load in loads if load.origin.name == "Chicago"]

        assert len(set(chicago)) > 0.99 * len(chicago) > 100

    def test_the_length_is_the_road_between_the_stops(self, loads):
        for load in loads[:200]:
            road_m = EstimatedRoads().distance_m(load.pickup, load.delivery)
            assert load.loaded_m == pytest.approx(road_m, abs=1)

    def test_the_largest_city_ships_most(self, loads):
        [(largest, _)] = Counter(load.origin.name for load in loads).most_common(1)

        assert largest == "New York"


class TestWindows:
    def test_pickup_is_on_one_of_the_next_four_days_by_day(self, loads):
        for load in loads:
            zone = ZoneInfo(load.origin.zone)
            opens = load.pickup_from.astimezone(zone)
            closes = load.pickup_until.astimezone(zone)
            days = (opens.date() - NOON.astimezone(zone).date()).days
            assert 1 <= days <= 4
            assert opens.date() == closes.date()
            assert opens.hour >= 6
            assert closes.hour * 60 + closes.minute <= 18 * 60
            assert 4 <= (closes - opens) / timedelta(hours=1) <= 10

    def test_delivery_is_by_day_where_it_is_delivered(self, loads):
        for load in loads:
            zone = ZoneInfo(load.destination.zone)
            opens = load.delivery_from.astimezone(zone)
            closes = load.delivery_until.astimezone(zone)
            assert opens.date() == closes.date()
            assert opens.hour >= 6
            assert closes.hour * 60 + closes.minute <= 18 * 60
            assert 3 <= (closes - opens) / timedelta(hours=1) <= 10

    def test_a_truck_that_loads_within_the_window_can_legally_deliver_in_time(
        self, loads
    ):
        for load in loads:
            needed = transit(load.loaded_m - 1)
            assert load.pickup_from + needed <= load.delivery_from
            assert load.pickup_until + needed <= load.delivery_until
            slack = load.delivery_until - load.pickup_until - needed
            assert slack < timedelta(hours=33)

    def test_times_are_utc(self, loads):
        assert loads[0].pickup_from.tzinfo is UTC
        assert loads[0].delivery_until.tzinfo is UTC

    def test_transit_counts_loading_breaks_and_rests(self):
        hour_m = 80_000

        assert transit(8 * hour_m) == timedelta(hours=2 + 8)
        assert transit(10 * hour_m) == timedelta(hours=2 + 10.5)
        assert transit(20 * hour_m) == timedelta(hours=2 + 31)


class TestFleet:
    def test_the_same_arguments_give_the_same_trucks(self, trucks):
        assert list(islice(fleet(5_000, seed=1), 100)) == trucks[:100]
        assert list(fleet(20, seed=2)) != trucks[:20]

    def test_unit_numbers_are_unique(self, trucks):
        assert len({truck.unit_number for truck in trucks}) == len(trucks)

    def test_trucks_are_mixed_like_the_freight(self, trucks):
        mix = Counter(truck.equipment for truck in trucks)
        decks = mix[Equipment.FLATBED] + mix[Equipment.STEP_DECK]

        assert mix[Equipment.VAN] / len(trucks) == pytest.approx(0.56, abs=0.04)
        assert mix[Equipment.REEFER] / len(trucks) == pytest.approx(0.20, abs=0.04)
        assert decks / len(trucks) == pytest.approx(0.24, abs=0.04)

    def test_a_truck_has_a_home_a_deck_and_a_driver(self, trucks):
        for truck in trucks:
            is_van = truck.equipment in {Equipment.VAN, Equipment.REEFER}
            assert haversine_m(truck.home_point, truck.home.point) < 21_000
            assert truck.deck_length_m == (16.15 if is_van else 14.63)
            assert 19_500 <= truck.payload_kg <= 22_000
            assert len(truck.driver_name.split()) == 2

    def test_drivers_have_many_names(self, trucks):
        assert len({truck.driver_name for truck in trucks}) > 400


class TestHeadhaul:
    def test_it_leaves_home_for_a_place_far_away_on_a_truck_that_can_take_it(
        self, trucks
    ):
        for truck in trucks[:200]:
            load = headhaul(truck, seed=1, now=NOON)
            assert load.origin == truck.home
            assert truck.can_take(load)
            assert load.loaded_m > 400_000

    def test_the_same_arguments_give_the_same_load(self, trucks):
        first, second = (headhaul(trucks[0], seed=1, now=NOON) for _ in range(2))

        assert first == second

    def test_trucks_from_one_city_scatter(self, trucks):
        at_home = [truck for truck in trucks if truck.home == city("New York", "NY")]
        drops = {headhaul(truck, seed=1, now=NOON).destination for truck in at_home}

        assert len(drops) > len(at_home) / 2 > 10

    @pytest.mark.parametrize(
        ("truck", "load"),
        [
            ({"equipment": Equipment.FLATBED}, {}),
            ({"payload_kg": 9_999}, {"weight_kg": 10_000}),
            ({"deck_length_m": 14.63}, {"length_m": 16.15}),
            ({"has_hazmat": False}, {"has_hazmat": True}),
        ],
    )
    def test_a_truck_refuses_what_it_may_not_carry(self, trucks, loads, truck, load):
        able = replace(
            trucks[0],
            equipment=Equipment.VAN,
            payload_kg=20_000,
            deck_length_m=16.15,
            has_hazmat=True,
        )
        easy = replace(
            loads[0],
            equipment=frozenset({Equipment.VAN}),
            weight_kg=10_000,
            length_m=10.0,
            has_hazmat=False,
        )

        assert able.can_take(easy)
        assert not replace(able, **truck).can_take(replace(easy, **load))


class TestHabits:
    def test_the_same_arguments_give_the_same_loads(self, repeated):
        again = market(500, seed=1, now=NOON, habits=Habits(has_sites=True))

        assert list(again) == repeated[:500]

    def test_a_city_has_few_docks_and_some_have_most_freight(self, repeated):
        chicago = [load.pickup for load in repeated if load.origin.name == "Chicago"]
        (_, most), *_ = Counter(chicago).most_common(1)

        assert len(set(chicago)) <= 40 < len(chicago) / 4
        assert most > 3 * len(chicago) / 40

    def test_docks_are_the_same_in_every_market(self, repeated):
        habits = Habits(has_sites=True)
        other = list(market(20_000, seed=2, now=NOON, habits=habits))
        docks = {place for load in repeated for place in (load.pickup, load.delivery)}

        assert sum(load.pickup in docks for load in other) > 0.95 * len(other)

    def test_docks_lie_near_their_cities(self, repeated):
        for load in repeated[:500]:
            assert haversine_m(load.pickup, load.origin.point) < 21_000
            assert is_on_the_mainland(load.delivery)

    def test_most_pickups_are_on_the_same_or_the_next_day(self, soon):
        days = Counter()
        for load in soon:
            zone = ZoneInfo(load.origin.zone)
            opens = load.pickup_from.astimezone(zone)
            days[(opens.date() - NOON.astimezone(zone).date()).days] += 1
            assert load.pickup_from >= NOON
            length = load.pickup_until - load.pickup_from
            assert timedelta(hours=4) <= length <= timedelta(hours=10)
            assert opens.date() == load.pickup_until.astimezone(zone).date()

        assert set(days) == {0, 1, 2, 3}
        assert (days[0] + days[1]) / len(soon) == pytest.approx(0.85, abs=0.02)
        assert days[0] > 0.2 * len(soon)

    def test_a_late_posting_is_for_the_next_day(self):
        night = NOON + timedelta(hours=10)
        habits = Habits(is_soon=True)
        for load in market(200, seed=1, now=night, habits=habits):
            assert load.pickup_from >= night

    def test_the_freight_is_that_of_the_other_market(self, soon, loads):
        for load in soon:
            needed = transit(load.loaded_m - 1)
            assert load.pickup_until + needed <= load.delivery_until
        assert median(map(miles, soon)) == pytest.approx(461, rel=0.08)
        paid = [median(map(dollars_per_mile, each)) for each in (soon, loads[:5_000])]
        assert paid[0] == pytest.approx(paid[1], rel=0.05)
