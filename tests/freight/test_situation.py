"""A search's input survives JSON, needs time zones and refuses invalid values."""

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.candidates import Candidate, CandidateStop
from freight.equipment import Equipment
from freight.orders import RankBy
from freight.preferences import Preference, PreferenceKind
from freight.ranking import Ranked, judge
from freight.situation import MAX_DEADHEAD_M, InvalidSituation, Parameters, Situation
from freight.tables import deadhead_limit_m
from geo.points import Point

from .world import (
    EVERYWHERE,
    HOUR,
    NOON,
    PARAMETERS,
    ROADS,
    make_candidate,
    make_parameters,
    make_situation,
)

points = st.builds(Point, lat=st.floats(-90, 90), lon=st.floats(-180, 180))
zones = st.sampled_from([UTC, timezone(timedelta(hours=-6)), ZoneInfo("US/Eastern")])
times = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
amounts = st.floats(0, 1e7)
sets = st.frozensets(st.sampled_from(Equipment))

whole = st.integers(0, 10_000)
countries = st.none() | st.sampled_from(["US", "CA", "MX"])
states = st.none() | st.sampled_from(["TX", "ON"])
wishes = st.builds(
    Preference,
    kind=st.sampled_from(PreferenceKind),
    is_hard=st.booleans(),
    cents=whole,
    state=states,
    from_state=states,
    to_state=states,
)

situations = st.builds(
    Situation,
    drop=points,
    home=points,
    free_at=times,
    currency=st.just("CAD"),
    cost_empty_cents_per_km=amounts,
    cost_loaded_cents_per_km=amounts,
    equipment=st.none() | st.sampled_from(Equipment),
    payload_kg=st.none() | st.integers(0, 50_000),
    deck_length_m=st.none() | amounts,
    is_hazmat_allowed=st.booleans(),
    home_by_at=st.none() | times,
    max_deadhead_m=st.none() | amounts,
    min_pay_cents_per_km=st.none() | amounts,
    hour_cents=whole,
    is_crew=st.booleans(),
    drop_country=countries,
    home_country=countries,
    carrier_country=countries,
    driver_country=countries,
    countries=st.none() | st.frozensets(st.sampled_from(["US", "CA"])),
    rank_by=st.sampled_from(RankBy),
    preferences=st.lists(wishes, max_size=3).map(tuple),
    zone=st.sampled_from(["UTC", "America/Chicago"]),
)
parameters = st.builds(
    Parameters,
    fee_share=st.floats(0, 1),
    highway_mps=st.floats(1, 50),
    access_mps=st.floats(1, 50),
    dwell_s=amounts,
    border_s=amounts,
    max_detour_m=amounts,
)
stops = st.builds(
    CandidateStop,
    point=points,
    is_pickup=st.booleans(),
    window_from=times,
    window_until=times,
    opening=st.lists(st.integers(0, 2**31), max_size=4).map(tuple),
    leg_m=amounts,
    leg_access_m=amounts,
    country=countries,
    state=states,
    is_urban=st.booleans(),
)
candidates = st.builds(
    Candidate,
    load_id=st.uuids(),
    pickup=points,
    delivery=points,
    loaded_m=amounts,
    price_cents=st.integers(0, 10**7),
    currency=st.just("USD"),
    equipment=sets,
    pickup_from=times,
    pickup_until=times,
    delivery_from=times,
    delivery_until=times,
    weight_kg=st.none() | st.integers(0, 50_000),
    length_m=st.none() | amounts,
    has_hazmat=st.booleans(),
    stop_count=st.integers(2, 9),
    temperature_min_c=st.none() | st.floats(-40, 40),
    temperature_max_c=st.none() | st.floats(-40, 40),
    loaded_access_m=amounts,
    takes_reefers=st.booleans(),
    stops=st.lists(stops, max_size=3).map(tuple),
    cancelled=whole,
    booked=whole,
)


class TestRecords:
    @given(st.one_of(situations, parameters, candidates))
    def test_a_value_survives_json_unchanged(self, value):
        record = json.loads(json.dumps(value.to_record()))

        assert type(value).from_record(record) == value

    def test_defaults_survive_json(self):
        record = json.loads(json.dumps(Parameters().to_record()))
        assert Parameters.from_record(record) == Parameters()

    def test_what_a_later_release_adds_is_left_out(self):
        for value in (make_situation(), make_parameters(), make_candidate()):
            record = {**value.to_record(), "colour": "red"}
            assert type(value).from_record(record) == value


class TestRecordsOfTheFirstRelease:
    """As the first search wrote them."""

    SITUATION = {  # noqa: RUF012
        "drop": {"lat": 0.0, "lon": 0.0},
        "home": {"lat": 0.0, "lon": 4.0},
        "free_at": "2026-03-02T12:00:00+00:00",
        "currency": "USD",
        "cost_empty_cents_per_km": 100.0,
        "cost_loaded_cents_per_km": 100.0,
        "equipment": "van",
        "payload_kg": 20000,
        "deck_length_m": None,
        "is_hazmat_allowed": False,
        "home_by_at": "2026-03-02T21:00:00+00:00",
        "max_deadhead_m": None,
        "min_pay_cents_per_km": None,
    }
    PARAMETERS = {  # noqa: RUF012
        "radii_m": [80467.2, 160934.4, 241401.6, 402336.0],
        "enough": 5,
        "fee_share": 0.05,
        "duty_hour_cents": 0,
        "planning_speed_mps": 24.5872,
        "dwell_s": 3600.0,
        "max_detour_m": 482803.2,
    }
    CANDIDATE = {  # noqa: RUF012
        "load_id": "00000000-0000-0000-0000-000000000001",
        "pickup": {"lat": 0.0, "lon": 0.5},
        "delivery": {"lat": 0.0, "lon": 3.5},
        "loaded_m": 300000.0,
        "price_cents": 100000,
        "currency": "USD",
        "equipment": ["van"],
        "pickup_from": "2026-03-02T12:00:00+00:00",
        "pickup_until": "2026-03-03T12:00:00+00:00",
        "delivery_from": "2026-03-02T12:00:00+00:00",
        "delivery_until": "2026-03-04T12:00:00+00:00",
        "weight_kg": 9000,
        "length_m": None,
        "has_hazmat": False,
        "stop_count": 3,
        "temperature_min_c": None,
        "temperature_max_c": None,
    }

    def test_a_situation_is_read(self):
        assert Situation.from_record(self.SITUATION) == make_situation(
            payload_kg=20_000, home_by_at=NOON + 9 * HOUR
        )

    def test_parameters_are_read_as_far_as_they_still_mean_anything(self):
        assert Parameters.from_record(self.PARAMETERS) == Parameters(
            fee_share=0.05,
            highway_mps=24.5872,
            access_mps=24.5872,
            dwell_s=3_600.0,
            max_detour_m=482_803.2,
        )

    def test_a_load_is_read(self):
        load = make_candidate(stop_count=3, weight_kg=9_000)
        assert Candidate.from_record(self.CANDIDATE) == load

    def test_its_route_is_its_two_ends(self):
        load = Candidate.from_record(self.CANDIDATE)
        pickup, delivery = load.route

        assert (pickup.point, delivery.point) == (load.pickup, load.delivery)
        assert (pickup.is_pickup, delivery.is_pickup) == (True, False)
        assert delivery.leg_m == 300_000.0
        assert delivery.window_until == load.delivery_until

    def test_it_can_be_judged(self):
        judged = judge(
            Candidate.from_record(self.CANDIDATE),
            Situation.from_record(self.SITUATION),
            Parameters.from_record(self.PARAMETERS),
            EVERYWHERE,
            ROADS,
        )
        assert isinstance(judged, Ranked)


class TestDeadhead:
    @pytest.mark.parametrize(
        ("limit_m", "metres"), [(None, MAX_DEADHEAD_M), (0.0, 0.0), (7.0, 7.0)]
    )
    def test_a_driver_who_named_no_limit_has_the_usual_one(self, limit_m, metres):
        situation = make_situation(max_deadhead_m=limit_m)
        assert deadhead_limit_m(situation, Parameters()) == metres


class TestZone:
    @pytest.mark.parametrize(
        ("zone", "month", "hours"),
        [("UTC", 3, 0), ("America/Chicago", 3, -6), ("America/Chicago", 7, -5)],
    )
    def test_the_clock_is_that_of_the_day_on_which_the_driver_is_free(
        self, zone, month, hours
    ):
        free_at = datetime(2026, month, 2, 12, tzinfo=UTC)
        situation = make_situation(free_at=free_at, zone=zone)
        assert situation.zone_offset_s == hours * 3600


class TestTimes:
    def test_times_are_kept_in_utc(self):
        at = datetime(2026, 7, 1, 0, 0, tzinfo=ZoneInfo("America/Chicago"))

        kept = make_situation(free_at=at, home_by_at=at)

        assert kept.free_at.isoformat() == "2026-07-01T05:00:00+00:00"
        assert kept.home_by_at.tzinfo is UTC

    def test_the_hour_that_happens_twice_survives_a_record(self):
        second = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("US/Eastern"), fold=1)
        before = make_situation(free_at=second)

        assert Situation.from_record(before.to_record()) == before

    @pytest.mark.parametrize(
        "name", ["pickup_from", "pickup_until", "delivery_from", "delivery_until"]
    )
    def test_a_load_without_zone_is_refused(self, name):
        with pytest.raises(ValueError, match=name):
            make_candidate(**{name: datetime(2026, 3, 2, 12)})  # noqa: DTZ001

    @pytest.mark.parametrize("name", ["free_at", "home_by_at"])
    def test_a_situation_without_zone_is_refused(self, name):
        with pytest.raises(ValueError, match=name):
            make_situation(**{name: datetime(2026, 3, 2, 12)})  # noqa: DTZ001


class TestNonsense:
    @pytest.mark.parametrize(
        "changes",
        [
            {"highway_mps": 0.0},
            {"access_mps": -1.0},
            {"fee_share": 1.1},
            {"fee_share": -0.1},
        ],
    )
    def test_parameters_no_search_can_use_are_refused(self, changes):
        with pytest.raises(InvalidSituation):
            make_parameters(**changes)

    def test_seconds_are_those_on_and_off_the_highways(self):
        rules = make_parameters(highway_mps=20.0, access_mps=10.0)
        assert rules.seconds(1_000.0, 200.0) == 40 + 20

    def test_a_load_has_two_stops_at_least(self):
        with pytest.raises(InvalidSituation):
            make_candidate(stop_count=1)


class TestDrivingTime:
    def test_each_part_of_a_way_has_its_speed(self):
        parameters = make_parameters(highway_mps=20.0, access_mps=10.0)

        assert parameters.seconds(3_000.0, 1_000.0) == 100 + 100

    def test_of_columns_it_is_a_column_bit_for_bit(self):
        metres, access_m = np.array([3_000.0, 777.0]), np.array([1_000.0, 333.0])
        each = [
            PARAMETERS.seconds(*way)
            for way in zip(metres.tolist(), access_m.tolist(), strict=True)
        ]

        assert PARAMETERS.seconds(metres, access_m).tolist() == each

    def test_a_record_of_an_earlier_release_has_one_speed(self):
        record = Parameters().to_record()
        del record["highway_mps"], record["access_mps"]
        kept = Parameters.from_record(record | {"planning_speed_mps": 24.5872})

        assert kept.highway_mps == kept.access_mps == 24.5872
        assert kept.seconds(24_587.2, 5_000.0) == pytest.approx(1_000)
