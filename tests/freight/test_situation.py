"""A search's input survives JSON, needs time zones and refuses invalid values."""

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.equipment import Equipment
from freight.situation import Candidate, InvalidSituation, Parameters, Situation
from geo.points import Point

from .world import make_candidate, make_parameters, make_situation

points = st.builds(Point, lat=st.floats(-90, 90), lon=st.floats(-180, 180))
zones = st.sampled_from([UTC, timezone(timedelta(hours=-6)), ZoneInfo("US/Eastern")])
times = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
amounts = st.floats(0, 1e7)
sets = st.frozensets(st.sampled_from(Equipment))

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
)
parameters = st.builds(
    Parameters,
    radii_m=st.lists(amounts, min_size=1, unique=True).map(sorted).map(tuple),
    enough=st.integers(1, 50),
    fee_share=st.floats(0, 1),
    duty_hour_cents=st.integers(0, 10_000),
    planning_speed_mps=st.floats(1, 50),
    dwell_s=amounts,
    max_detour_m=amounts,
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
)


class TestRecords:
    @given(st.one_of(situations, parameters, candidates))
    def test_a_value_survives_json_unchanged(self, value):
        record = json.loads(json.dumps(value.to_record()))

        assert type(value).from_record(record) == value

    def test_defaults_survive_json(self):
        record = json.loads(json.dumps(Parameters().to_record()))
        assert Parameters.from_record(record) == Parameters()

    def test_a_record_with_an_unknown_field_is_refused(self):
        record = {**make_situation().to_record(), "colour": "red"}
        with pytest.raises(TypeError, match="colour"):
            Situation.from_record(record)


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
        with pytest.raises(InvalidSituation, match=name):
            make_candidate(**{name: datetime(2026, 3, 2, 12)})  # noqa: DTZ001

    @pytest.mark.parametrize("name", ["free_at", "home_by_at"])
    def test_a_situation_without_zone_is_refused(self, name):
        with pytest.raises(InvalidSituation, match=name):
            make_situation(**{name: datetime(2026, 3, 2, 12)})  # noqa: DTZ001


class TestNonsense:
    @pytest.mark.parametrize(
        "changes",
        [
            {"radii_m": ()},
            {"radii_m": (2.0, 1.0)},
            {"radii_m": (1.0, 1.0)},
            {"planning_speed_mps": 0.0},
            {"fee_share": 1.1},
            {"fee_share": -0.1},
        ],
    )
    def test_parameters_no_search_can_use_are_refused(self, changes):
        with pytest.raises(InvalidSituation):
            make_parameters(**changes)

    def test_a_load_has_two_stops_at_least(self):
        with pytest.raises(InvalidSituation):
            make_candidate(stop_count=1)
