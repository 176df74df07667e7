"""Compares our list of offers (in full, and answered 304) with a plain Flask list and
an empty route: `python -m bench.http`."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import Any

import psycopg

from bench.client import Client, Refused
from bench.crowd import Crowd
from bench.report import Bar, say
from bench.rig import HOST, WEB_WORKERS, Rig, free_port, set_up
from bench.running import Line, line_of, parser_of, run
from bench.spent import where_it_goes
from bench.usage import cpu_s, database_pids
from bench.wire import Wire
from local.processes import web_argv
from models.people.organisations import OrganisationKind
from runtime.config import UNLIMITED

HANDS = 8
"""Connections that ask without a pause: four for each web worker."""

OFFERS_A_DRIVER = 5
PATH = "/v1/offers?is_open=true"
NOTHING = "/v1/nothing"
LEAST_RATIO = 1.0
"""Our list to the plain one: walls and limits may not cost more than they must."""

LEAST_UNCHANGED_RATIO = 3.4
"""Our list, answered 304 because nothing has changed, to the plain one, which is always
answered in full. It is six times our list of before revision 0012, which made 0.52 and
0.56 of the requests of the plain one."""

WARM_UP_S = 0.3
"""Asked before each round, and not counted."""

FIRST_WARM_UP_S = 2.0
"""Before the first round, so that web has opened all its database connections."""

COUNTED = dict.fromkeys(UNLIMITED, "1000000")
"""Limits that count each request as in production but are too high to refuse one."""


@dataclass(frozen=True)
class Size:
    """Rounds of each kind, seconds of one, seconds of the profile."""

    rounds: int
    round_s: float
    profile_s: float


FULL = Size(rounds=7, round_s=3.0, profile_s=20.0)
QUICK = Size(rounds=2, round_s=0.4, profile_s=2.0)


@dataclass
class Server:
    """A server that answers `path`, and what its answers cost.

    clients: one for each connection.
    tags: what each of them has already, if they poll.
    per_s: requests per second, of each round.
    bytes: length of an answer's body.
    web_s, database_s, client_s: seconds of CPU, web with its workers.
    """

    pid: int
    clients: Sequence[Client]
    path: str = PATH
    tags: Sequence[str] = ()
    per_s: list[float] = field(default_factory=list)
    bytes: int = 0
    requests: int = 0
    wall_s: float = 0.0
    web_s: float = 0.0
    database_s: float = 0.0
    client_s: float = 0.0

    def figures(self) -> dict[str, Any]:
        def ms(seconds: float) -> float:
            return round(seconds / self.requests * 1000, 3)

        return {
            "bytes": self.bytes,
            "per_s": round(median(self.per_s), 1),
            "per_s_of_rounds": [round(rate, 1) for rate in self.per_s],
            "cpu_ms_web": ms(self.web_s),
            "cpu_ms_database": ms(self.database_s),
            "cpu_ms_client": ms(self.client_s),
            "client_share_of_the_machine": round(
                self.client_s / self.wall_s / (os.cpu_count() or 1), 3
            ),
        }

    @property
    def cpu_ms(self) -> float:
        return (self.web_s + self.database_s) / self.requests * 1000


def furnish(crowd: Crowd) -> list[Client]:
    """Return a driver with open offers for each hand."""
    poster = crowd.company(OrganisationKind.SHIPPER).desk
    people = crowd.company(OrganisationKind.CARRIER, HANDS).drivers
    for person in people:
        assert person.driver is not None
        search = crowd.carried(poster, person.driver)
        for rank in range(1, OFFERS_A_DRIVER + 1):
            crowd.offer(search, crowd.load(poster)[0], rank)
    crowd.settle()
    return [person.client for person in people]


def servers(rig: Rig) -> Mapping[str, Server]:
    """Start the compared servers; return five ways of asking them.

    offers: our list, with limits too high to refuse a request.
    unchanged: the same, answered 304.
    offers_without_limits: our list with no limits.
    plain: the plain list.
    empty: the route that does nothing.

    Raises: Refused if a list does not have OFFERS_A_DRIVER offers, or the two differ.
    """
    drivers = furnish(Crowd(rig))
    for driver in drivers:
        if (listed := len(driver.need("GET", PATH)["data"])) != OFFERS_A_DRIVER:
            raise Refused(f"{listed} offers instead of {OFFERS_A_DRIVER}")
    unlimited = _start(rig, "unlimited", dict(rig.env) | UNLIMITED)
    plain = _start(rig, "plain", dict(rig.env), "bench.plain")
    empty = _start(rig, "empty", {}, "bench.empty", ready=NOTHING)
    plain_clients = [replace(driver, url=plain) for driver in drivers]
    _check_equal(drivers[0], plain_clients[0])
    pids = {name: process.pid for name, process in rig.processes.running.items()}
    return {
        "offers": Server(pids["web"], drivers),
        "unchanged": Server(pids["web"], drivers, tags=_tags(drivers)),
        "offers_without_limits": Server(
            pids["unlimited"], [replace(driver, url=unlimited) for driver in drivers]
        ),
        "plain": Server(pids["plain"], plain_clients),
        "empty": Server(pids["empty"], [Client(empty)] * HANDS, NOTHING),
    }


def _start(
    rig: Rig,
    name: str,
    env: Mapping[str, str],
    module: str | None = None,
    *,
    ready: str = "/readyz",
) -> str:
    """Start a server; return its address when it answers `ready`.

    module: serves another application than ours, by the same command.
    """
    port = free_port()
    argv = web_argv(HOST, port, WEB_WORKERS)
    if module is not None:
        python, _, *options = argv
        argv = [python, "-m", module, *options]
    rig.processes.start(name, argv, env)
    address = f"http://{HOST}:{port}"
    rig.processes.wait_for(address + ready)
    return address


def _tags(drivers: Sequence[Client]) -> list[str]:
    return [driver.need("GET", PATH).tag for driver in drivers]


def _check_equal(ours: Client, plain: Client) -> None:
    """Raise Refused if the two lists differ."""
    if ours.need("GET", PATH).body != plain.need("GET", PATH).body:
        raise Refused("The plain list is not ours.")


def play_round(
    server: Server, seconds: float, connection: psycopg.Connection[Any]
) -> None:
    """Ask on all connections without a pause for `seconds`; note what it cost."""
    warm_up_s = WARM_UP_S if server.per_s else FIRST_WARM_UP_S

    def grab(client: Client, tag: str) -> int:
        done = 0
        with Wire(client, server.path, tag) as wire:
            while time.perf_counter() < begun:
                server.bytes = wire.ask()
            # At least once, however busy the machine is.
            while not done or time.perf_counter() < begun + seconds:
                server.bytes = wire.ask()
                done += 1
        return done

    begun = time.perf_counter() + warm_up_s
    with ThreadPoolExecutor(HANDS) as pool:
        tags = server.tags or [""] * len(server.clients)
        hands = list(map(partial(pool.submit, grab), server.clients, tags))
        time.sleep(warm_up_s)
        backends = database_pids(connection)
        web_s, database_s = cpu_s(server.pid), cpu_s(*backends)
        client_s = time.process_time()
        done = sum(hand.result() for hand in hands)
        wall_s = time.perf_counter() - begun
    server.per_s.append(done / wall_s)
    server.requests += done
    server.wall_s += wall_s
    server.web_s += cpu_s(server.pid) - web_s
    server.database_s += cpu_s(*backends) - database_s
    server.client_s += time.process_time() - client_s


def play(
    rig: Rig, size: Size, *, is_profiled: bool = False
) -> tuple[dict[str, Any], list[Bar]]:
    """Play the rounds of all servers by turns; return figures and bars."""
    every = servers(rig)
    measured = list(every.values())
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        for number in range(size.rounds):
            # The order changes, so that no server is always measured after the same.
            for server in measured if number % 2 else reversed(measured):
                play_round(server, size.round_s, connection)
            say(f"round {number + 1} of {size.rounds}")
    plain = every["plain"]
    figures: dict[str, Any] = {name: server.figures() for name, server in every.items()}
    for name, server in every.items():
        if server is not plain:
            figures[f"{name}_to_plain"] = _ratio(server, plain)
            figures[f"{name}_to_plain_by_cpu"] = ratio_by_cpu(server, plain)
    if is_profiled:
        driver = every["offers"].clients[0]
        figures["spent"] = where_it_goes(rig, driver, PATH, size.profile_s)
    return figures, [
        Bar("offers_to_plain", LEAST_RATIO, figures["offers_to_plain"]),
        Bar("unchanged_to_plain", LEAST_UNCHANGED_RATIO, figures["unchanged_to_plain"]),
    ]


def _ratio(server: Server, other: Server) -> float:
    return round(median(server.per_s) / median(other.per_s), 2)


def ratio_by_cpu(server: Server, other: Server) -> float | None:
    """Return how many answers of `server` cost the CPU of one of `other`.

    None: the CPU of `server` could not be seen. The system counts it in steps of 10 ms,
    and a short round on a busy machine may stay below one.
    """
    return round(other.cpu_ms / server.cpu_ms, 2) if server.cpu_ms else None


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    parser = parser_of("http", __doc__, has_seed=False)
    parser.add_argument(
        "--profile", action="store_true", help="say where the time goes, by py-spy"
    )
    options = parser.parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up(COUNTED, has_worker=False) as rig:
            figures, bars = play(rig, size, is_profiled=options.profile)
            return line_of(rig, options, figures, bars, hands=HANDS)

    return run("http", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
