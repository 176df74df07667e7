"""The database is restarted again and again under load: `python -m bench.restart`."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from threading import Event
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from bench.crowd import Crowd, Person
from bench.drops import Drop, Tally, complete, insist, make_drops
from bench.patience import PATIENCE_S
from bench.queue import MINUTE_S, time_passes, until_idle
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.supervising import supervised
from local import server
from models.people.organisations import OrganisationKind

PHONES = 4
"""Phones that report positions."""

HANDS = 3
"""Clients that complete drops; as many accept offers."""

PAUSE_S = 0.5
ANY_JOB: LiteralString = """
    select exists(select from backhaul_searches where created_at > %s)
"""
SEARCHED: LiteralString = """
    select exists(select from backhaul_searches where stop_id = %s)
"""
SETTINGS = {"OFFERS_PER_LOAD": "1000", "ACCEPT_POSITION_MAX_AGE_S": "0"}


@dataclass(frozen=True)
class Size:
    """How much is played, how many restarts, and the pause before each.

    longest_back_s: from a restart until web and worker must work again. A quick form
        runs beside other work and may take longer.
    """

    restarts: int
    between_s: float
    drops: int
    accepts: int
    longest_back_s: float


FULL = Size(restarts=10, between_s=6.0, drops=700, accepts=700, longest_back_s=30.0)
QUICK = Size(restarts=2, between_s=0.5, drops=40, accepts=40, longest_back_s=300.0)


@dataclass
class Acknowledged:
    """The ids of the writes that the server answered with success."""

    fixes: set[UUID] = field(default_factory=set)
    stops: set[UUID] = field(default_factory=set)
    offers: set[UUID] = field(default_factory=set)


@dataclass(frozen=True)
class Load:
    """What the phones have to do while the database is restarted.

    canaries: drops, one of which is completed after each restart.
    """

    phones: list[Person]
    drops: list[Drop]
    canaries: list[Drop]
    accepts: list[tuple[Person, UUID]]


def make_load(crowd: Crowd, size: Size) -> Load:
    """Make the drivers who report positions, complete drops and accept offers."""
    broker = crowd.company(OrganisationKind.BROKER)
    accepts = []
    carrier = crowd.company(OrganisationKind.CARRIER, drivers=size.accepts + PHONES)
    *takers, _, _, _, _ = carrier.drivers
    for person in takers:
        assert person.driver is not None
        search = crowd.carried(broker.desk, person.driver)
        # Its own, so that no search of the drops finds it.
        load, _ = crowd.load(carrier.desk, visibility="private")
        accepts.append((person, crowd.offer(search, load, 1)["id"]))
    drops = make_drops(crowd, size.drops + size.restarts, loads=30)
    phones = carrier.drivers[-PHONES:]
    return Load(phones, drops[size.restarts :], drops[: size.restarts], accepts)


def report(
    person: Person, tally: Tally, kept: Acknowledged, stopping: Event
) -> Iterator[None]:
    """Send one fix after the other, each until it is answered."""
    while not stopping.is_set():
        fix_id = uuid7()
        fix = {"fix_id": str(fix_id), "fixed_at": datetime.now(UTC).isoformat()}
        body = {"fixes": [fix | {"lat": 40.7, "lon": -74.0}]}
        answer = insist(person.client, tally, "POST", "/v1/positions", body)
        if answer.status == 200 and answer["results"][0]["status"] != "rejected":
            kept.fixes.add(fix_id)
        yield


def drop_all(
    drops: Sequence[Drop], tally: Tally, kept: Acknowledged, stopping: Event
) -> Iterator[None]:
    """Complete one drop after the other, each until it is answered."""
    for drop in drops:
        if stopping.is_set():
            return
        if complete(drop, tally).status == 200:
            kept.stops.add(drop.stop_id)
        yield


def accept_all(
    accepts: Sequence[tuple[Person, UUID]],
    tally: Tally,
    kept: Acknowledged,
    stopping: Event,
) -> Iterator[None]:
    """Accept one offer after the other, each until it is answered."""
    for person, offer_id in accepts:
        if stopping.is_set():
            return
        path = f"/v1/offers/{offer_id}/acceptance"
        if insist(person.client, tally, "PUT", path).status == 200:
            kept.offers.add(offer_id)
        yield


def play(
    rig: Rig, size: Size, seed: int, restart: Callable[[], None]
) -> tuple[dict[str, Any], list[Bar]]:
    """Restart the database under load; return figures and bars."""
    load = make_load(Crowd(rig, seed), size)
    url = rig.env["DATABASE_URL"]
    tally, kept, stopping = Tally(), Acknowledged(), Event()
    shared = (tally, kept, stopping)
    shifts = [
        *(report(phone, *shared) for phone in load.phones),
        *(drop_all(load.drops[n::HANDS], *shared) for n in range(HANDS)),
        *(accept_all(load.accepts[n::HANDS], *shared) for n in range(HANDS)),
    ]
    backs = []
    with supervised(rig.processes), ThreadPoolExecutor(len(shifts)) as pool:
        working = [pool.submit(_work, shift) for shift in shifts]
        try:
            for canary in load.canaries:
                time.sleep(size.between_s)
                backs.append(_restart(rig, canary, restart))
                kept.stops.add(canary.stop_id)
                say(f"{len(backs)} of {size.restarts} restarts: {backs[-1]}")
        finally:
            stopping.set()
        for each in working:
            each.result()
        is_quick = size is QUICK
        until_idle(url, hurry=partial(time_passes, url, MINUTE_S) if is_quick else None)
    lost = _lost(url, kept)
    figures = {
        "acknowledged_fixes": len(kept.fixes),
        "acknowledged_drops": len(kept.stops),
        "acknowledged_accepts": len(kept.offers),
        **{f"lost_{name}": number for name, number in lost.items()},
        "answers": dict(sorted(tally.seen.items())),
        "web_back_s": [back["web_s"] for back in backs],
        "worker_back_s": [back["worker_s"] for back in backs],
        "next_drop_searched_s": [back["searched_s"] for back in backs],
    }
    longest = max(max(back["web_s"], back["worker_s"]) for back in backs)
    bars = [
        Bar("acknowledged_writes_lost", 0, sum(lost.values()), is_ceiling=True),
        Bar("back_s", size.longest_back_s, longest, is_ceiling=True),
        Bar("answers_500", 0, tally.seen["500"], is_ceiling=True),
        Bar("restarts", size.restarts, len(backs)),
    ]
    return figures, bars


def _work(shift: Iterator[None]) -> None:
    for _ in shift:
        time.sleep(PAUSE_S)


def _restart(rig: Rig, canary: Drop, restart: Callable[[], None]) -> dict[str, float]:
    """Restart the database; return the seconds until web and worker work again.

    web_s: until a drop was completed over HTTP.
    worker_s: until any search was recorded.
    searched_s: until that drop was searched, after the searches that waited before it.
    All count from the start of the restart.
    """
    started = time.monotonic()
    restart()
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        since = connection.execute("select clock_timestamp()").fetchone()
        if complete(canary, Tally()).status != 200:
            raise TimeoutError("the canary was refused")
        web_s = time.monotonic() - started
        worker_s = _until(connection, ANY_JOB, since, started)
        searched_s = _until(connection, SEARCHED, [canary.stop_id], started)
    took = {"web_s": web_s, "worker_s": worker_s, "searched_s": searched_s}
    return {name: round(seconds, 1) for name, seconds in took.items()}


def _until(
    connection: psycopg.Connection,
    query: LiteralString,
    about: Sequence[Any] | None,
    started: float,
) -> float:
    while connection.execute(query, about).fetchone() == (False,):
        if time.monotonic() - started > PATIENCE_S:
            raise TimeoutError("no worker did a search after the restart")
        time.sleep(0.05)
    return time.monotonic() - started


def _lost(url: str, kept: Acknowledged) -> dict[str, int]:
    found = {
        "fixes": (kept.fixes, "select fix_id from positions"),
        "drops": (kept.stops, "select stop_id from backhaul_searches"),
        "accepts": (
            kept.offers,
            "select o.id from offers o join assignments a on a.offer_id = o.id"
            " where o.status = 'accepted' and a.status = 'active'",
        ),
    }
    with psycopg.connect(url) as connection:
        return {
            name: len(ids - {row[0] for row in connection.execute(query)})
            for name, (ids, query) in found.items()
        }


@contextmanager
def restartable() -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a PostgreSQL of our own; yield its address and a function that restarts it.

    The restart sends SIGQUIT to the postmaster, as `pg_ctl -m immediate` does: the
    server stops at once without a checkpoint, and the next start recovers.
    """
    folder = Path(mkdtemp(prefix="backhaul-restart-"))
    # The account that PostgreSQL runs under must reach the folder.
    folder.chmod(0o755)
    data = folder / "postgres"

    def restart() -> None:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        # `server` starts PostgreSQL if it does not run; the outer block keeps it.
        with server(data):
            pass

    try:
        with server(data) as url:
            yield url, restart
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `bench.running.run` for the exit code."""
    options = parser_of("restart", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with (
            restartable() as (url, restart),
            set_up(SETTINGS, server_url=url) as rig,
        ):
            figures, bars = play(rig, size, options.seed, restart)
            return line_of(rig, options, figures, bars)

    return run("restart", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
