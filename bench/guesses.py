"""Whether the time of a 404 shows that a row exists: ids of foreign rows against ids of
no row."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from bench.client import Answer, Refused
from bench.crowd import Crowd, Person, ids_by_owner
from bench.report import Bar
from bench.rights import foreign
from freight.roles import Role

WARM_UP = 20
MOST_DIFFERENCE = 0.05
"""A share of the median. Less is far below the noise of any network."""

LEAST_P = 0.01
Times = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Route:
    """A request that names a row of `table`, by a member of `role`. `path` has `{}`
    where the id goes."""

    method: str
    path: str
    table: str
    role: Role
    body: dict[str, Any] | None = None

    def ask(self, person: Person, guess: UUID) -> Answer:
        return person.client.call(self.method, self.path.format(guess), self.body)


ROUTES = (
    Route("GET", "/v1/trucks/{}", "trucks", Role.DISPATCHER),
    Route("GET", "/v1/drivers/{}", "drivers", Role.DISPATCHER),
    Route("GET", "/v1/areas/{}", "areas", Role.DISPATCHER),
    Route("GET", "/v1/loads/{}", "loads", Role.DISPATCHER),
    Route("GET", "/v1/offers/{}", "offers", Role.DISPATCHER),
    Route("GET", "/v1/assignments/{}", "assignments", Role.DISPATCHER),
    Route("GET", "/v1/backhaul-searches/{}", "backhaul_searches", Role.DISPATCHER),
    Route("PUT", "/v1/offers/{}/acceptance", "offers", Role.DRIVER),
    Route("PUT", "/v1/loads/{}/posting", "loads", Role.BROKER),
    Route(
        "PUT",
        "/v1/stops/{}/completion",
        "stops",
        Role.DRIVER,
        {"occurred_at": "2026-01-01T00:00:00Z"},
    ),
    Route("DELETE", "/v1/invitations/{}", "invitations", Role.ADMIN),
)
"""The routes that look up one id. A PUT that makes a row with the client's id is not
here, as it must tell the client that the id is in use."""


def spare_ids(number: int) -> list[UUID]:
    """Return ids that no row has.

    Made just before or after the crowd, they are close to the crowd's ids in an index,
    so that their place in it does not change the time of a look-up.
    """
    return [uuid7() for _ in range(number)]


def compare(
    crowd: Crowd, spares: Sequence[UUID], *, pairs: int, seed: int
) -> tuple[dict[str, Any], list[Bar]]:
    """Ask each route for foreign and missing ids in random order; return figures, bars.

    The times of a route are divided by its median, so that the times of all routes can
    be compared together.
    """
    rng = Random(seed)
    ids = ids_by_owner(crowd.database_url)
    differ, by_route, least_p = 0, {}, 1.0
    foreign_ones: list[float] = []
    missing_ones: list[float] = []
    for route in ROUTES:
        person = next(member for member in crowd.people if member.may_be(route.role))
        strange = _strange(crowd, person, ids[route.table])
        times, wrong = _guess(route, person, strange, spares, pairs=pairs, rng=rng)
        differ += wrong
        middle = median(times[0] + times[1])
        foreign_ones += [ms / middle for ms in times[0]]
        missing_ones += [ms / middle for ms in times[1]]
        p = rank_test(*times)
        least_p = min(least_p, p)
        by_route[f"{route.method} {route.path}"] = {
            "difference": round(_difference(times), 4),
            "p": round(p, 4),
        }
    difference, p = (
        _difference((foreign_ones, missing_ones)),
        rank_test(foreign_ones, missing_ones),
    )
    figures = {
        "guesses_of_each_kind": len(foreign_ones),
        "by_route": by_route,
        "median_difference": round(difference, 4),
        "rank_test_p": round(p, 4),
    }
    bars = [
        Bar("refusals_that_differ", 0, differ, is_ceiling=True),
        Bar(
            "median_difference",
            MOST_DIFFERENCE,
            round(abs(difference), 4),
            is_ceiling=True,
        ),
        Bar("rank_test_p", LEAST_P, round(p, 4)),
        # Bonferroni: the least of many p-values is small by chance alone.
        Bar("worst_route_p", LEAST_P, round(min(1.0, least_p * len(ROUTES)), 4)),
    ]
    return figures, bars


def _strange(
    crowd: Crowd, person: Person, by_owner: Mapping[UUID, Sequence[UUID]]
) -> list[UUID]:
    """Return the ids that this person has no right to see."""
    others = [row_id for found in by_owner.values() for row_id in found]
    with psycopg.connect(crowd.database_url) as connection:
        return [leak.id for leak in foreign(connection, person.org_id, others)]


def _guess(
    route: Route,
    person: Person,
    strange: Sequence[UUID],
    spares: Sequence[UUID],
    *,
    pairs: int,
    rng: Random,
) -> tuple[Times, int]:
    """Return the times of foreign and of missing ids, ms, and how many answers differ
    from the first one.

    Raises: Refused if a guess is answered otherwise than 404.
    """
    plan = [(0, rng.choice(strange)) for _ in range(pairs)]
    plan += [(1, spares[number % len(spares)]) for number in range(pairs)]
    rng.shuffle(plan)
    times: Times = ([], [])
    said: list[dict[str, Any]] = []
    for _, guess in plan[:WARM_UP]:
        route.ask(person, guess)
    for kind, guess in plan:
        started = time.perf_counter()
        answer = route.ask(person, guess)
        times[kind].append((time.perf_counter() - started) * 1000)
        if answer.status != 404:
            raise Refused(f"{route}: {answer.status} {answer.body}")
        said.append(_without(answer, guess))
    return times, sum(each != said[0] for each in said)


def _without(answer: Answer, guess: UUID) -> dict[str, Any]:
    """Return an answer's body without its trace id and the id that was asked for."""
    text = answer.text.decode().replace(str(guess), "...")
    return {k: v for k, v in json.loads(text).items() if k != "trace_id"}


def _difference(times: Times) -> float:
    """Return how much longer foreign ids take, as a share of the median."""
    foreign_ones, missing_ones = times
    middle = median(foreign_ones + missing_ones)
    return (median(foreign_ones) - median(missing_ones)) / middle


def rank_test(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the p-value, two-sided: the chance of ranks at least as uneven as these if
    both come from one distribution. Equal values share their ranks.

    Source: H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947),
    with the normal distribution: for more than 20 values of each.
    """
    ordered = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    rank_sum, place, ties = 0.0, 0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        shared = (place + 1 + end) / 2
        rank_sum += shared * sum(kind == 0 for _, kind in ordered[place:end])
        ties += (end - place) ** 3 - (end - place)
        place = end
    n, m = len(one), len(other)
    spread = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if spread == 0:
        return 1.0
    z = (rank_sum - n * (n + 1) / 2 - n * m / 2) / sqrt(spread)
    return erfc(abs(z) / sqrt(2))
