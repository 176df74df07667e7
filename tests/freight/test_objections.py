"""What speaks against carrying a load: each ground, and who may overrule it."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from freight.equipment import Equipment
from freight.feasibility import Reason, Stage
from freight.figures import Figures
from freight.lifecycles import LoadStatus
from freight.objections import WORDS, Ground, Journey, Moment, objections
from freight.ranking import Ranked
from freight.rules import GAINS
from freight.situation import Parameters
from geo.areas import AreaReason
from tests.freight.world import (
    CANDIDATE,
    HOUR,
    NOON,
    PARAMETERS,
    ROADS,
    SECOND,
    SITUATION,
    hard,
    judged,
    load_of,
    make_stop,
    two_stops,
)

FREE = Moment(has_endorsement=False, is_placarded=False)
REEFER = frozenset({Equipment.REEFER})

THE_DESK_MAY_OVERRULE = {
    "no_road": {"load": {"loaded_m": inf}},
    "position_old": {"moment": {"is_located": False}},
    "beyond_max_deadhead": {"truck": {"max_deadhead_m": 1.0}},
    "detour_too_long": {"load": {"loaded_m": 900_000.0}},
    "pickup_closed_before_arrival": {"load": {"pickup_until": NOON}},
    "delivery_closed_before_arrival": {"load": {"delivery_until": NOON + HOUR}},
    "home_too_late": {"truck": {"home_by_at": NOON}},
    "below_min_pay": {"truck": {"min_pay_cents_per_km": 9_999.0}},
    "too_long": {"load": {"length_m": 2.0}, "truck": {"deck_length_m": 1.0}},
    "too_heavy": {"load": {"weight_kg": 2}, "truck": {"payload_kg": 1}},
    "equipment_stands_in": {
        "load": {"takes_reefers": False},
        "truck": {"equipment": Equipment.REEFER},
    },
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
    "country_not_allowed": {
        "load": {"stops": two_stops({"country": "US"}).stops},
        "truck": {"countries": frozenset({"CA"})},
    },
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
    journey = Journey.planned(
        candidate, situation, PARAMETERS, ROADS, is_for_the_way_home=True
    )
    found = objections(
        candidate,
        situation if has_truck else None,
        replace(FREE, **(moment or {})),
        journey,
    )
    return [(objection.ground.value, objection.may_overrule) for objection in found]


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
    """But for what a search asks of an area, money and wishes, and of hazmat in one."""
    of_a_search_only = {
        Reason.OUTSIDE_CIRCLE,
        Reason.OUTSIDE_CORRIDOR,
        Reason.CURRENCY_DIFFERS,
        Reason.HAZMAT_NOT_ALLOWED,
        Reason.NO_GAIN,
        *(rule.reason for rule in GAINS if rule.stage is Stage.WISHES),
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


def test_another_currency_and_domestic_freight_are_for_others_to_judge() -> None:
    """The desk knows the price; `Moment` says whether it is cabotage."""
    domestic = two_stops({"country": "US"}, {"country": "US"})

    assert found({"currency": "CAD"}) == []
    assert found({"stops": domestic.stops}, {"carrier_country": "CA"}) == []


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


def grounds(load, journey, **truck) -> list[str]:
    found = objections(load, replace(SITUATION, **truck), FREE, journey)
    return [objection.ground.value for objection in found]


def planned(load, *, is_for_the_way_home=True, **truck) -> Journey:
    situation = replace(SITUATION, **truck)
    return Journey.planned(
        load, situation, PARAMETERS, ROADS, is_for_the_way_home=is_for_the_way_home
    )


def test_the_detour_is_asked_of_a_load_for_the_way_home_only() -> None:
    long = replace(CANDIDATE, loaded_m=900_000.0)

    assert grounds(long, planned(long)) == ["detour_too_long"]
    assert grounds(long, planned(long, is_for_the_way_home=False)) == []


def test_without_a_road_nothing_else_is_asked_of_the_way() -> None:
    nowhere = replace(CANDIDATE, loaded_m=inf, pickup_until=NOON)
    truck = {"home_by_at": NOON}

    assert grounds(nowhere, planned(nowhere, **truck), **truck) == ["no_road"]


def test_a_middle_stop_that_closes_speaks_against_it() -> None:
    middle = make_stop(2.0, window_until=NOON + HOUR)
    load = load_of(make_stop(0.5, "pickup"), middle, make_stop(3.5))

    assert grounds(load, planned(load)) == ["delivery_closed_before_arrival"]


def test_a_wish_speaks_against_no_load_that_a_desk_plans() -> None:
    truck = hard("no_cities")
    load = two_stops({"is_urban": True})

    assert grounds(load, planned(load, **truck), **truck) == []


def figures() -> Figures:
    ranked = judged(CANDIDATE)
    assert isinstance(ranked, Ranked)
    return ranked.figures


def test_the_way_that_a_driver_was_shown_is_held_against_the_load_as_it_is() -> None:
    shown = Journey.shown(CANDIDATE, figures(), PARAMETERS)
    assert grounds(CANDIDATE, shown) == []

    changed = replace(
        CANDIDATE,
        pickup_until=NOON + 2_499 * SECOND,
        delivery_until=NOON + 6 * HOUR - 501 * SECOND,
    )

    assert grounds(changed, Journey.shown(changed, figures(), PARAMETERS)) == [
        "pickup_closed_before_arrival",
        "delivery_closed_before_arrival",
    ]


def test_the_way_that_was_shown_is_held_against_the_rules_and_the_truck() -> None:
    tight = replace(PARAMETERS, max_detour_m=0.0)
    longer = replace(CANDIDATE, loaded_m=300_001.0)
    ranked = judged(longer)
    assert isinstance(ranked, Ranked)
    shown = Journey.shown(longer, ranked.figures, tight)

    assert grounds(longer, shown) == ["detour_too_long"]
    assert grounds(
        *(CANDIDATE, Journey.shown(CANDIDATE, figures(), Parameters())),
        home_by_at=NOON,
        max_deadhead_m=1.0,
    ) == ["beyond_max_deadhead", "home_too_late"]


def test_figures_come_back_from_their_record() -> None:
    made = figures()

    assert Figures.from_record(made.to_record()) == made
