"""A drive takes longer than its driving time: breaks, daily rests, weekly restart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freight.hours import elapsed_s


def by_the_minute_h(driving_min: int) -> float:
    """Apply the same rules minute by minute; for whole minutes only."""
    since_break = since_rest = since_restart = clock = 0
    for _ in range(driving_min):
        if since_restart == 70 * 60:
            clock += 34 * 60
            since_break = since_rest = since_restart = 0
        if since_rest == 11 * 60:
            clock += 10 * 60
            since_break = since_rest = 0
        if since_break == 8 * 60:
            clock += 30
            since_break = 0
        clock += 1
        since_break += 1
        since_rest += 1
        since_restart += 1
    return clock / 60


@pytest.mark.parametrize(
    ("driving_h", "elapsed"),
    [
        (0, 0.0),
        (3, 3.0),
        (8, 8.0),
        (8.5, 9.0),
        (11, 11.5),
        (11.01, 21.51),
        (19, 29.5),
        (20, 31.0),
        (33, 54.5),
        (70, 133.0),
        (71, 133.0 + 34 + 1),
        (140, 133.0 + 34 + 133.0),
        (141, 133.0 + 34 + 133.0 + 34 + 1),
    ],
)
def test_table(driving_h, elapsed):
    found_s = elapsed_s(np.array(driving_h * 3600.0))
    assert found_s / 3600 == pytest.approx(elapsed)


def elapsed_h(driving_min, *, is_crew=False):
    return (elapsed_s(np.array(driving_min) * 60.0, is_crew=is_crew) / 3600).tolist()


def test_the_closed_form_equals_driving_minute_by_minute():
    minutes = [*range(0, 150 * 60, 7), *(60 * h for h in range(150))]

    assert elapsed_h(minutes) == [by_the_minute_h(m) for m in minutes]


@pytest.mark.parametrize("limit_h", [8, 11, 19, 22, 30, 66, 70, 78, 81, 140])
def test_a_rest_begins_after_its_limit_and_not_at_it(limit_h):
    minutes = [limit_h * 60 + off for off in (-1, 0, 1)]

    assert elapsed_h(minutes) == [by_the_minute_h(m) for m in minutes]


@pytest.mark.parametrize(
    ("driving_h", "elapsed"),
    [(0, 0), (11, 11), (30, 30), (140, 140), (141, 175), (280, 314), (281, 349)],
)
def test_a_crew_rests_after_140_hours(driving_h, elapsed):
    assert elapsed_h(driving_h * 60, is_crew=True) == elapsed


@given(st.floats(0, 2e6), st.floats(0, 2e6), st.booleans())
def test_more_driving_never_takes_less_time(a, b, is_crew):
    driving_s = np.sort([a, b])
    less, more = elapsed_s(driving_s, is_crew=is_crew)
    assert less <= more
    assert (elapsed_s(driving_s, is_crew=is_crew) >= driving_s).all()


@given(st.floats(0, 2e6))
def test_two_drivers_are_never_later_than_one(driving_s):
    alone, crew = (elapsed_s(np.array(driving_s), is_crew=c) for c in (False, True))
    assert crew <= alone


@given(st.lists(st.floats(0, 2e6), min_size=1, max_size=20), st.booleans())
def test_many_drives_at_once_are_each_as_if_alone(drives, is_crew):
    together = elapsed_s(np.array(drives), is_crew=is_crew).tolist()
    alone = [elapsed_s(np.array([d]), is_crew=is_crew).item() for d in drives]
    assert together == alone
