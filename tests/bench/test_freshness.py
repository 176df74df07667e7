"""The bench of the market's freshness in its quick form, and that it can fail."""

from uuid import UUID

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from bench import __main__ as benches
from bench.freshness import SETTLED_S, History, Played, Searcher
from services.market.market import Market
from tests.bench.test_walls import bars, quick
from tests.services.scene import Scene
from tests.world import ROADS, World

NEVER = float("inf")


@pytest.mark.bench
def test_no_search_misses_a_change() -> None:
    line = quick("freshness")

    found = bars(line)
    assert set(found) == {
        *("changes", "changes_missed", "suspended_seen", "restarts_noticed"),
        "worker_peak_mb",
    }
    assert all(bar["met"] for bar in found.values()), line["figures"]
    assert line["figures"]["searches"] >= 10
    assert line["figures"]["rows"] == 2_000


def test_make_bench_plays_it() -> None:
    assert "bench.freshness" in {argv[0] for argv in benches.benches(True)}


class TestWhatASearchMayFind:
    history = History([1, 2, None], [-NEVER, 10.0, 20.0])

    @pytest.mark.parametrize(
        ("began", "allowed"),
        [
            (9.0, [1, 2, None]),
            (10.0 + SETTLED_S / 2, [1, 2, None]),
            (10.1 + SETTLED_S, [2, None]),
            (20.1 + SETTLED_S, [None]),
        ],
    )
    def test_is_the_last_settled_change_or_a_later_one(self, began, allowed) -> None:
        assert self.history.allowed(began) == allowed

    def test_counts_a_change_until_it_is_committed(self) -> None:
        history = History([1, 2], [-NEVER, NEVER])

        assert history.allowed(1e9) == [1, 2]


class TestSearcher:
    def test_counts_a_load_that_is_missing_or_has_another_price(
        self, committed: World
    ) -> None:
        scene = Scene(committed)
        right = scene.load(price_cents=5)
        wrong = scene.load(price_cents=6)

        played = Played()
        Searcher(
            Market(ROADS), [_Followed({right: [5], wrong: [7], UUID(int=3): [8]})]
        ).search(played)

        assert (played.searches, played.missed) == (1, 2)

    def test_one_that_finds_no_database_is_no_miss(self) -> None:
        class Gone(Market):
            def refresh(self):
                raise OperationalError("", {}, Exception())

        played = Played()
        Searcher(Gone(ROADS), []).search(played)

        assert (played.searches, played.failed, played.missed) == (0, 1, 0)


class _Followed:
    def __init__(self, prices: dict[UUID, list[int | None]]) -> None:
        self.histories = {
            load_id: History([None, *each], [-NEVER, *np.zeros(len(each))])
            for load_id, each in prices.items()
        }
