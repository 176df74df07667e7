"""The wait before the next attempt, and the parsing of Retry-After."""

from datetime import timedelta
from email.utils import format_datetime
from random import Random

import pytest

from notifications.gateway import (
    ProviderMisconfigured,
    TryLater,
    parse_retry_after_s,
    retry_wait_s,
)
from tests.notifications.samples import NOON


class Least(Random):
    """No jitter."""

    def random(self) -> float:
        return 0.0


class Most(Random):
    """The most jitter."""

    def random(self) -> float:
        return 1.0


def quota(retry_after_s: float | None = None) -> TryLater:
    return TryLater("429", retry_after_s=retry_after_s, is_quota=True)


def trouble(retry_after_s: float | None = None) -> TryLater:
    return TryLater("503", retry_after_s=retry_after_s)


class TestRetryWait:
    @pytest.mark.parametrize(
        ("error", "attempts", "wait_s"),
        [
            (quota(), 1, 60),
            (quota(), 9, 60),
            (quota(3), 1, 10),
            (quota(45), 1, 45),
            (quota(599), 1, 599),
            (trouble(), 1, 10),
            (trouble(), 2, 20),
            (trouble(), 6, 320),
            (trouble(), 7, 600),
            (trouble(), 10_000, 600),
            (trouble(45), 5, 45),
            (trouble(0), 5, 10),
            (ProviderMisconfigured("401"), 1, 300),
            (ProviderMisconfigured("401"), 8, 300),
        ],
    )
    def test_without_jitter(self, error, attempts, wait_s) -> None:
        assert retry_wait_s(error, attempts, Least()) == wait_s

    @pytest.mark.parametrize("error", [quota(), quota(45), trouble(), trouble(45)])
    def test_jitter_adds_up_to_thirty_percent(self, error) -> None:
        least = retry_wait_s(error, 1, Least())

        assert retry_wait_s(error, 1, Most()) == pytest.approx(least * 1.3)

    @pytest.mark.parametrize("asked_s", [0, 1, 10, 59, 600, 601, 3_600, 21_600])
    @pytest.mark.parametrize("make", [quota, trouble])
    def test_a_retry_after_is_never_undercut(self, make, asked_s) -> None:
        rng = Random(7)
        waits = [retry_wait_s(make(asked_s), n, rng) for n in range(1, 200)]

        assert min(waits) >= asked_s

    def test_no_retry_comes_before_ten_seconds(self) -> None:
        assert retry_wait_s(quota(0.5), 1, Least()) == 10


class TestParseRetryAfter:
    def date(self, after_s: float) -> str:
        return format_datetime(NOON + timedelta(seconds=after_s), usegmt=True)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120.0),
            (" 7 ", 7.0),
            ("0", 0.0),
            ("99999999999", 86_400.0),
            (None, None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("٣", None),
            ("Mon, 99 Foo 2026 12:00:00 GMT", None),
        ],
    )
    def test_seconds_and_nonsense(self, header, seconds) -> None:
        assert parse_retry_after_s(header, None, NOON) == seconds

    def test_a_date_counts_from_now(self) -> None:
        assert parse_retry_after_s(self.date(90), None, NOON) == 90

    def test_a_date_counts_from_the_servers_clock_if_the_answer_has_one(self) -> None:
        their_noon = self.date(-3_600)

        assert parse_retry_after_s(self.date(-3_510), their_noon, NOON) == 90

    def test_a_date_in_the_past_means_no_wait(self) -> None:
        assert parse_retry_after_s(self.date(-10), None, NOON) == 0

    def test_an_old_style_date_is_read(self) -> None:
        asctime = "Mon Mar  2 12:00:30 2026"

        assert parse_retry_after_s(asctime, None, NOON) == 30
