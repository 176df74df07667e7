"""What speaks against carrying a load: each ground, and who may overrule it."""

from dataclasses import replace
from typing import Any

import pytest

from freight.economics import Figures, figures_of, way_home
from freight.equipment import Equipment
from freight.feasibility import Reason
from freight.lifecycles import LoadStatus
from freight.objections import WORDS, Ground, Journey, Moment, objections
from geo.areas import AreaReason
from tests.freight.world import (
    CANDIDATE,
    HOUR,
    NOON,
    PARAMETERS,
    ROADS,
    SITUATION,
)

FREE = Moment(has_endorsement=False, is_placarded=False)
REEFER = frozenset({Equipment.REEFER})

THE_DESK_MAY_OVERRULE = {
    "position_old": {"moment": {"is_located": False}},
    "beyond_max_deadhead": {"truck": {"max_deadhead_m": 1.0}},
    "detour_too_long": {"load": {"loaded_m": 900_000.0}},
    "pickup_closed_before_arrival": {"load": {"pickup_until": NOON}},
    "delivery_closed_before_arrival": {"load": {"delivery_until": NOON + HOUR}},
    "home_too_late": {"truck": {"home_by_at": NOON}},
    "below_min_pay": {"truck": {"min_pay_cents_per_km": 9_999.0}},
    "too_long": {"load": {"length_m": 2.0}, "truck": {"deck_length_m": 1.0}},
    "too_heavy": {"load": {"weight_kg": 2}, "truck": {"payload_kg": 1}},
    "equipment_stands_in": {"truck": {"equipment": Equipment.REEFER}},
    "equipment_unknown": {"truck": {"equipment": Equipment.OTHER}},
    "outside_operating_area": {"moment": {"area": AreaReason.OUTSIDE_OPERATING_AREA}},
    "in_no_go_area": {"moment": {"area": AreaReason.IN_NO_GO_AREA}},
}
NOBODY_MAY_OVERRULE = {
    "equipment_mismatch": {"load": {"equipment": REEFER}},
    "poster_suspended": {"moment": {"is_poster_suspended": True}},
    "carrier_suspended": {"moment": {"is_carrier_suspended": True}},
    "not_on_the_market": {"moment": {"is_listed": False, "status": LoadStatus.BOOKED}},
    "lease_over": {"moment": {"is_lease_over": True}},
    "not_visible": {"moment": {"is_visible": False}},
    "driver_gone": {"moment": {"is_driver_gone": True}},
    "driver_off_duty": {"moment": {"is_off_duty": True}},
    "slot_taken": {"moment": {"is_slot_taken": True}},
    "no_truck": {"has_truck": False},
    "truck_changed": {"moment": {"is_truck_changed": True}},
    "no_hazmat_endorsement": {
        "load": {"has_hazmat": True},
        "moment": {"is_placarded": True},
    },
    "truck_not_placarded": {
        "load": {"has_hazmat": True},
        "moment": {"has_endorsement": True},
    },
    "temperature_not_held": {"load": {"temperature_min_c": 2.0}},
    "cabotage": {"moment": {"is_cabotage": True}},
    "above_legal_weight": {"load": {"weight_kg": 30_000}},
}


def found(
    load: dict[str, Any] | None = None,
    truck: dict[str, Any] | None = None,
    moment: dict[str, Any] | None = None,
    *,
    has_truck: bool = True,
) -> list[tuple[str, bool]]:
    """Return the grounds, and whether the desk may overrule each."""
    candidate = replace(CANDIDATE, **(load or {}))
    situation = replace(SITUATION, **(truck or {}))
    rules = replace(PARAMETERS, max_detour_m=300_000.0)
    baseline = way_home(situation, rules, ROADS)
    figures = figures_of(candidate, situation, rules, roads=ROADS, baseline=baseline)
    asked = objections(
        candidate,
        situation if has_truck else None,
        replace(FREE, **(moment or {})),
        Journey(figures, rules),
    )
    return [(objection.ground.value, objection.may_overrule) for objection in asked]


def test_nothing_speaks_against_a_load_that_fits() -> None:
    assert found() == []


@pytest.mark.parametrize("ground", THE_DESK_MAY_OVERRULE)
def test_the_desk_may_overrule(ground: str) -> None:
    assert found(**THE_DESK_MAY_OVERRULE[ground]) == [(ground, True)]


@pytest.mark.parametrize("ground", NOBODY_MAY_OVERRULE)
def test_nobody_may_overrule(ground: str) -> None:
    assert found(**NOBODY_MAY_OVERRULE[ground]) == [(ground, False)]


def test_all_grounds_are_in_the_table_and_tested() -> None:
    tested = {*THE_DESK_MAY_OVERRULE, *NOBODY_MAY_OVERRULE}

    assert set(WORDS) == set(Ground) == {Ground(ground) for ground in tested}


def test_a_reason_of_a_search_is_a_ground_with_the_same_word() -> None:
    """But for what a search asks of an area, of money, and of hazmat in one."""
    of_a_search_only = {
        Reason.OUTSIDE_CIRCLE,
        Reason.OUTSIDE_CORRIDOR,
        Reason.CURRENCY_DIFFERS,
        Reason.HAZMAT_NOT_ALLOWED,
        Reason.NO_GAIN,
    }

    assert {r.value for r in set(Reason) - of_a_search_only} <= set(Ground)


def test_all_that_speaks_against_it_is_told_at_once() -> None:
    assert [
        ground
        for ground, _ in found(
            load={"has_hazmat": True, "weight_kg": 30_000},
            truck={"payload_kg": 10_000, "home_by_at": NOON},
            moment={"is_off_duty": True, "is_located": False},
        )
    ] == [
        "driver_off_duty",
        "position_old",
        "too_heavy",
        "above_legal_weight",
        "no_hazmat_endorsement",
        "truck_not_placarded",
        "home_too_late",
    ]


def test_a_load_aboard_is_not_asked_about_the_way() -> None:
    late = replace(CANDIDATE, pickup_until=NOON)

    assert objections(late, SITUATION, FREE) == ()


def test_an_objection_says_what_where_and_by_how_much() -> None:
    load = replace(CANDIDATE, weight_kg=2)
    (heavy,) = objections(load, replace(SITUATION, payload_kg=1), FREE)

    assert heavy.to_record() == {
        "ground": "too_heavy",
        "pointer": "#/truck/payload_kg",
        "detail": "The freight is heavier than the truck's payload on file.",
        "may_overrule": True,
        "figure": {"value": 2, "limit": 1, "unit": "kg"},
    }


def test_figures_come_back_from_their_record() -> None:
    baseline = way_home(SITUATION, PARAMETERS, ROADS)
    made = figures_of(CANDIDATE, SITUATION, PARAMETERS, roads=ROADS, baseline=baseline)

    assert Figures.from_record(made.to_record()) == made
