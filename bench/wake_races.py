"""A load's posting and a driver's drop at the same time, in two processes that are
stopped before each of their commits."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from multiprocessing.connection import Connection
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from sqlalchemy import event
from sqlalchemy.orm import Session as OrmSession

from bench.crowd import CHICAGO, NEW_YORK, Crowd
from bench.day import NeverCame
from bench.patience import PATIENCE_S
from bench.report import say
from bench.rig import Rig
from edges.pushing import make_gateway
from edges.start import audit_key, connect
from freight.lifecycles import LoadStatus
from geo.roads import EstimatedRoads
from handlers.search import JOBS
from handlers.supplies import Supplies
from jobs import Job, make_app
from models.loads.loads import Load
from models.people.organisations import OrganisationKind
from runtime.config import Settings
from runtime.db import Hand, Session
from runtime.telemetry import start_logging
from services.loads import market
from services.market.market import Market
from services.search.run import SearchRules

GO_ON, COMMITS, ENDED, JOBS_LEFT = "go on", "commits", "ended", "jobs left"
POSTING, DROP = "posting", "drop"
"""The load is posted, and its drivers are looked for; the driver begins to wait, and is
searched for. Each has two transactions."""

ORDERS = tuple(
    tuple(POSTING if step in posting else DROP for step in range(6))
    for posting in combinations(range(6), 3)
)
"""All ways in which the two may run: three steps each, which end before a commit or at
the end."""

LOOK_S = 0.005
LEASE = timedelta(days=1)
WAKE, WOKEN = Job.SEARCH_WAKE.value.name, Job.SEARCH_WOKEN.value.name
HANDLERS = {job.value.name: handler for job, handler in JOBS.items()}
NEXT: LiteralString = """
    delete from procrastinate_jobs where id = (
        select id from procrastinate_jobs
        where task_name = any (%s) and coalesce(scheduled_at, now()) <= now()
        order by priority desc, id limit 1)
    returning task_name, args - 'trace_id'
"""
BLOCKED: LiteralString = """
    select count(*) from pg_stat_activity
    where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0
"""
HAS_OFFER: LiteralString = """
    select count(*) from offers where driver_id = %s and load_id = %s
"""
CLEAR: tuple[LiteralString, ...] = (
    "delete from waiting_drivers",
    "update loads set status = 'draft' where status = 'posted'",
    "delete from procrastinate_jobs",
)


@dataclass(frozen=True)
class Race:
    """A load that goes home from where a driver completes a drop."""

    load_id: UUID
    stop_id: UUID
    driver_id: UUID


def lost_of(rig: Rig, number: int, seed: int) -> int:
    """Play `number` races on a rig without a worker, each in one of ORDERS; return in
    how many the driver was not offered the load.

    Raises: NeverCame.
    """
    races = _furnish(Crowd(rig, seed), number)
    url = rig.env["DATABASE_URL"]
    lost = 0
    with _sides(rig.env) as sides, psycopg.connect(url, autocommit=True) as connection:
        for count, race in enumerate(races):
            for statement in CLEAR:
                connection.execute(statement)
            _play(connection, sides, race, ORDERS[count % len(ORDERS)])
            asked = (race.driver_id, race.load_id)
            (offers,) = connection.execute(HAS_OFFER, asked).fetchone() or (0,)
            lost += offers == 0
            if (count + 1) % 100 == 0:
                say(f"{count + 1} races, {lost} wake-ups lost")
    return lost


def _furnish(crowd: Crowd, number: int) -> list[Race]:
    """Write drivers who have completed their drop far from home, and drafts of loads
    that would take them there."""
    desk = crowd.company(OrganisationKind.SHIPPER).desk
    carrier = crowd.company(OrganisationKind.CARRIER).id
    races = []
    for _ in range(number):
        person = crowd.driver(carrier, at=NEW_YORK, has_area=False)
        assert person.driver is not None
        done, (_, drop) = crowd.load(
            desk,
            "delivered",
            stops=("departed", "completed"),
            ends=(CHICAGO, NEW_YORK),
        )
        crowd.assign(person.driver, done, status="completed")
        load, _ = crowd.load(desk, "draft")
        races.append(Race(load["id"], drop["id"], person.driver["id"]))
    crowd.settle()
    return races


@dataclass
class Side:
    """The process of one side, as the stage sees it.

    is_asked: it was told to go on, and has not said yet that it stands still.
    has_ended: its last job is done.
    """

    pipe: "Connection[Any, Any]"
    is_asked: bool = False
    has_ended: bool = True

    def begin(self, what: str, *arguments: object) -> None:
        self.pipe.send((what, *arguments))
        self.is_asked, self.has_ended = True, False

    def go_on(self) -> None:
        self.pipe.send(GO_ON)
        self.is_asked = True

    def stands_still(self) -> bool:
        """Say whether it waits before a commit, or is done."""
        if self.is_asked and self.pipe.poll(LOOK_S):
            self.has_ended = self.pipe.recv() == ENDED
            self.is_asked = False
        return not self.is_asked


@contextmanager
def _sides(env: Mapping[str, str]) -> Iterator[dict[str, Side]]:
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        sides = {}
        for name in (POSTING, DROP):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_side, args=(dict(env), theirs), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(ours.send, None)
            sides[name] = Side(ours)
        yield sides


def _play(
    connection: "psycopg.Connection[Any]",
    sides: Mapping[str, Side],
    race: Race,
    order: Sequence[str],
) -> None:
    """Let both sides go, step by step in this order; then do the jobs that are left.

    A side that waits for a lock of the other one gets its step when it has the lock.
    """
    begun: set[str] = set()
    steps = deque(order)
    deadline = time.monotonic() + PATIENCE_S
    while steps:
        name = steps.popleft()
        side = sides[name]
        if name not in begun:
            begun.add(name)
            side.begin(name, race)
        elif not side.stands_still():
            steps.append(name)
        elif not side.has_ended:
            side.go_on()
        while not side.stands_still() and not _is_blocked(connection):
            if time.monotonic() > deadline:
                raise NeverCame(f"the next step of the {name}")
    while not all(side.stands_still() and side.has_ended for side in sides.values()):
        for side in sides.values():
            if side.stands_still() and not side.has_ended:
                side.go_on()
    sides[POSTING].begin(JOBS_LEFT)
    while not sides[POSTING].stands_still():
        if time.monotonic() > deadline:
            raise NeverCame("the end of the jobs")


def _is_blocked(connection: "psycopg.Connection[Any]") -> bool:
    return connection.execute(BLOCKED).fetchone() != (0,)


def _side(env: Mapping[str, str], pipe: "Connection[Any, Any]") -> None:
    """Do what the stage says, as a worker would; stop before each commit."""
    supplies = _supplies(env)
    gate = Gate(pipe)
    event.listen(Session, "before_commit", gate)
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        while asked := pipe.recv():
            what, *arguments = asked
            gate.is_closed = what != JOBS_LEFT
            if what == POSTING:
                (race,) = arguments
                _post(race.load_id)
                _do_jobs(connection, supplies, [WAKE])
            elif what == DROP:
                (race,) = arguments
                ids = {"stop_id": str(race.stop_id), "driver_id": str(race.driver_id)}
                HANDLERS[Job.SEARCH_RUN.value.name](supplies, **ids)
            else:
                _do_jobs(connection, supplies, [WAKE, WOKEN])
            pipe.send(ENDED)


class Gate:
    """Stops before each commit until it is told to go on."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe
        self.is_closed = True

    def __call__(self, session: OrmSession) -> None:
        if self.is_closed and not session.in_nested_transaction():
            self._pipe.send(COMMITS)
            assert self._pipe.recv() == GO_ON


def _post(load_id: UUID) -> None:
    now = datetime.now(UTC)
    with Session.begin() as session:
        load = session.get_one(Load, load_id)
        load.status = LoadStatus.POSTED
        load.posted_at, load.lease_expires_at = now, now + LEASE
        market.came(session, load)


def _do_jobs(
    connection: "psycopg.Connection[Any]", supplies: Supplies, names: list[str]
) -> None:
    """Take the jobs of these names that are due from the queue, and do them."""
    while (job := connection.execute(NEXT, [names]).fetchone()) is not None:
        name, arguments = job
        HANDLERS[name](supplies, **arguments)


def _supplies(env: Mapping[str, str]) -> Supplies:
    settings = Settings.from_env({**os.environ, **env})
    start_logging("ERROR", is_readable=False)
    connect(settings, hand=Hand.SERVER)
    roads = EstimatedRoads()
    return Supplies(
        queue=make_app(),
        rules=SearchRules.of(settings, roads, Market(roads)),
        gateway=make_gateway(settings),
        audit_key=audit_key(settings),
        now=lambda: datetime.now(UTC),
    )
