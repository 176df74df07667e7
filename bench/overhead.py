"""The cost of row security: the same requests with it on and off:
`python -m bench.overhead`."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from bench.client import Client, Refused
from bench.crowd import Crowd, Person, make_market
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from market.rows import Record
from models.people.organisations import OrganisationKind

HANDS = 4
"""Connections that ask without a pause: two for each web worker."""

OFFERS_A_DRIVER = 3
LISTED = 50
LEAST_RATIO = 0.85
LONGEST_PAUSE_S = 0.2

FENCED: LiteralString = """
    select relname from pg_class where relrowsecurity
    and relnamespace = 'public'::regnamespace order by relname
"""

BACK: tuple[LiteralString, ...] = (
    "delete from assignments where offer_id is not null",
    "update offers set status = 'sent', responded_at = null, ended_at = null"
    " where id = any(%(offers)s)",
    "update loads set status = 'posted' where id = any(%(loads)s)",
    "update drivers set availability = 'available' where id = any(%(drivers)s)",
    "truncate procrastinate_jobs cascade",
    "delete from pushes",
)
"""Undoes a round of acceptances, so that the next round starts from the same rows."""


@dataclass(frozen=True)
class Size:
    """How much is played.

    companies: on the market, beside those that ask.
    rounds: of each kind.
    round_s, acceptances: the length of one round.
    """

    companies: int
    rounds: int
    round_s: float
    acceptances: int


FULL = Size(companies=40, rounds=7, round_s=3.0, acceptances=120)
QUICK = Size(companies=4, rounds=2, round_s=0.4, acceptances=8)


@dataclass
class Rates:
    """Requests per second of each round, and the client's use of CPU.

    fenced: with row security. open: without it.
    """

    fenced: list[float] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    client_s: float = 0.0
    wall_s: float = 0.0
    requests: int = 0

    def figures(self) -> dict[str, Any]:
        return {
            "per_s_fenced": round(median(self.fenced), 1),
            "per_s_open": round(median(self.open), 1),
            "ratio": self.ratio,
            "ratios_of_rounds": [
                round(a / b, 3) for a, b in zip(self.fenced, self.open, strict=True)
            ],
            "client_ms_a_request": round(self.client_s / self.requests * 1000, 2),
            "client_share_of_the_machine": round(
                self.client_s / self.wall_s / (os.cpu_count() or 1), 3
            ),
        }

    @property
    def ratio(self) -> float:
        return round(median(self.fenced) / median(self.open), 3)


@dataclass(frozen=True)
class Desk:
    """The people whose requests are measured: a driver with open offers, a dispatcher
    with a list of them, and drivers who each accept one."""

    driver: Person
    dispatcher: Person
    takers: list[tuple[Person, Record]]
    offers: list[Record]


@contextmanager
def unfenced(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Switch row security off in this database, and on again at the end.

    By table and not by `alter role ... bypassrls`, as a role is shared by all databases
    of the server. PostgreSQL plans cached statements anew.
    """
    tables = [row[0] for row in connection.execute(FENCED)]
    try:
        _alter(connection, tables, "disable")
        yield
    finally:
        _alter(connection, tables, "enable")


def _alter(
    connection: psycopg.Connection[Any], tables: Sequence[str], how: LiteralString
) -> None:
    with connection.transaction():
        for table in tables:
            connection.execute(
                sql.SQL("alter table {} {} row level security").format(
                    sql.Identifier(table), sql.SQL(how)
                )
            )


def furnish(crowd: Crowd, size: Size) -> Desk:
    """Make a market, and in it a company whose drivers have open offers."""
    make_market(crowd, size.companies)
    poster = crowd.company(OrganisationKind.SHIPPER).desk
    carrier = crowd.company(OrganisationKind.CARRIER, size.acceptances + 1)
    driver, *takers = carrier.drivers
    listed = -(-LISTED // len(takers))
    taken, offers = [], []
    for person in carrier.drivers:
        assert person.driver is not None
        search = crowd.carried(poster, person.driver)
        number = (
            max(OFFERS_A_DRIVER, listed) if person is not driver else OFFERS_A_DRIVER
        )
        made = [
            crowd.offer(search, crowd.load(poster)[0], rank)
            for rank in range(1, number + 1)
        ]
        offers += made
        if person is not driver:
            taken.append((person, made[0]))
    crowd.settle()
    return Desk(driver, carrier.desk, taken, offers)


def listing(client: Client, expected: int) -> Callable[[], None]:
    """Return a function that asks for a list of open offers.

    It raises Refused if the list does not have `expected` offers.
    """

    def ask() -> None:
        answer = client.need("GET", f"/v1/offers?is_open=true&limit={LISTED}")
        if len(answer["data"]) != expected:
            raise Refused(f"{len(answer['data'])} offers instead of {expected}")

    return ask


def lists(ask: Callable[[], None], seconds: float, rates: Rates) -> float:
    """Ask on all connections for `seconds`; return the requests per second."""

    def grab(_: int) -> int:
        done = 0
        # At least once, however busy the machine is.
        while not done or time.perf_counter() < until:
            ask()
            done += 1
        return done

    with ThreadPoolExecutor(HANDS) as pool:
        until = time.perf_counter() + LONGEST_PAUSE_S
        list(pool.map(grab, range(HANDS)))
        started, busy = time.perf_counter(), time.process_time()
        until = started + seconds
        done = sum(pool.map(grab, range(HANDS)))
        return _rate(rates, done, started, busy)


def acceptances(desk: Desk, rates: Rates) -> float:
    """Let every driver accept; return the acceptances per second."""

    def accept(taker: tuple[Person, Record]) -> None:
        person, offer = taker
        person.client.need("PUT", f"/v1/offers/{offer['id']}/acceptance")

    with ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(lambda _: desk.driver.client.call("GET", "/v1/me"), range(20)))
        started, busy = time.perf_counter(), time.process_time()
        list(pool.map(accept, desk.takers))
        return _rate(rates, len(desk.takers), started, busy)


def reset(desk: Desk, connection: psycopg.Connection[Any]) -> None:
    """Make every offer open again. Safe to repeat."""
    ids = {
        "offers": [offer["id"] for offer in desk.offers],
        "loads": [offer["load_id"] for offer in desk.offers],
        "drivers": [person.driver["id"] for person, _ in desk.takers if person.driver],
    }
    with connection.transaction():
        for statement in BACK:
            connection.execute(statement, ids if "%(" in statement else None)


def _rate(rates: Rates, done: int, started: float, busy: float) -> float:
    seconds = time.perf_counter() - started
    rates.client_s += time.process_time() - busy
    rates.wall_s += seconds
    rates.requests += done
    return done / seconds


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Play the rounds by turns, with row security and without; return figures, bars."""
    desk = furnish(Crowd(rig, seed), size)
    say("the market is made")
    three = listing(desk.driver.client, OFFERS_A_DRIVER)
    fifty = listing(desk.dispatcher.client, min(LISTED, len(desk.offers)))
    every = {"driver_offers": Rates(), "dispatcher_offers": Rates(), "accept": Rates()}
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:

        def once(name: str) -> float:
            rates = every[name]
            reset(desk, connection)
            if name == "accept":
                # First unmeasured: the switch made PostgreSQL forget its plans.
                acceptances(desk, Rates())
                reset(desk, connection)
                return acceptances(desk, rates)
            ask = three if name == "driver_offers" else fifty
            return lists(ask, size.round_s, rates)

        for number in range(size.rounds):
            for name, rates in every.items():
                # The order changes, so that neither is always measured second.
                for is_fenced in (True, False) if number % 2 else (False, True):
                    if is_fenced:
                        rates.fenced.append(once(name))
                    else:
                        with unfenced(connection):
                            rates.open.append(once(name))
            say(f"round {number + 1} of {size.rounds}")
    figures: dict[str, Any] = {name: rates.figures() for name, rates in every.items()}
    return figures, [
        Bar(f"ratio_{name}", LEAST_RATIO, rates.ratio) for name, rates in every.items()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the line; see `running.run`."""
    options = parser_of("overhead", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up({}, has_worker=False) as rig:
            figures, bars = play(rig, size, options.seed)
            return line_of(rig, options, figures, bars, hands=HANDS)

    return run("overhead", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
