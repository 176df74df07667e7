from freight.preferences import WEEKDAYS, Preference, PreferenceKind, Weekday


def test_a_record_becomes_a_preference() -> None:
    record = {"kind": "lane", "is_hard": False, "cents": 5_000, "state": None}
    record |= {"from_state": "TX", "to_state": None}

    found = Preference.from_record(record)

    assert found == Preference(PreferenceKind.LANE, cents=5_000, from_state="TX")
    assert found.about == ("lane", None, "TX", None)


def test_the_days_are_in_the_order_of_the_calendar() -> None:
    assert WEEKDAYS[0] is Weekday.MON
    assert len(WEEKDAYS) == 7
