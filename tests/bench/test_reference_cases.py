"""The reference search on the situations of the design that need one search only."""

import json
from dataclasses import replace
from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

import pytest

from bench import reference
from bench.__main__ import ROOT
from bench.reference_records import (
    METRES_PER_MILE,
    Driver,
    Load,
    Opening,
    Organisation,
    Settings,
    Situation,
    Stop,
    Truck,
)
from bench.reference_stages import air_m
from tests.bench.square import HOUR, NOON

CASES = ROOT / "tests" / "freight" / "cases" / "search.json"
BY_ROAD_MI = {
    ("Milwaukee", "Muskegon"): 280,
    ("Lexington Park MD", "Crisfield MD"): 170,
    ("Seattle", "Bremerton"): 65,
    ("Honolulu", "Kahului"): inf,
    ("Honolulu", "Hilo"): inf,
    ("Kahului", "Hilo"): inf,
}
"""What the cases say in words; other ways are 1.2 of the great circle."""


class Case:
    """A situation of the design, with its loads, free at `free_at`."""

    def __init__(self, given, free_at):
        self.given, self.free_at, self.names = given, free_at, {}
        drop, home = self.place(given["drop"]), self.place(given["home"])
        driver = given["driver"]
        by_h = driver.get("home_by_h")
        self.situation = Situation(
            drop,
            free_at,
            Driver(
                home,
                countries=frozenset(driver.get("countries", ["US"])),
                home_by=None if by_h is None else free_at + by_h * HOUR,
            ),
            organisation=Organisation(
                country=driver.get("carrier_country", "US"),
                # The cases name what driver and carrier may alike.
                countries=frozenset(driver.get("countries", ["US"])),
                no_go=tuple(
                    tuple((lat, lon) for lon, lat in ring)
                    for ring in driver.get("no_go", [])
                ),
            ),
            truck=Truck(driver["equipment"]),
            # The cases are written for this price of an hour.
            settings=Settings(hour_cents=2_000),
        )
        self.loads = [self.load(each) for each in given["loads"]]

    def place(self, given):
        place = given["lat"], given["lon"]
        self.names[place] = given.get("name")
        return place

    def load(self, given):
        stops = []
        for each in given["stops"]:
            hours = each.get("opening")
            days = ("mon", "tue", "wed", "thu", "fri")
            openings = hours and (Opening(days, hours["from"], hours["until"]),)
            place = self.place(each)
            stops.append(
                Stop(
                    each["kind"],
                    place,
                    self.free_at + each["from_h"] * HOUR,
                    self.free_at + each["until_h"] * HOUR,
                    openings=openings,
                    country="CA" if each["name"] == "Toronto" else "US",
                )
            )
        return Load(given["name"], tuple(stops), given["price_usd"] * 100)

    def way(self, a, b):
        pair = self.names[a], self.names[b]
        miles = BY_ROAD_MI.get(pair, BY_ROAD_MI.get(pair[::-1]))
        return (1.2 * air_m(a, b) if miles is None else miles * METRES_PER_MILE), 0.0

    def answer(self, name, **changes):
        (one,) = [each for each in self.loads if each.id == name]
        asked = replace(self.situation, **changes)
        judged = reference.judge(one, asked, self.way)
        return judged.reason if isinstance(judged, reference.Refused) else judged

    def best(self):
        found = reference.search(self.situation, self.loads, self.way)
        return [each.load.id for each in found.best]


class TestCasesOfTheDesign:
    @pytest.fixture
    def case(self):
        cases = {each["name"]: each for each in json.loads(CASES.read_text())["cases"]}
        return lambda name, free_at=NOON: Case(cases[name], free_at)

    @pytest.mark.parametrize(
        ("name", "excluded", "reasons", "first"),
        [
            (
                "round a lake",
                "Muskegon",
                {"pickup_closed_before_arrival", "beyond_max_deadhead"},
                ["Gary"],
            ),
            (
                "round a bay",
                "Crisfield",
                {"pickup_closed_before_arrival"},
                ["Waldorf"],
            ),
            (
                "a sound without a ferry",
                "Bremerton",
                {"pickup_closed_before_arrival"},
                [],
            ),
            ("islands", "Kahului", {"no_road"}, []),
            (
                "middle stop closes",
                "Newark-Cleveland-Gary",
                {"delivery_closed_before_arrival"},
                [],
            ),
            (
                "middle stop opens late",
                "Newark-Cleveland-Gary",
                {"home_too_late"},
                [],
            ),
            (
                "middle stop in a no-go area",
                "Newark-Cleveland-Gary",
                {"in_no_go_area"},
                [],
            ),
            ("cabotage", "Chicago-Detroit", {"cabotage"}, ["Chicago-Toronto"]),
        ],
    )
    def test_what_is_excluded_and_what_is_offered(
        self, case, name, excluded, reasons, first
    ):
        asked = case(name)

        assert asked.answer(excluded) in reasons
        assert asked.best() == first

    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("time costs", "now"),
            ("crumbs", "63 mi away"),
            ("a detour that costs a night", "to Chicago"),
        ],
    )
    def test_the_right_load_is_first(self, case, name, first):
        assert case(name).best()[0] == first

    def test_a_middle_stop_is_the_second(self, case):
        asked = case("middle stop closes")
        refused = reference.judge(asked.loads[0], asked.situation, asked.way)

        assert refused.stop == 1

    def test_a_middle_stop_that_opens_late_is_waited_for(self, case):
        asked = case("middle stop opens late")
        free = replace(asked.situation.driver, home_by=None)
        found = asked.answer("Newark-Cleveland-Gary", driver=free)

        assert found.hours_away == pytest.approx(58, abs=2)

    def test_a_late_report_starts_at_the_fix(self, case):
        asked = case("late report")
        fix = asked.given["driver"]["newest_fix"]
        place = fix["lat"], fix["lon"]
        asked.names[place] = "fix"

        assert asked.answer("Newark", place=place) is None
        assert asked.answer("Cleveland", place=place).gain_cents > 0

    def test_a_weekday_dock_is_planned_for_monday(self, case):
        chicago = ZoneInfo("America/Chicago")
        friday = datetime(2026, 3, 6, 14, tzinfo=chicago)
        asked = case("first come on weekdays", friday)
        sunday = datetime(2026, 3, 8, 23, 59, tzinfo=chicago)
        by_sunday = replace(asked.situation.driver, home_by=sunday)

        begun_at = asked.answer("FCFS").trip.visits[-1].begun_at
        assert datetime.fromtimestamp(begun_at, chicago) == datetime(
            2026, 3, 9, 8, tzinfo=chicago
        )
        assert asked.answer("FCFS", driver=by_sunday) == "home_too_late"

    def test_a_border_is_timed(self, case):
        asked = case("cabotage")
        quick = replace(asked.situation.settings, border_s=0.0)

        slow_h = asked.answer("Chicago-Toronto").hours_away
        quick_h = asked.answer("Chicago-Toronto", settings=quick).hours_away
        assert slow_h == pytest.approx(quick_h + 2)
