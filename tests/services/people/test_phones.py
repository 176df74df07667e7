import pytest

from services.people.phones import dialable, e164


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("(312) 555-0142", "+13125550142"),
        ("+52 55 1234 5678", "+525512345678"),
        # An area code that no table has yet.
        ("+1 999 555 0142", None),
        ("+1 684 555 0142", "+16845550142"),
        ("+1 287 555 0142", "+12875550142"),
        ("555-0142", None),
        ("+15550142", None),
        ("+1 911 555 0142", None),
        ("+1 312 155 0142", None),
        ("+44 0000 000000", None),
    ],
)
def test_only_a_number_that_can_be_dialled_is_kept(
    number: str, kept: str | None
) -> None:
    assert dialable(number) == kept


def test_a_number_that_was_kept_before_still_signs_in() -> None:
    assert e164("555-0142") == "+15550142"
