"""Each reason excludes a load just beyond its limit, and not at the limit."""

import json
from math import inf

import pytest

from freight.equipment import Equipment
from freight.feasibility import Figure, Reason, Stage
from freight.preferences import PreferenceKind
from freight.ranking import Excluded, Ranked
from freight.rules import PHASES
from geo.areas import AreaReason
from geo.points import Point

from .world import HOUR, NOON, SECOND, Everywhere, hard, judged, two_stops

VAN, REEFER = Equipment.VAN, Equipment.REEFER
LOW, HIGH = Point(0.0, 0.5), Point(0.0, 0.5 + 2**-10)
PICKUP_ETA = NOON + 2_500 * SECOND
DELIVERY_ETA = PICKUP_ETA + HOUR + 15_000 * SECOND
HOME_ETA = DELIVERY_ETA + HOUR + 2_500 * SECOND
FRIDAY_8_PM = NOON + (4 * 24 + 8) * HOUR


def case(stage, reason, *, good, bad, figure, stop=None):
    return pytest.param(stage, reason, good, bad, figure, stop, id=reason.value)


CASES = [
    case(
        Stage.CURRENCY,
        Reason.CURRENCY_DIFFERS,
        good={"load": {"currency": "USD"}},
        bad={"load": {"currency": "CAD"}},
        figure=("CAD", "USD", "currency"),
    ),
    case(
        Stage.EQUIPMENT,
        Reason.EQUIPMENT_MISMATCH,
        good={"load": {"equipment": frozenset({VAN, REEFER})}},
        bad={"load": {"equipment": frozenset({REEFER, Equipment.FLATBED})}},
        figure=("flatbed|reefer", "van", "equipment"),
    ),
    case(
        Stage.EQUIPMENT,
        Reason.EQUIPMENT_UNKNOWN,
        good={"truck": {"equipment": VAN}},
        bad={"truck": {"equipment": None}},
        figure=("van", None, "equipment"),
    ),
    case(
        Stage.WEIGHT,
        Reason.TOO_HEAVY,
        good={"load": {"weight_kg": 20_000}, "truck": {"payload_kg": 20_000}},
        bad={"load": {"weight_kg": 20_001}, "truck": {"payload_kg": 20_000}},
        figure=(20_001, 20_000, "kg"),
    ),
    case(
        Stage.WEIGHT,
        Reason.ABOVE_LEGAL_WEIGHT,
        good={"load": {"weight_kg": 24_947}},
        bad={"load": {"weight_kg": 24_948}},
        figure=(24_948, 55_000 * 0.45359237, "kg"),
    ),
    case(
        Stage.LENGTH,
        Reason.TOO_LONG,
        good={"load": {"length_m": 16.15}, "truck": {"deck_length_m": 16.15}},
        bad={"load": {"length_m": 16.16}, "truck": {"deck_length_m": 16.15}},
        figure=(16.16, 16.15, "m"),
    ),
    case(
        Stage.HAZMAT,
        Reason.HAZMAT_NOT_ALLOWED,
        good={"load": {"has_hazmat": True}, "truck": {"is_hazmat_allowed": True}},
        bad={"load": {"has_hazmat": True}},
        figure=None,
    ),
    case(
        Stage.TEMPERATURE,
        Reason.TEMPERATURE_NOT_HELD,
        good={"load": {"temperature_max_c": None}},
        bad={"load": {"temperature_max_c": 4.0}},
        figure=None,
    ),
    case(
        Stage.COUNTRY,
        Reason.COUNTRY_NOT_ALLOWED,
        good={
            "load": two_stops({"country": "US"}, {"country": "CA"}),
            "truck": {"countries": frozenset({"CA", "US"})},
        },
        bad={
            "load": two_stops({"country": "US"}, {"country": "CA"}),
            "truck": {"countries": frozenset({"US"})},
        },
        figure=("CA|US", "US", "country"),
    ),
    case(
        Stage.COUNTRY,
        Reason.CABOTAGE,
        good={
            "load": two_stops({"country": "US"}, {"country": "CA"}),
            "truck": {"carrier_country": "CA"},
        },
        bad={
            "load": two_stops({"country": "US"}, {"country": "US"}),
            "truck": {"carrier_country": "CA"},
        },
        figure=("US", "CA", "country"),
    ),
    case(
        Stage.ROAD,
        Reason.NO_ROAD,
        good={"load": {"loaded_m": 310_000.0}},
        bad={"load": {"loaded_m": inf}},
        figure=None,
    ),
    case(
        Stage.DEADHEAD,
        Reason.BEYOND_MAX_DEADHEAD,
        good={"load": {"pickup": LOW}, "truck": {"max_deadhead_m": 50_000.0}},
        bad={"load": {"pickup": HIGH}, "truck": {"max_deadhead_m": 50_000.0}},
        figure=(50_097.65625, 50_000.0, "m"),
    ),
    case(
        Stage.DETOUR,
        Reason.DETOUR_TOO_LONG,
        good={"load": {"loaded_m": 330_000.0}, "rules": {"max_detour_m": 30_000.0}},
        bad={"load": {"loaded_m": 330_001.0}, "rules": {"max_detour_m": 30_000.0}},
        figure=(30_001.0, 30_000.0, "m"),
    ),
    case(
        Stage.PICKUP_WINDOW,
        Reason.PICKUP_CLOSED_BEFORE_ARRIVAL,
        good={"load": {"pickup_until": PICKUP_ETA}},
        bad={"load": {"pickup_until": PICKUP_ETA - SECOND}},
        figure=("2026-03-02T12:41:40+00:00", "2026-03-02T12:41:39+00:00", "utc"),
        stop=1,
    ),
    case(
        Stage.DELIVERY_WINDOW,
        Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL,
        good={"load": {"delivery_until": DELIVERY_ETA}},
        bad={"load": {"delivery_until": DELIVERY_ETA - SECOND}},
        figure=("2026-03-02T17:51:40+00:00", "2026-03-02T17:51:39+00:00", "utc"),
        stop=2,
    ),
    case(
        Stage.HOME_BY,
        Reason.HOME_TOO_LATE,
        good={"truck": {"home_by_at": HOME_ETA}},
        bad={"truck": {"home_by_at": HOME_ETA - SECOND}},
        figure=("2026-03-02T19:33:20+00:00", "2026-03-02T19:33:19+00:00", "utc"),
    ),
    case(
        Stage.PAY,
        Reason.BELOW_MIN_PAY,
        good={
            "load": {"price_cents": 105_000},
            "truck": {"min_pay_cents_per_km": 300.0},
        },
        bad={
            "load": {"price_cents": 104_300},
            "truck": {"min_pay_cents_per_km": 300.0},
        },
        figure=(298.0, 300.0, "cents_per_km"),
    ),
    case(
        Stage.WISHES,
        Reason.OFF_LANE,
        good={
            "load": two_stops({"state": "TX"}, {"state": "IL"}),
            "truck": hard(PreferenceKind.LANE, from_state="TX", to_state="IL"),
        },
        bad={
            "load": two_stops({"state": "TX"}, {"state": "IN"}),
            "truck": hard(PreferenceKind.LANE, from_state="TX", to_state="IL"),
        },
        figure=None,
    ),
    case(
        Stage.WISHES,
        Reason.ON_A_WEEKEND,
        good={
            "load": {
                "pickup_until": NOON + 240 * HOUR,
                "delivery_until": NOON + 240 * HOUR,
            },
            "truck": hard(PreferenceKind.NO_WEEKENDS)
            | {"free_at": FRIDAY_8_PM - 4 * HOUR},
        },
        bad={
            "load": {
                "pickup_until": NOON + 240 * HOUR,
                "delivery_until": NOON + 240 * HOUR,
            },
            "truck": hard(PreferenceKind.NO_WEEKENDS) | {"free_at": FRIDAY_8_PM},
        },
        figure=None,
    ),
    case(
        Stage.WISHES,
        Reason.AT_NIGHT,
        # The delivery is reached 5.86 hours after the driver is free.
        good={"truck": hard(PreferenceKind.NO_NIGHTS) | {"free_at": NOON + 4 * HOUR}},
        bad={"truck": hard(PreferenceKind.NO_NIGHTS) | {"free_at": NOON + 5 * HOUR}},
        figure=None,
    ),
    case(
        Stage.WISHES,
        Reason.IN_A_CITY,
        good={"load": two_stops(), "truck": hard(PreferenceKind.NO_CITIES)},
        bad={
            "load": two_stops(delivery={"is_urban": True}),
            "truck": hard(PreferenceKind.NO_CITIES),
        },
        figure=None,
    ),
    case(
        Stage.WISHES,
        Reason.IN_DISLIKED_STATE,
        good={
            "load": two_stops({"state": "TX"}),
            "truck": hard(PreferenceKind.NO_STATE, state="NY"),
        },
        bad={
            "load": two_stops({"state": "NY"}),
            "truck": hard(PreferenceKind.NO_STATE, state="NY"),
        },
        figure=None,
    ),
    case(
        Stage.GAIN,
        Reason.NO_GAIN,
        good={"load": {"loaded_m": 302_000.0, "price_cents": 2_001}},
        bad={"load": {"loaded_m": 302_000.0, "price_cents": 200}},
        figure=(0, 0, "cents"),
    ),
]
FIELDS = ("stage", "reason", "good", "bad", "figure", "stop")


class TestEachReason:
    @pytest.mark.parametrize(FIELDS, CASES)
    def test_at_the_limit_a_load_is_taken(self, stage, reason, good, bad, figure, stop):
        assert isinstance(judged(**good), Ranked)

    @pytest.mark.parametrize(FIELDS, CASES)
    def test_beyond_the_limit_a_load_is_excluded(
        self, stage, reason, good, bad, figure, stop
    ):
        excluded = judged(**bad)

        assert isinstance(excluded, Excluded)
        assert (excluded.stage, excluded.reason) == (stage, reason)
        assert excluded.figure == (figure and pytest.approx(Figure(*figure)))
        assert excluded.stop == stop

    @pytest.mark.parametrize(FIELDS, CASES)
    def test_an_exclusion_shows_what_the_load_would_mean_all_the_same(
        self, stage, reason, good, bad, figure, stop
    ):
        figures = judged(**bad).figures

        assert (figures is None) == (reason is Reason.NO_ROAD)

    @pytest.mark.parametrize("reason", AreaReason)
    def test_a_load_outside_the_area_is_excluded_with_the_areas_reason(self, reason):
        excluded = judged(area=Everywhere(reason))

        assert excluded.stage is Stage.AREA
        assert excluded.reason == reason.value
        assert excluded.figure is None
        assert excluded.stop == 1

    def test_every_reason_has_a_case(self):
        cases = {param.values[1].value for param in CASES}
        assert cases | {reason.value for reason in AreaReason} == set(Reason)

    def test_each_stage_has_a_rule_and_they_are_asked_in_its_order(self):
        asked = [rule.stage for _, rules in PHASES for rule in rules]
        assert sorted(asked, key=list(Stage).index) == asked
        assert set(asked) == set(Stage)

    def test_an_exclusion_can_be_kept_as_json(self):
        excluded = judged(load={"currency": "CAD"})
        record = json.loads(json.dumps(excluded.to_record()))
        assert record.pop("figures")["deadhead_m"] == 50_000
        assert record == {
            "load_id": str(excluded.load_id),
            "stage": "currency",
            "reason": "currency_differs",
            "figure": {"value": "CAD", "limit": "USD", "unit": "currency"},
            "stop": None,
        }


class TestWhatTheFiguresSay:
    def test_a_length_is_told_as_it_was_posted(self):
        excluded = judged({"length_m": 16.16}, {"deck_length_m": 16.15})
        assert excluded.figure.value == 16.16

    def test_a_weight_is_told_in_whole_kilograms(self):
        excluded = judged({"weight_kg": 20_001}, {"payload_kg": 20_000})
        assert repr(excluded.figure.value) == "20001"

    def test_all_that_is_told_is_json_without_infinity(self):
        for param in CASES:
            record = judged(**param.values[3]).to_record()
            assert json.loads(json.dumps(record, allow_nan=False)) == record
