"""What a truck can stand in for, which temperature it holds, what it may weigh."""

import pytest

from freight.equipment import (
    DRY_FOR_REEFERS,
    GROSS_LIMIT_KG,
    STANDS_IN_FOR,
    Equipment,
    can_stand_in,
    holds_temperature,
    legal_payload_kg,
)

VAN, REEFER, FLATBED = Equipment.VAN, Equipment.REEFER, Equipment.FLATBED


@pytest.mark.parametrize(
    ("truck", "accepted", "can"),
    [
        (REEFER, {VAN}, True),
        (REEFER, {FLATBED, VAN}, True),
        (VAN, {REEFER}, False),
        (VAN, {VAN}, False),
        (REEFER, set(), False),
        (None, {VAN}, False),
        (Equipment.OTHER, {Equipment.OTHER}, False),
    ],
)
def test_a_truck_stands_in_for_other_types(truck, accepted, can):
    assert can_stand_in(truck, frozenset(accepted)) is can


def test_a_reefer_stands_in_for_the_dry_trailer_that_a_search_gives_it():
    for reefer, dry in DRY_FOR_REEFERS.items():
        assert dry in STANDS_IN_FOR[reefer]


@pytest.mark.parametrize(
    ("truck", "lowest_c", "highest_c", "holds"),
    [
        (VAN, None, None, True),
        (None, None, None, True),
        (VAN, None, 4.0, False),
        (REEFER, 2.0, 4.0, True),
        (REEFER, None, -29.0, True),
        (REEFER, None, -29.1, False),
        (REEFER, 32.0, None, True),
        (REEFER, 32.1, None, False),
    ],
)
def test_a_unit_holds_its_range(truck, lowest_c, highest_c, holds):
    assert holds_temperature(truck, lowest_c, highest_c) is holds


@pytest.mark.parametrize(
    ("payload_kg", "legal_kg"),
    [
        (None, 24_947.580),
        (20_000, 24_947.580),
        (30_000, 30_000),
        (99_000, GROSS_LIMIT_KG),
    ],
)
def test_no_truck_may_weigh_more_than_the_law_lets_it(payload_kg, legal_kg):
    assert legal_payload_kg(payload_kg) == pytest.approx(legal_kg)
