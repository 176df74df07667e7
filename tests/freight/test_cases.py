"""Situations that stand for a kind each, judged over the real roads.

`cases/search.json` has them in words and figures. Here are those that one search
decides; what follows from offers and reports is tested with them.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from freight.candidates import Candidate, CandidateStop
from freight.costs import COST_CENTS_PER_KM, HOUR_CENTS
from freight.equipment import Equipment
from freight.feasibility import Reason
from freight.ranking import Excluded, Ranked, asked_of, judge, rank
from freight.situation import MAX_DEADHEAD_M, Parameters, Situation
from geo.areas import SearchArea
from geo.corridors import corridor_home
from geo.distance import METRES_PER_MILE
from geo.fences import CircleFence, PolygonFence
from geo.points import Point
from geo.roads import Highways

CASES = {
    case["name"]: case
    for case in json.loads(
        (Path(__file__).parent / "cases" / "search.json").read_text()
    )["cases"]
}
FREE_AT = datetime(2026, 3, 3, 14, tzinfo=UTC)
"""A Tuesday, before noon in America."""

HOUR = timedelta(hours=1)
ABROAD = {"Toronto": "CA"}


@pytest.fixture(scope="module")
def roads():
    return Highways.read(cache_mb=64)


def place(given):
    return Point(given["lat"], given["lon"])


def opening(given, window_from, window_until):
    """The hours of Monday to Friday on the days of the window."""
    if given is None:
        return ()
    assert given["days"] == "Mon-Fri"
    zone, spans = ZoneInfo(given["zone"]), []
    day = window_from.astimezone(zone).date()
    while day <= window_until.astimezone(zone).date():
        for name in ("from", "until"):
            at = datetime.combine(day, time.fromisoformat(given[name]), zone)
            spans += [int(at.timestamp())] if day.weekday() < 5 else []
        day += timedelta(days=1)
    return tuple(spans)


class Search:
    """One case, asked over the roads."""

    def __init__(self, name, roads, *, free_at=FREE_AT, start=None, **driver):
        self.case, self.roads, self.free_at = CASES[name], roads, free_at
        given = self.case["driver"]
        home_by_h = given.get("home_by_h")
        self.situation = Situation(
            drop=start or place(self.case["drop"]),
            home=place(self.case["home"]),
            free_at=free_at,
            currency="USD",
            cost_empty_cents_per_km=COST_CENTS_PER_KM,
            cost_loaded_cents_per_km=COST_CENTS_PER_KM,
            equipment=Equipment(given["equipment"]),
            **{"hour_cents": HOUR_CENTS, **driver},
            **({"home_by_at": free_at + home_by_h * HOUR} if home_by_h else {}),
        )
        self.asked = asked_of(
            self.situation, Parameters(), self.area(given.get("no_go")), roads
        )
        self.loads = {
            load["name"]: self.load(number, load)
            for number, load in enumerate(self.case["loads"])
        }

    def area(self, no_go):
        drop, home = self.situation.drop, self.situation.home
        road_m = self.roads.distance_m(drop, home)
        drawings = [{"type": "Polygon", "coordinates": no_go}] if no_go else []
        return SearchArea(
            CircleFence(drop, MAX_DEADHEAD_M),
            corridor_home(drop, home, road_m, Parameters().max_detour_m),
            no_go=tuple(map(PolygonFence.from_geojson, drawings)),
        )

    def load(self, number, given):
        stops = [self.stop(stop) for stop in given["stops"]]
        for at, stop in enumerate(stops[1:], start=1):
            way = self.roads.way(stops[at - 1].point, stop.point)
            stops[at] = replace(stop, leg_m=way.metres, leg_access_m=way.access_m)
        first, last = stops[0], stops[-1]
        return Candidate(
            load_id=UUID(int=number),
            pickup=first.point,
            delivery=last.point,
            loaded_m=sum(stop.leg_m for stop in stops),
            loaded_access_m=sum(stop.leg_access_m for stop in stops),
            price_cents=given["price_usd"] * 100,
            currency=given["currency"],
            equipment=frozenset(map(Equipment, given["equipment"])),
            pickup_from=first.window_from,
            pickup_until=first.window_until,
            delivery_from=last.window_from,
            delivery_until=last.window_until,
            stop_count=len(stops),
            stops=tuple(stops),
        )

    def stop(self, given):
        window = [self.free_at + given[name] * HOUR for name in ("from_h", "until_h")]
        return CandidateStop(
            place(given),
            given["kind"] == "pickup",
            *window,
            opening=opening(given.get("opening"), *window),
            country=ABROAD.get(given["name"], "US"),
        )

    def judged(self, name):
        asked = self.asked
        return judge(
            *(self.loads[name], self.situation, asked.parameters, asked.area),
            self.roads,
        )

    def offered(self):
        ranked = rank(self.loads.values(), self.asked)
        names = {load.load_id: name for name, load in self.loads.items()}
        return [names[each.candidate.load_id] for each in ranked]


def excluded(found):
    assert isinstance(found, Excluded)
    return found.reason, found.stop


class TestWater:
    def test_round_a_lake(self, roads):
        search = Search("round a lake", roads)

        reason, _ = excluded(search.judged("Muskegon"))

        assert reason in {
            Reason.PICKUP_CLOSED_BEFORE_ARRIVAL,
            Reason.BEYOND_MAX_DEADHEAD,
        }
        assert search.offered() == ["Gary"]

    def test_round_a_bay(self, roads):
        search = Search("round a bay", roads)

        found = search.judged("Crisfield")

        assert excluded(found) == (Reason.PICKUP_CLOSED_BEFORE_ARRIVAL, 1)
        miles = found.figures.deadhead_m / METRES_PER_MILE
        assert miles == pytest.approx(170, rel=0.15)
        assert search.offered() == ["Waldorf"]

    def test_a_sound_without_a_ferry(self, roads):
        found = Search("a sound without a ferry", roads).judged("Bremerton")

        assert excluded(found) == (Reason.PICKUP_CLOSED_BEFORE_ARRIVAL, 1)

    def test_islands(self, roads):
        search = Search("islands", roads)

        found = search.judged("Kahului")

        assert excluded(found) == (Reason.NO_ROAD, None)
        assert found.figures is None
        assert search.offered() == []


class TestMiddleStops:
    LOAD = "Newark-Cleveland-Gary"

    def test_one_that_closes(self, roads):
        found = Search("middle stop closes", roads).judged(self.LOAD)

        assert excluded(found) == (Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL, 2)

    def test_one_that_opens_late(self, roads):
        search = Search("middle stop opens late", roads)

        found = search.judged(self.LOAD)

        assert excluded(found) == (Reason.HOME_TOO_LATE, None)
        home_h = (found.figures.home_eta - search.free_at) / HOUR
        assert home_h == pytest.approx(58, abs=3)

    def test_one_in_a_no_go_area(self, roads):
        found = Search("middle stop in a no-go area", roads).judged(self.LOAD)

        assert excluded(found) == (Reason.IN_NO_GO_AREA, 2)


def test_from_the_newest_fix_what_lies_behind_is_not_offered(roads):
    """Where a search starts after a late report is decided where it is started."""
    fix = CASES["late report"]["driver"]["newest_fix"]

    assert Search("late report", roads, start=place(fix)).offered() == ["Cleveland"]


class TestFirstComeOnWeekdays:
    FRIDAY = datetime(2026, 3, 6, 14, tzinfo=ZoneInfo("America/Chicago"))
    MONDAY_8 = datetime(2026, 3, 9, 8, tzinfo=ZoneInfo("America/Chicago"))

    def search(self, roads, **driver):
        return Search("first come on weekdays", roads, free_at=self.FRIDAY, **driver)

    def test_the_delivery_is_planned_for_monday_at_8(self, roads):
        search = self.search(roads)

        found = search.judged("FCFS")

        assert found.figures.delivery_eta < self.MONDAY_8
        unloaded_at = self.MONDAY_8 + Parameters().dwell_s / 3600 * HOUR
        way = roads.way(search.loads["FCFS"].delivery, search.situation.home)
        drive = timedelta(seconds=Parameters().seconds(way.metres, way.access_m))
        late = found.figures.home_eta - (unloaded_at + drive)
        assert abs(late) < timedelta(milliseconds=1)

    def test_home_by_sunday_is_too_late(self, roads):
        sunday = datetime(2026, 3, 8, 23, tzinfo=ZoneInfo("America/Chicago"))

        found = self.search(roads, home_by_at=sunday).judged("FCFS")

        assert excluded(found) == (Reason.HOME_TOO_LATE, None)


class TestCabotage:
    def search(self, roads, **driver):
        return Search(
            "cabotage",
            roads,
            carrier_country="CA",
            driver_country="CA",
            countries=frozenset({"CA", "US"}),
            drop_country="US",
            home_country="CA",
            **driver,
        )

    def test_domestic_freight_of_the_other_country_is_excluded(self, roads):
        search = self.search(roads)

        assert excluded(search.judged("Chicago-Detroit")) == (Reason.CABOTAGE, None)
        assert search.offered() == ["Chicago-Toronto"]

    def test_the_border_takes_its_time(self, roads):
        search = self.search(roads)
        load = search.loads["Chicago-Toronto"]
        anywhere = replace(
            load, stops=tuple(replace(stop, country=None) for stop in load.stops)
        )

        times = [
            judge(one, search.situation, Parameters(), search.asked.area, roads)
            for one in (load, anywhere)
        ]

        assert all(isinstance(found, Ranked) for found in times)
        with_it, without = (found.figures.delivery_eta for found in times)
        assert with_it - without == 2 * HOUR


class TestWhatComesFirst:
    def test_time_costs(self, roads):
        assert Search("time costs", roads).offered()[0] == "now"
        dear = Search("time costs", roads, hour_cents=0).offered()
        assert dear[0] == "in three days"

    def test_crumbs(self, roads):
        assert Search("crumbs", roads).offered()[0] == "63 mi away"

    def test_a_detour_that_costs_a_night(self, roads):
        name = "a detour that costs a night"
        assert Search(name, roads).offered()[0] == "to Chicago"
