"""Ten thousand drivers accept five hundred loads: `python -m bench.accept_race`."""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any, LiteralString

import psycopg

from bench.client import Answer, Client
from bench.crowd import Crowd
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.tapping import Tap, tapping
from market.rows import Record
from models.people.organisations import OrganisationKind

CONNECTIONS = 32
DRIVERS_A_LOAD = 20
DRIVERS_A_COMPANY = 50
MOST_P99_MS = 400.0
TAKEN = "410 offer-taken"
"""The documented answer to a driver who accepts too late."""

LOADS, LOADS_QUICK = 500, 8

WON: LiteralString = """
    select a.load_id, a.id, a.offer_id, a.driver_id from assignments a
    where a.status = 'active' and a.load_id = any(%s)
"""
OFFERS: LiteralString = """
    select o.load_id, l.status, array_agg(o.status order by o.status)
    from offers o join loads l on l.id = o.load_id
    where o.load_id = any(%s) group by o.load_id, l.status
"""


@dataclass(frozen=True)
class Try:
    """A driver and the one offer that the driver accepts."""

    driver: Client
    offer: Record


@dataclass(frozen=True)
class Heard:
    """The answer to an acceptance, and how long it took."""

    offer: Record
    answer: Answer
    ms: float

    @property
    def words(self) -> str:
        """The status, and the code of a refusal."""
        if self.answer.status == 200:
            return "200"
        code = (self.answer.body or {}).get("code", "without a code")
        return f"{self.answer.status} {code}"


def furnish(crowd: Crowd, loads: int) -> list[list[Try]]:
    """Return, for each of `loads` loads, the tries of the drivers it is offered to.

    Each driver has one offer only, as a driver who has won a load cannot win another.
    """
    poster = crowd.company(OrganisationKind.SHIPPER).desk
    companies = -(-loads * DRIVERS_A_LOAD // DRIVERS_A_COMPANY)
    # Taken by turns, so that the drivers of one load come from many companies.
    of_companies = [
        crowd.company(OrganisationKind.CARRIER, DRIVERS_A_COMPANY).drivers
        for _ in range(companies)
    ]
    people = (person for each in zip(*of_companies, strict=True) for person in each)
    races = []
    for _ in range(loads):
        load, _ = crowd.load(poster)
        tries = []
        for _ in range(DRIVERS_A_LOAD):
            person = next(people)
            assert person.driver is not None
            search = crowd.carried(poster, person.driver)
            tries.append(Try(person.client, crowd.offer(search, load, 1)))
        races.append(tries)
    crowd.settle()
    return races


def shuffled(races: Iterable[Sequence[Try]], seed: int) -> Iterator[Try]:
    """Yield the tries by loads in random order, all tries of one load together."""
    rng = Random(seed)
    in_turn = list(races)
    rng.shuffle(in_turn)
    for tries in in_turn:
        yield from rng.sample(tries, len(tries))


def accept(each: Try) -> Heard:
    """Accept the offer over HTTP."""
    started = time.perf_counter()
    answer = each.driver.call("PUT", f"/v1/offers/{each.offer['id']}/acceptance")
    return Heard(each.offer, answer, (time.perf_counter() - started) * 1000)


def wrong_loads(
    heard: Sequence[Heard], connection: psycopg.Connection[Any]
) -> dict[str, str]:
    """Return what is wrong with a load, by the load's id.

    A load is right if it is booked with one active assignment, one accepted offer and
    no open offer, and if one driver got a 200 that shows that assignment's row.
    """
    by_load: dict[Any, list[Heard]] = defaultdict(list)
    for each in heard:
        by_load[each.offer["load_id"]].append(each)
    ids = list(by_load)
    assigned = defaultdict(list)
    for load_id, *row in connection.execute(WON, [ids]):
        assigned[load_id].append(tuple(map(str, row)))
    offers = {row[0]: row[1:] for row in connection.execute(OFFERS, [ids])}
    wrong = {}
    for load_id, tries in by_load.items():
        told = [
            (each.answer["id"], each.answer["offer_id"], each.answer["driver_id"])
            for each in tries
            if each.answer.status == 200
        ]
        expected = ("booked", ["accepted"] + ["lost"] * (len(tries) - 1))
        if len(told) != 1 or told != assigned[load_id]:
            wrong[str(load_id)] = f"told {told}, assigned {assigned[load_id]}"
        elif offers[load_id] != expected:
            wrong[str(load_id)] = str(offers[load_id])
    return wrong


def play(rig: Rig, loads: int, seed: int) -> tuple[dict[str, object], list[Bar]]:
    """Let all drivers accept; return figures and bars."""
    races = furnish(Crowd(rig, seed), loads + 1)
    last = races.pop()
    say(f"{loads} loads are offered to {DRIVERS_A_LOAD} drivers each")
    # Warm-up: the first requests open the connections to the database.
    first = races[0][0].driver
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda _: first.call("GET", "/v1/me"), range(CONNECTIONS * 2)))
        started, busy = time.perf_counter(), time.process_time()
        heard = list(pool.map(accept, shuffled(races, seed)))
    seconds = time.perf_counter() - started
    busy = time.process_time() - busy
    with psycopg.connect(rig.env["DATABASE_URL"]) as connection:
        wrong = wrong_loads(heard, connection)
    for load_id, why in list(wrong.items())[:10]:
        say(f"load {load_id}: {why}")
    figures, bars = figures_and_bars(heard, wrong, seconds, busy)
    if rig.between is not None:
        figures["spent"] = asked_for(rig.between, last)
    return figures, bars


def asked_for(tap: Tap, race: Sequence[Try]) -> dict[str, Any]:
    """Return the round trips of winner and losers when they accept one by one."""
    spent: dict[str, Any] = {}
    for name, tries in (("winner", race[:1]), ("loser", race[1:])):
        tap.forget()
        for each in tries:
            accept(each)
        statements = tap.statements(len(tries))
        trips = sum(statement["round_trips"] for statement in statements)
        spent[name] = {"round_trips": round(trips, 2), "statements": statements}
    return spent


def figures_and_bars(
    heard: Sequence[Heard], wrong: dict[str, str], seconds: float, client_s: float
) -> tuple[dict[str, object], list[Bar]]:
    """Return the figures and bars that these answers give."""
    words = Counter(each.words for each in heard)
    ms = percentiles("ms", [each.ms for each in heard], (50, 95, 99))
    winners = [each.ms for each in heard if each.answer.status == 200]
    loads = len({each.offer["load_id"] for each in heard})
    figures: dict[str, object] = {
        "accepts": len(heard),
        "loads": loads,
        "answers": dict(sorted(words.items())),
        "accepts_per_s": round(len(heard) / seconds, 1),
        **ms,
        **percentiles("winners_ms", winners, (50, 99)),
        "client_cores": round(client_s / seconds, 2),
    }
    server_errors = sum(each.answer.status >= 500 for each in heard)
    others = len(heard) - words["200"] - words[TAKEN] - server_errors
    return figures, [
        Bar("winners", loads, words["200"]),
        Bar("wrong_loads", 0, len(wrong), is_ceiling=True),
        Bar("server_errors", 0, server_errors, is_ceiling=True),
        Bar("other_refusals", 0, others, is_ceiling=True),
        Bar("accept_ms_p99", MOST_P99_MS, ms["ms_p99"] or 0, is_ceiling=True),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    parser = parser_of("accept_race", __doc__)
    parser.add_argument("--loads", type=int, help=f"instead of {LOADS}")
    parser.add_argument(
        "--profile", action="store_true", help="count round trips to the database"
    )
    options = parser.parse_args(argv)
    between = tapping if options.profile else None
    loads = options.loads or (LOADS_QUICK if options.quick else LOADS)

    def play_on_rig() -> Line:
        with set_up({}, between=between) as rig:
            figures, bars = play(rig, loads, options.seed)
            params = {"loads": loads, "drivers_a_load": DRIVERS_A_LOAD}
            params["connections"] = CONNECTIONS
            return line_of(rig, options, figures, bars, **params)

    return run("accept_race", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
