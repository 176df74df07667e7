"""A drive takes longer than its driving time: breaks, daily rests, weekly restart."""

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
    ("driving_h", "elapsed_h"),
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
def test_table(driving_h, elapsed_h):
    assert elapsed_s(driving_h * 3600) / 3600 == pytest.approx(elapsed_h)


@given(st.integers(0, 150 * 60))
def test_the_closed_form_equals_driving_minute_by_minute(driving_min):
    assert elapsed_s(driving_min * 60) / 3600 == by_the_minute_h(driving_min)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_driving_never_takes_less_time(a, b):
    less, more = sorted((a, b))
    assert less <= elapsed_s(less) <= elapsed_s(more)
