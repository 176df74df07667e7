"""What a load means, in one sentence."""

from datetime import UTC, datetime, timedelta

import pytest

from freight.sentences import summary

FREE_AT = datetime(2026, 12, 3, 14, tzinfo=UTC)


def told(**changes: object) -> str:
    usual = {
        "price_cents": 184_000,
        "currency": "USD",
        "empty_m": 62 * 1609.344,
        "free_at": FREE_AT,
        "home_at": datetime(2026, 12, 4, 23, 40, tzinfo=UTC),
        "added_s": 3 * 3600.0,
        "zone": "America/Chicago",
    }
    return summary(**usual | changes)  # type: ignore[arg-type]


def test_it_tells_pay_empty_miles_and_home_by_the_drivers_clock() -> None:
    assert told() == (
        "Pays $1,840, 62 empty miles, home Friday 17:40, 3 h later than empty."
    )


@pytest.mark.parametrize(
    ("added_s", "words"),
    [
        (0.0, "no later than empty."),
        (-7_300.0, "2 h earlier than empty."),
        (47 * 3600.0, "47 h later than empty."),
        (50 * 3600.0, "2 d 2 h later than empty."),
    ],
)
def test_it_tells_how_much_later(added_s: float, words: str) -> None:
    assert told(added_s=added_s).endswith(words)


def test_a_day_after_the_week_has_its_date() -> None:
    assert "home Friday 11 December 17:40" in told(
        home_at=datetime(2026, 12, 4, 23, 40, tzinfo=UTC) + timedelta(days=7)
    )


def test_another_currency_is_named_and_one_mile_is_one() -> None:
    sentence = told(currency="CAD", empty_m=1609.0)

    assert sentence.startswith("Pays 1,840 CAD, 1 empty mile, ")
