from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.clocks import ClockSkew, corrected

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class TestCorrected:
    @given(
        skew_s=st.integers(-26 * 3600, 26 * 3600),
        network_s=st.floats(0, 30),
        ago_s=st.integers(0, 29 * 86_400),
    )
    def test_a_wrong_clock_is_right_again_within_a_minute(
        self, skew_s: int, network_s: float, ago_s: int
    ) -> None:
        skew = timedelta(seconds=skew_s)
        happened = NOON - timedelta(seconds=ago_s)
        sent = NOON - timedelta(seconds=network_s)

        found = corrected(happened + skew, sent_at=sent + skew, received_at=NOON)

        # A clock that is wrong by 30 seconds or less is not corrected.
        assert abs(found - happened) <= timedelta(seconds=60)

    @pytest.mark.parametrize("skew", [30 * SECOND, -30 * SECOND, timedelta()])
    def test_a_difference_within_30_seconds_is_left_alone(
        self, skew: timedelta
    ) -> None:
        found = corrected(NOON - SECOND, sent_at=NOON - skew, received_at=NOON)

        assert found == NOON - SECOND

    def test_a_larger_difference_is_the_clocks_error(self) -> None:
        late = timedelta(seconds=31)

        found = corrected(NOON - late, sent_at=NOON - late, received_at=NOON)

        assert found == NOON

    def test_without_a_time_of_sending_nothing_is_corrected(self) -> None:
        hours_ago = NOON - timedelta(hours=9)

        assert corrected(hours_ago, sent_at=None, received_at=NOON) == hours_ago

    def test_five_minutes_ahead_is_tolerated(self) -> None:
        ahead = NOON + timedelta(minutes=5)

        assert corrected(ahead, sent_at=None, received_at=NOON) == ahead

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (NOON + timedelta(minutes=5) + SECOND, "in the future"),
            (NOON - timedelta(days=30) - SECOND, "too long ago"),
            (datetime(1970, 1, 1, tzinfo=UTC), "too long ago"),
        ],
    )
    def test_what_cannot_be_true_is_refused(self, wrong: datetime, said: str) -> None:
        with pytest.raises(ClockSkew, match=said) as refused:
            corrected(wrong, sent_at=None, received_at=NOON)

        assert (refused.value.status, refused.value.code) == (422, "clock-skew")
        assert refused.value.extra == {"server_time": NOON.isoformat()}

    def test_a_dead_clock_with_a_time_of_sending_is_corrected(self) -> None:
        dead = datetime(1970, 1, 1, tzinfo=UTC)

        found = corrected(dead, sent_at=dead + timedelta(hours=2), received_at=NOON)

        assert found == NOON - timedelta(hours=2)
