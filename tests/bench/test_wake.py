"""The bench of drivers who are woken, in its quick form, and what it counts."""

import pytest

from bench.wake import Posting, Rung
from bench.wake_races import ORDERS
from tests.bench.test_walls import bars, quick

AT = 1_000_000.0


@pytest.mark.bench
class TestWake:
    def test_postings_ring_drivers_who_wait_and_no_race_loses_one(self):
        line = quick("wake")

        found, figures = bars(line), line["figures"]
        times = {"push_ms_p95", "drop_push_ms_p95", "flood_drop_push_ms_p95"}
        lost = {"postings_lost", "drops_lost", "wake_ups_lost"}
        twice = {"rung_twice_for_a_load", "rung_twice_in_a_minute"}
        assert set(found) == times | lost | twice
        assert all(found[name]["met"] for name in lost | twice), figures
        assert line["params"]["races"] == 35
        assert figures["postings"] == 60
        assert figures["share_that_rang"] > 0.05
        assert 0 < figures["push_ms_p50"] <= figures["push_ms_p95"]
        assert figures["import_share_that_rang"] > 0


def posting(load_id="load", is_unconfirmed=False):
    return Posting(load_id, AT, AT + 0.02, is_unconfirmed)


class TestWhatAPostingRings:
    def test_times_count_from_the_request_to_the_first_ring(self):
        rung = Rung([posting()], {"load": AT + 0.3}, set(), 0, AT + 60)

        assert rung.push_ms == pytest.approx([300], abs=0.1)
        assert rung.figures()["share_that_rang"] == 1

    def test_a_load_that_was_not_looked_at_counts_until_the_end(self):
        rung = Rung([posting()], {}, {"load"}, 0, AT + 60)

        assert rung.push_ms == pytest.approx([60_000], abs=0.1)
        assert rung.figures()["left"] == 1

    def test_a_load_that_is_worth_it_to_nobody_has_no_time(self):
        rung = Rung([posting(), posting("other", True)], {}, set(), 0, AT + 60)

        assert rung.push_ms == []
        assert rung.figures()["postings"] == 1


class TestTheOrdersOfARace:
    def test_are_all_ways_in_which_two_times_three_steps_may_follow_each_other(self):
        assert len(set(ORDERS)) == 20
        assert all(order.count("drop") == 3 for order in ORDERS)
