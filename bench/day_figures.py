"""The figures of a played day, and the bars they must reach."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from bench.arrivals import Driver
from bench.board import BoardLoad, Trip
from bench.day import Day, Phones, searched_after_ms
from bench.day_answers import Answers, answers
from bench.matching import most_gain_usd
from bench.reference_records import WayOf
from bench.report import Bar, percentiles

METRES_PER_MILE = 1609.344
GAIN_TO_REACH = 0.9
"""The share of the best matching's gain, with all loads posted before the drops."""

ONLINE_GAIN_TO_REACH = 0.7
MOST_RINGS = 6
SHARE_TO_REACH = 0.36


OF_OPTIMUM = "gain_share_of_optimum"


@dataclass(frozen=True)
class Rules:
    """How far a pickup may be from the drop, and how long a detour may be."""

    radius_mi: float
    max_detour_mi: float


@dataclass(frozen=True)
class Played:
    """The day, its drivers, and how long the set-up and the play took.

    is_all_posted: all loads were posted before the first drop; if False, loads and
        drops came in time order.
    """

    is_all_posted: bool
    day: Day
    phones: Phones
    drivers: Sequence[Driver]
    setup_s: float
    play_s: float


def figures_of(
    loads: Sequence[BoardLoad],
    trips: Sequence[Trip],
    played: Played,
    rules: Rules,
    way: WayOf,
) -> dict[str, Any]:
    """Return the figures of the day; each name says its unit.

    way: on the roads that the server uses.
    """
    found = answers(trips, loads, way, **asdict(rules))
    as_posted = answers(trips, loads, way, **asdict(rules), has_posted_mileage=True)
    with_ranked = sum(bool(driver.ranked) for driver in played.drivers)
    return {
        "loads": len(loads),
        "trucks": len(trips),
        "trucks_with_ranked": with_ranked,
        "share_with_ranked": round(with_ranked / len(trips), 4),
        "share_reference": round(found.share, 4),
        "share_reference_posted_mileage": round(as_posted.share, 4),
        **_pairs(loads, played, found, as_posted),
        **_money(played, found),
        **_best(played, found),
        **_latencies(played),
        **_mileage(played.day),
        "setup_s": round(played.setup_s, 1),
        "play_s": round(played.play_s, 1),
    }


def reference_shares(
    loads: Sequence[BoardLoad],
    others: Iterable[Sequence[Trip]],
    rules: Rules,
    way: WayOf,
) -> dict[str, float]:
    """Return least, mean and most of the share over other random homes.

    By the reference alone; the server is not asked.
    """
    shares = [answers(trips, loads, way, **asdict(rules)).share for trips in others]
    return {
        "share_reference_other_seeds_min": round(min(shares), 4),
        "share_reference_other_seeds_mean": round(mean(shares), 4),
        "share_reference_other_seeds_max": round(max(shares), 4),
    }


def bars_of(
    figures: Mapping[str, Any], *, is_all_posted: bool, is_whole: bool
) -> list[Bar]:
    """Return the bars.

    The share of trucks is a bar only if all loads were posted before the first drop,
    and the rings of a phone only if they were not.

    is_whole: with all trucks of the day. In time order the gain is a bar only then: few
        trucks could all have waited for their best load of the day.
    """
    share, differ, gain = "share_with_ranked", "pairs_that_differ", OF_OPTIMUM
    agrees = Bar(differ, 0, figures[differ], is_ceiling=True)
    if is_all_posted:
        least = Bar(share, SHARE_TO_REACH, figures[share])
        return [least, agrees, Bar(gain, GAIN_TO_REACH, figures[gain] or 0.0)]
    most_rings = Bar("rings_most", MOST_RINGS, figures["rings_most"], is_ceiling=True)
    reached = Bar(gain, ONLINE_GAIN_TO_REACH, figures[gain] or 0.0)
    return [agrees, *([reached] if is_whole else []), most_rings]


def _pairs(
    loads: Sequence[BoardLoad], played: Played, found: Answers, as_posted: Answers
) -> dict[str, int]:
    """Compare what each search ranked with the reference, load by load."""
    day, ranked_count, differ, posted_only, estimated_only = played.day, 0, 0, 0, 0
    for row, driver in enumerate(played.drivers):
        market = day.on_market[row]
        expected = _worth(loads, found, row) & market
        posted = _worth(loads, as_posted, row) & market
        ranked = {day.posted[load_id].seq for load_id in driver.ranked}
        ranked_count += len(ranked)
        differ += len(ranked ^ expected)
        estimated_only += len(expected - posted)
        posted_only += len(posted - expected)
    return {
        "pairs_ranked": ranked_count,
        "pairs_that_differ": differ,
        "pairs_only_by_posted_mileage": posted_only,
        "pairs_only_by_estimated_mileage": estimated_only,
    }


def _worth(loads: Sequence[BoardLoad], found: Answers, row: int) -> set[int]:
    return {loads[column].seq for column in found.worth(row)}


def _money(played: Played, found: Answers) -> dict[str, Any]:
    won = [driver.won for driver in played.drivers if driver.won is not None]
    before_mi = sum(found.baseline_mi)
    saved_m = sum(
        offer["figures"]["empty_before_m"] - offer["figures"]["empty_after_m"]
        for offer in won
    )
    return {
        "offers": sum(len(driver.offers) for driver in played.drivers),
        "trucks_with_offer": sum(bool(driver.offers) for driver in played.drivers),
        "matched": len(won),
        "matched_at_drop": sum(_is_of_drop(driver) for driver in played.drivers),
        "lost_races": played.day.lost_races,
        "gain_usd": round(_gain_usd(played.drivers), 2),
        "gain_usd_at_drop": round(_gain_usd(filter(_is_of_drop, played.drivers)), 2),
        "rings_most": max(played.day.rings.values(), default=0),
        "rings_mean": round(sum(played.day.rings.values()) / len(played.drivers), 2),
        "empty_mi_before": round(before_mi),
        "empty_mi_after": round(before_mi - saved_m / METRES_PER_MILE),
    }


def _best(played: Played, found: Answers) -> dict[str, float | None]:
    """Compare the gain with that of the best matching of all trips and loads."""
    most_usd = most_gain_usd(found.gains)
    share = round(_gain_usd(played.drivers) / most_usd, 4) if most_usd else None
    return {"optimum_usd": round(most_usd, 2), OF_OPTIMUM: share}


def _is_of_drop(driver: Driver) -> bool:
    """Say whether the driver won a load that the search of their drop offered."""
    return driver.won is not None and driver.won["search_id"] == driver.search["id"]


def _gain_usd(drivers: Iterable[Driver]) -> float:
    won = [driver.won for driver in drivers if driver.won is not None]
    return float(sum(offer["score_cents"] for offer in won) / 100)


def _latencies(played: Played) -> dict[str, float | None]:
    drivers, rang_at = played.drivers, played.phones.offers_at
    pushed = [driver for driver in drivers if driver.search["outcome"] == "offered"]
    return {
        **percentiles("completion_answer_ms", [d.answer_ms for d in drivers]),
        **percentiles(
            "completion_to_search_begun_ms", [searched_after_ms(d)[0] for d in drivers]
        ),
        **percentiles(
            "completion_to_search_recorded_ms",
            [searched_after_ms(d)[1] for d in drivers],
        ),
        **percentiles(
            "completion_to_push_ms",
            [(rang_at[d.target] - d.completed_at) * 1000 for d in pushed],
        ),
        **percentiles("search_ms", [d.search["timings"]["search_ms"] for d in drivers]),
    }


def _mileage(day: Day) -> Mapping[str, float]:
    """Compare the board's own mileage with the server's estimates."""
    pairs = [
        (day.estimated_m[load_id] / METRES_PER_MILE, load.posted_mi)
        for load_id, load in day.posted.items()
        if load.posted_mi > 0
    ]
    errors = [abs(estimated - posted) / posted for estimated, posted in pairs]
    differences = [estimated - posted for estimated, posted in pairs]
    return {
        "estimated_less_posted_mi_mean": round(sum(differences) / len(pairs), 2),
        "estimate_error_share_mean": round(sum(errors) / len(pairs), 4),
    }
