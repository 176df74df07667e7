"""Each reason excludes a load just beyond its limit, and not at the limit."""

import json

import pytest

from freight.equipment import Equipment
from freight.feasibility import Figure, Reason, Stage
from freight.ranking import Excluded, Ranked, judge
from geo.areas import AreaReason
from geo.points import Point

from .world import (
    DROP,
    EVERYWHERE,
    HOUR,
    NOON,
    ROADS,
    SECOND,
    Everywhere,
    make_candidate,
    make_parameters,
    make_situation,
)

VAN, REEFER = Equipment.VAN, Equipment.REEFER
LOW, HIGH = Point(0.0, 0.5), Point(0.0, 0.5 + 2**-10)
PICKUP_ETA = NOON + 2_500 * SECOND
DELIVERY_ETA = PICKUP_ETA + HOUR + 15_000 * SECOND
HOME_ETA = DELIVERY_ETA + HOUR + 2_500 * SECOND


def judged(load=None, truck=None, rules=None, area=EVERYWHERE):
    return judge(
        make_candidate(**(load or {})),
        make_situation(**(truck or {})),
        make_parameters(**(rules or {})),
        area,
        ROADS,
    )


def case(stage, reason, *, good, bad, figure):
    return pytest.param(stage, reason, good, bad, figure, id=reason.value)


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
        Stage.WEIGHT,
        Reason.ABOVE_LEGAL_WEIGHT,
        good={"load": {"weight_kg": 24_947}},
        bad={"load": {"weight_kg": 24_948}},
        figure=(24_948, 55_000 * 0.45359237, "kg"),
    ),
    case(
        Stage.TEMPERATURE,
        Reason.TEMPERATURE_NOT_HELD,
        good={"load": {"temperature_max_c": None}},
        bad={"load": {"temperature_max_c": 4.0}},
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
    ),
    case(
        Stage.DELIVERY_WINDOW,
        Reason.DELIVERY_CLOSED_BEFORE_ARRIVAL,
        good={"load": {"delivery_until": DELIVERY_ETA}},
        bad={"load": {"delivery_until": DELIVERY_ETA - SECOND}},
        figure=("2026-03-02T17:51:40+00:00", "2026-03-02T17:51:39+00:00", "utc"),
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
        Stage.GAIN,
        Reason.NO_GAIN,
        good={"load": {"loaded_m": 302_000.0, "price_cents": 201}},
        bad={"load": {"loaded_m": 302_000.0, "price_cents": 200}},
        figure=(0, 0, "cents"),
    ),
]


class TestEachReason:
    @pytest.mark.parametrize(("stage", "reason", "good", "bad", "figure"), CASES)
    def test_at_the_limit_a_load_is_taken(self, stage, reason, good, bad, figure):
        assert isinstance(judged(**good), Ranked)

    @pytest.mark.parametrize(("stage", "reason", "good", "bad", "figure"), CASES)
    def test_beyond_the_limit_a_load_is_excluded(
        self, stage, reason, good, bad, figure
    ):
        excluded = judged(**bad)

        assert isinstance(excluded, Excluded)
        assert (excluded.stage, excluded.reason) == (stage, reason)
        assert excluded.figure == (figure and pytest.approx(Figure(*figure)))

    @pytest.mark.parametrize("reason", AreaReason)
    def test_a_load_outside_the_area_is_excluded_with_the_areas_reason(self, reason):
        excluded = judged(area=Everywhere(reason))

        assert excluded.stage is Stage.AREA
        assert excluded.reason == reason.value
        assert excluded.figure is None

    def test_every_reason_has_a_case(self):
        cases = {param.values[1].value for param in CASES}
        assert cases | {reason.value for reason in AreaReason} == set(Reason)

    def test_an_exclusion_can_be_kept_as_json(self):
        excluded = judged(load={"currency": "CAD"})
        assert json.loads(json.dumps(excluded.to_record())) == {
            "load_id": str(excluded.load_id),
            "stage": "currency",
            "reason": "currency_differs",
            "figure": {"value": "CAD", "limit": "USD", "unit": "currency"},
        }


class TestUnknowns:
    def test_a_load_that_names_no_equipment_is_unknown_not_a_mismatch(self):
        excluded = judged(load={"equipment": frozenset()})
        assert excluded.reason is Reason.EQUIPMENT_UNKNOWN
        assert excluded.figure == (None, "van", "equipment")

    def test_a_load_without_weight_and_length_fits_any_truck(self):
        ranked = judged(truck={"payload_kg": 1, "deck_length_m": 0.1})
        assert ranked.unchecked == ()

    def test_a_truck_without_payload_and_deck_takes_the_load_and_says_so(self):
        ranked = judged(load={"weight_kg": 20_000, "length_m": 14.6})
        assert ranked.unchecked == (Stage.WEIGHT, Stage.LENGTH)


class TestAtHomeAlready:
    def test_a_round_trip_within_the_detour_is_taken(self):
        near = {"delivery": Point(0.0, 1.0), "loaded_m": 50_000.0}
        ranked = judged(load=near, truck={"home": DROP})
        assert ranked.figures.detour_m == 200_000

    def test_a_load_of_length_zero_passes_the_pay_per_kilometre_limit(self):
        nothing = {"pickup": DROP, "delivery": DROP, "loaded_m": 0.0}
        truck = {"home": DROP, "min_pay_cents_per_km": 300.0}
        assert isinstance(judged(load=nothing, truck=truck), Ranked)


class TestOrderOfQuestions:
    def test_the_first_stage_that_refuses_gives_the_reason(self):
        """Repair one fault after the other: the reasons come in the order of Stage."""
        load = {
            "currency": "CAD",
            "equipment": frozenset({REEFER}),
            "weight_kg": 2,
            "length_m": 2.0,
            "has_hazmat": True,
            "temperature_max_c": 4.0,
            "loaded_m": 900_000.0,
            "pickup_until": NOON,
            "delivery_until": NOON,
            "price_cents": 0,
        }
        truck = {
            "payload_kg": 1,
            "deck_length_m": 1.0,
            "max_deadhead_m": 1.0,
            "home_by_at": NOON,
            "min_pay_cents_per_km": 1.0,
        }
        mendings = [
            lambda: load.pop("currency"),
            lambda: load.pop("equipment"),
            lambda: load.pop("weight_kg"),
            lambda: load.pop("length_m"),
            lambda: load.pop("has_hazmat"),
            lambda: load.pop("temperature_max_c"),
            lambda: truck.pop("max_deadhead_m"),
            lambda: load.pop("loaded_m"),
            lambda: load.pop("pickup_until"),
            lambda: load.pop("delivery_until"),
            lambda: truck.pop("home_by_at"),
            lambda: truck.pop("min_pay_cents_per_km"),
            lambda: load.pop("price_cents"),
        ]
        stages = [judged(load, truck, area=Everywhere(AreaReason.OUTSIDE_CIRCLE)).stage]

        for mend in mendings:
            stages.append(judged(load, truck).stage)
            mend()

        assert stages == list(Stage)
        assert isinstance(judged(load, truck), Ranked)
