"""Compares our search with a full scan and with an index of the pickups only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session as OrmSession

from bench.report import percentiles, say
from freight.bounds import Ceiling
from freight.costs import COST_CENTS_PER_KM, COST_CURRENCY
from freight.ranking import Ranking
from freight.situation import Situation
from geo.areas import SearchArea
from geo.corridors import corridor_home
from geo.fences import CircleFence
from market import fleet, headhaul
from runtime.db import Session
from services.loads.market import ON_THE_MARKET
from services.search import candidates
from services.search.candidates import COLUMN_NAMES, add_best, are_few
from services.search.run import KEPT, SearchRules

NOBODY_ORG = UUID(int=0)

OUR_INDEXES: LiteralString = """
    select indexdef from pg_indexes
    where indexname in ('ix_loads_two_ended', 'ix_loads_best')
"""
ONE_END: LiteralString = """
    drop index ix_loads_two_ended, ix_loads_best;
    create index bench_one_end on loads using gist (point(pickup_lon, pickup_lat))
    where status = 'posted'; analyze loads
"""
DELIVERY = """
    delivery_lat between :s2 and :n2 and delivery_lon between :w2 and :e2
"""
BY_ONE_END = text(
    f"""
    select {COLUMN_NAMES} from loads
    where point(pickup_lon, pickup_lat) <@ box(point(:w1, :s1), point(:e1, :n1))
    and {DELIVERY} and {ON_THE_MARKET}
    """
)
BY_FULL_SCAN = text(
    f"""
    select {COLUMN_NAMES} from loads
    where pickup_lat between :s1 and :n1 and pickup_lon between :w1 and :e1
    and {DELIVERY} and {ON_THE_MARKET}
    """
)
"""Compares plain numbers, so that no index is used."""

Find = Callable[[OrmSession, Ranking, SearchArea, Situation], None]


@dataclass(frozen=True)
class Compared:
    """The results of searching the same situations in three ways.

    differ: how many situations got different answers.
    speed_up: how many times faster than each naive way ours is, by the medians.
    """

    figures: dict[str, Any]
    differ: int
    speed_up: dict[str, float]


def compare(
    database_url: str, rules: SearchRules, situations: int, *, seed: int
) -> Compared:
    """Search the same situations in each way, and compare answers and times.

    One way after the other, with the indexes of the way before dropped, as the planner
    would use them. Afterwards our indexes are there again.
    """
    now = datetime.now(UTC)
    asked = list(_situations(situations, seed, now))
    took: dict[str, list[float]] = {}
    answers: dict[str, list[list[tuple[int, UUID]]]] = {}
    ways: list[tuple[str, Find, LiteralString]] = [
        ("ours", _ours(rules, now), "analyze loads"),
        ("one_end", _by(BY_ONE_END, now), ONE_END),
        ("full_scan", _by(BY_FULL_SCAN, now), "drop index bench_one_end"),
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        ours = connection.execute(OUR_INDEXES).fetchall()
        for name, find, before in ways:
            say(f"{name} ...")
            for statement in before.split(";"):
                connection.execute(statement)
            answers[name], took[name] = [], []
            for situation in asked:
                started = perf_counter()
                answers[name].append(_best(find, rules, situation))
                took[name].append((perf_counter() - started) * 1000)
        for (definition,) in ours:
            connection.execute(definition)
    differ = sum(
        any(each != of_one[0] for each in of_one)
        for of_one in zip(*answers.values(), strict=True)
    )
    found = sum(map(len, answers["ours"]))
    figures: dict[str, Any] = {"loads_found_mean": round(found / situations, 1)}
    for name, ms in took.items():
        figures |= percentiles(f"{name}_ms", ms)
    speed_up = {
        name: round(median(took[name]) / median(took["ours"]), 2)
        for name in ("full_scan", "one_end")
    }
    return Compared(figures, differ, speed_up)


def _situations(number: int, seed: int, now: datetime) -> Iterator[Situation]:
    for truck in fleet(number, seed=seed):
        yield Situation(
            *(headhaul(truck, seed, now).delivery, truck.home_point, now),
            *(COST_CURRENCY, COST_CENTS_PER_KM, COST_CENTS_PER_KM),
            *(truck.equipment, truck.payload_kg, truck.deck_length_m),
            truck.has_hazmat,
        )


def _best(
    find: Find, rules: SearchRules, situation: Situation
) -> list[tuple[int, UUID]]:
    """Return scores and ids of the best loads, with the first radius only."""
    parameters = replace(rules.parameters, radii_m=rules.parameters.radii_m[:1])
    road_m = rules.roads.distance_m(situation.drop, situation.home)
    area = SearchArea(
        CircleFence(situation.drop, parameters.radii_m[0]),
        corridor_home(situation.drop, situation.home, road_m, parameters.max_detour_m),
    )
    ranking = Ranking(situation, parameters, area, rules.roads)
    with Session() as session:
        find(session, ranking, area, situation)
    best = ranking.outcome().ranked[:KEPT]
    return [(ranked.score_cents, ranked.candidate.load_id) for ranked in best]


def _ours(rules: SearchRules, now: datetime) -> Find:
    def find(
        session: OrmSession, ranking: Ranking, area: SearchArea, situation: Situation
    ) -> None:
        asked = {"org_id": NOBODY_ORG, "now": now}
        if are_few(session, area, **asked):
            ranking.add(candidates.candidates_in(session, area, **asked))
        else:
            ceiling = Ceiling.of(situation, rules.parameters, rules.roads)
            given = (session, ranking, area, situation, ceiling)
            add_best(*given, **asked, kept=KEPT)

    return find


def _by(statement: Any, now: datetime) -> Find:  # noqa: ANN401 - SQL
    def find(
        session: OrmSession, ranking: Ranking, area: SearchArea, situation: Situation
    ) -> None:
        for values in candidates.box_values(area):
            asked = values | {"org_id": NOBODY_ORG, "now": now}
            ranking.add(map(candidates.candidate_of, session.execute(statement, asked)))

    return find
