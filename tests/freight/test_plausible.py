from typing import Any

import pytest

from freight.equipment import Equipment
from freight.plausible import SIZES, Posted, findings
from geo.distance import METRES_PER_MILE

VAN = frozenset({Equipment.VAN})


def posted(**fields: Any) -> Posted:
    usual: dict[str, Any] = {
        "equipment": VAN,
        "loaded_m": 790 * METRES_PER_MILE,
        "price_cents": 250_000,
        "weight_kg": 15_000,
    }
    return Posted(**usual | fields)


def of(*words: Equipment) -> frozenset[Equipment]:
    return frozenset(words)


def test_every_type_has_limits() -> None:
    assert set(SIZES) == set(Equipment)
    assert all(size.odd_kg < size.most_kg for size in SIZES.values())
    assert all(size.odd_m < size.most_m for size in SIZES.values())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"weight_kg": None},
        {"weight_kg": 20_400, "length_m": 16.15},
        {"price_cents": 60_000},
        {"price_cents": 600_000},
        {"loaded_m": 10_000, "price_cents": 40_000},
        {"loaded_m": 3_000_000, "price_cents": 250_000},
        {"currency": "MXN", "price_cents": 4_000_000},
        {"price_cents": 0, "is_private": True},
        {"equipment": of(Equipment.REEFER), "temperature_min_c": -25},
        {"equipment": of(Equipment.LOWBOY), "weight_kg": 40_000},
        {"equipment": of(Equipment.LOWBOY), "price_cents": 1_500_000},
        {
            "equipment": of(Equipment.LOWBOY, Equipment.TANKER),
            "price_cents": 1_500_000,
        },
        {"equipment": of(Equipment.VAN, Equipment.REEFER), "weight_kg": 20_400},
        {"equipment": of(Equipment.B_TRAIN), "weight_kg": 42_000},
    ],
)
def test_usual_figures_are_neither_odd_nor_impossible(fields: dict[str, Any]) -> None:
    assert findings(posted(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"price_cents": 250}, "price-odd", "did you mean USD 2.50 a mile"),
        ({"price_cents": 2_500}, "price-odd", "did you mean USD 2,500.00?"),
        ({"price_cents": 0}, "price-odd", "unusually little."),
        ({"price_cents": 1_000_000}, "price-odd", "unusually much."),
        ({"weight_kg": 24_000}, "weight-odd", "52,911 lb, unusually heavy for van"),
        ({"length_m": 17}, "length-odd", "56 ft, unusually long"),
        (
            {"equipment": of(Equipment.REEFER), "temperature_max_c": 38},
            "temperature-odd",
            "38 C is 100 F, unusual: did you mean Fahrenheit?",
        ),
        (
            {
                "equipment": of(Equipment.REEFER, Equipment.FLATBED),
                "temperature_min_c": 2,
            },
            "temperature-odd",
            "not every truck of flatbed, reefer",
        ),
    ],
)
def test_odd_figures_are_named(fields: dict[str, Any], code: str, words: str) -> None:
    (found,) = findings(posted(**fields))

    assert (found.code, found.is_impossible) == (code, False)
    assert words in found.detail


@pytest.mark.parametrize(
    ("words", "most_usd"),
    [
        # 790 miles at USD 1.90, six times; a fifth more for reefers and flatbeds.
        (("van",), 9_006.0),
        (("reefer",), 10_807.2),
        (("flatbed", "step_deck"), 10_807.2),
        (("reefer", "van"), 9_006.0),
        (("tanker",), 18_012.0),
    ],
    ids=str,
)
def test_a_price_is_believed_up_to_six_times_the_median(
    words: tuple[str, ...], most_usd: float
) -> None:
    types = of(*map(Equipment, words))

    below, above = (
        findings(posted(equipment=types, price_cents=round(most_usd * 100) + cents))
        for cents in (-1, 1)
    )

    assert below == []
    assert [(each.code, each.is_impossible) for each in above] == [("price-odd", False)]


def test_a_short_haul_is_believed_as_one_of_fifty_miles() -> None:
    most_cents = 6 * 50 * 775

    found = [
        findings(posted(loaded_m=9 * METRES_PER_MILE, price_cents=most_cents + cents))
        for cents in (0, 1)
    ]

    assert [len(each) for each in found] == [0, 1]


def test_the_bound_itself_is_believed_also_of_a_dearer_type() -> None:
    # 6 times 1.2 is a little less than 7.2 in binary fractions.
    most_cents = 6 * 50 * 775 * 6 // 5

    found = [
        findings(
            posted(
                equipment=of(Equipment.FLATBED),
                loaded_m=9 * METRES_PER_MILE,
                price_cents=most_cents + cents,
            )
        )
        for cents in (0, 1)
    ]

    assert [len(each) for each in found] == [0, 1]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"temperature_min_c": 2}, "temperature_min_c", "van cannot hold one."),
        ({"temperature_max_c": 2}, "temperature_max_c", "van cannot hold one."),
        (
            {
                "equipment": of(Equipment.TANKER, Equipment.FLATBED),
                "temperature_min_c": 60,
                "temperature_max_c": 80,
            },
            "temperature_min_c",
            "flatbed, tanker cannot hold one.",
        ),
        (
            {
                "equipment": of(Equipment.REEFER, Equipment.VAN),
                "temperature_min_c": 34,
                "temperature_max_c": 36,
            },
            "temperature_min_c",
            "A unit holds from -29 to 32 C, and not this.",
        ),
        (
            {
                "equipment": of(Equipment.REEFER),
                "temperature_min_c": -40,
                "temperature_max_c": -35,
            },
            "temperature_max_c",
            "A unit holds from -29 to 32 C, and not this.",
        ),
    ],
)
def test_a_temperature_that_no_accepted_type_holds_is_impossible(
    fields: dict[str, Any], field: str, words: str
) -> None:
    found = findings(posted(**fields))[0]

    assert (found.field, found.is_impossible) == (field, True)
    assert words in found.detail


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        (
            {"weight_kg": 42_000},
            "weight_kg",
            "42,000 kg is 92,594 lb: did you mean pounds?",
        ),
        ({"weight_kg": 90_000}, "weight_kg", "too heavy for van."),
        ({"length_m": 48}, "length_m", "48 m is 157 ft: did you mean feet?"),
        ({"length_m": 90}, "length_m", "too long for van."),
        (
            {"price_cents": 25_000_000},
            "price_cents",
            "did you mean USD 2,500.00?",
        ),
        ({"price_cents": 9_900_000}, "price_cents", "more than anybody pays"),
        (
            {"loaded_m": 5e6, "price_cents": 10_000_001, "equipment": of(*Equipment)},
            "price_cents",
            "more than anybody pays.",
        ),
        (
            {"equipment": of(Equipment.FLATBED), "temperature_max_c": 4},
            "temperature_max_c",
            "flatbed cannot hold one.",
        ),
        (
            {"equipment": of(Equipment.REEFER), "temperature_max_c": 80},
            "temperature_max_c",
            "80 C is 176 F: did you mean Fahrenheit?",
        ),
    ],
)
def test_impossible_figures_are_answered_with_the_likely_slip(
    fields: dict[str, Any], field: str, words: str
) -> None:
    found = findings(posted(**fields))[0]

    assert (found.field, found.is_impossible) == (field, True)
    assert words in found.detail


@pytest.mark.parametrize(
    ("figure", "code", "words"),
    [
        ({"price_cents": 1_400_000}, "price-odd", "unusually much."),
        ({"price_cents": 8_900_000}, "price-odd", "unusually much:"),
        ({"weight_kg": 42_000}, "weight-odd", "92,594 lb, unusually heavy for van:"),
        ({"weight_kg": 42_000}, "weight-odd", "did you mean pounds?"),
        ({"length_m": 17}, "length-odd", "56 ft, unusually long"),
    ],
)
@pytest.mark.parametrize(
    "word", [Equipment.OTHER, Equipment.LOWBOY, Equipment.REMOVABLE_GOOSENECK]
)
def test_a_further_type_of_equipment_makes_no_odd_figure_usual(
    word: Equipment, figure: dict[str, Any], code: str, words: str
) -> None:
    (found,) = findings(posted(equipment=of(Equipment.VAN, word), **figure))

    assert (found.code, found.is_impossible) == (code, False)
    assert words in found.detail


def test_no_set_of_types_has_wider_limits_than_one_of_them() -> None:
    """What is odd for a type is odd in each pair with it, or impossible."""
    figures = [
        *({"price_cents": usd * 100} for usd in (6_200, 14_000, 30_000)),
        *({"weight_kg": kg} for kg in (2_000, 8_000, 22_000, 25_000, 30_000)),
        *({"length_m": metres} for metres in (5.0, 9.0, 14.0, 17.0, 25.0)),
    ]
    for figure in figures:
        found = {
            word: bool(findings(posted(equipment=of(word), **figure)))
            for word in Equipment
        }
        for one in Equipment:
            for two in Equipment:
                both = findings(posted(equipment=of(one, two), **figure))
                assert bool(both) == (found[one] or found[two]), (one, two, figure)
