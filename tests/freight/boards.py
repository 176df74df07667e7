"""Made-up loads and trucks for the properties, the same for the same number.

Nearly every drive, wait and window is a number of quarters of an hour, so that limits
are met to the moment; a power of two for the speed keeps that exact.
"""

from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

from freight.candidates import Candidate
from freight.equipment import Equipment
from freight.orders import RankBy
from freight.preferences import Preference, PreferenceKind
from freight.situation import Situation
from geo.points import Point

from .world import (
    HOUR,
    NOON,
    SquareRoads,
    load_of,
    make_parameters,
    make_situation,
    make_stop,
)

# A 32nd of a degree is a quarter of an hour, and half an hour off the highways.
ROADS = SquareRoads(degree_m=32 * 14_400.0, access_m=14_400.0, shore=8.0)
RULES = make_parameters(
    highway_mps=16.0, access_mps=8.0, fee_share=0.07, max_detour_m=1e6
)
MOST_CENTS = 2**31 - 1


class Maker:
    """Draws trucks and boards of loads; `number` tells which."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)
        self.one_of = self.random.choice

    def often(self, usual, *others):
        """Nine times of ten the usual value."""
        return usual if self.random.random() < 0.9 else self.one_of((usual, *others))

    def place(self) -> Point:
        """Seldom an island, seldom days of driving away."""
        lat = self.one_of([0.0] * 10 + [0.25] * 10 + [n / 32 for n in range(9)] + [9.0])
        lon = self.random.randint(0, 20) / 32
        return Point(lat, lon * self.one_of([1] * 15 + [16]))

    def quarter(self):
        return NOON + self.random.randint(-32, 160) * HOUR / 4

    def later(self) -> timedelta:
        return self.one_of([0, 0, 24, 80]) * HOUR

    def fraction(self) -> timedelta:
        return self.one_of([timedelta(0)] * 8 + [timedelta(seconds=0.25)])

    def country(self) -> str | None:
        return self.one_of(["US", "US", "US", None, "CA", "GT"])

    def state(self) -> str | None:
        return self.one_of([None, "TX", "TX", "NSW"])

    def stop(self, kind: str):
        """A stop whose window is hours to days long, sometimes with opening hours."""
        window_from = self.quarter() + self.later() + self.fraction()
        window_h = self.random.randint(1, 192)
        halves = range(2 * min(window_h, self.one_of([6, 24, 192])) + 1)
        spans = self.one_of([0, 0, 2, 2, 4]) if len(halves) > 4 else 0
        begins, place = int(window_from.timestamp()), self.place()
        return make_stop(
            place.lon,
            kind,
            lat=place.lat,
            window_from=window_from,
            window_until=window_from + window_h * HOUR + self.fraction(),
            opening=tuple(
                begins + 1_800 * n for n in sorted(self.random.sample(halves, spans))
            ),
            country=self.country(),
            state=self.state(),
            is_urban=self.one_of([True, False, False]),
        )

    def load(self, number: int) -> Candidate:
        middle = self.random.choices(
            ["pickup", "delivery"], k=self.one_of([0, 0, 1, 4])
        )
        kinds = ("pickup", *middle, "delivery")
        booked = self.random.randint(0, 30)
        return load_of(
            *map(self.stop, kinds),
            number=number,
            roads=ROADS,
            price_cents=self.often(
                self.random.randint(10_000, 400_000), 0, 1, MOST_CENTS
            ),
            currency=self.often("USD", "CAD"),
            equipment=self.often(
                frozenset({Equipment.VAN}),
                frozenset({Equipment.REEFER}),
                frozenset({Equipment.VAN, Equipment.OTHER}),
                frozenset(),
            ),
            takes_reefers=self.often(True, False),
            weight_kg=self.often(None, 10_000, 24_948),
            length_m=self.often(None, 16.15),
            has_hazmat=self.often(False, True),
            temperature_max_c=self.often(None, 4.0),
            booked=booked,
            cancelled=self.random.randint(0, booked),
        )

    def board(self, size: int) -> list[Candidate]:
        """Loads of which some are equal but for their ids."""
        few = [self.load(0) for _ in range(max(size * 2 // 3, 1))]
        return [replace(self.one_of(few), load_id=UUID(int=n)) for n in range(size)]

    def wish(self) -> Preference:
        return Preference(
            self.one_of(list(PreferenceKind)),
            is_hard=self.one_of([False, True]),
            cents=self.random.randint(0, 20_000),
            state=self.state(),
            from_state=self.state(),
            to_state=self.state(),
        )

    def truck(self) -> Situation:
        return make_situation(
            drop=self.place(),
            home=self.place(),
            free_at=self.quarter()
            + self.one_of([0, 0, 24, 80]) * HOUR
            + self.fraction(),
            cost_empty_cents_per_km=self.random.uniform(0, 200),
            cost_loaded_cents_per_km=self.random.uniform(0, 200),
            hour_cents=self.one_of([2_000, 0]),
            equipment=self.often(
                Equipment.VAN, Equipment.REEFER, Equipment.OTHER, None
            ),
            payload_kg=self.often(None, 20_000),
            deck_length_m=self.often(None, 16.0),
            is_hazmat_allowed=self.often(False, True),
            home_by_at=self.one_of([None, self.quarter() + 48 * HOUR]),
            max_deadhead_m=self.often(None, 0.0, 200_000.0),
            min_pay_cents_per_km=self.often(None, self.random.uniform(0, 600)),
            is_crew=self.one_of([False, True]),
            drop_country=self.country(),
            home_country=self.country(),
            carrier_country=self.often(None, "US", "CA"),
            driver_country=self.often(None, "US", "CA"),
            countries=self.often(None, frozenset({"US", "CA"}), frozenset()),
            rank_by=self.one_of(list(RankBy)),
            preferences=tuple(self.wish() for _ in range(self.one_of([0, 1, 2]))),
            zone=self.one_of(["UTC", "America/Chicago", "Asia/Kolkata"]),
        )
