"""Every reachable combination of states has a way out for all: `-m bench.exits`."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session as OrmSession

from bench.report import Bar, say, versions_of
from bench.rig import new_database
from bench.running import Line, parser_of, run
from bench.ways import State, Ways, make_ways
from freight.lifecycles import UNDERWAY, LoadStatus
from runtime import migrating
from runtime.config import UNLIMITED, Settings
from runtime.db import DatabaseRole, Hand, Session, make_engine
from runtime.telemetry import start_logging
from services.fleet import positions

TELL_EVERY = 50

DAY_S = 86_400
LASTING = ("ACCESS_TOKEN_TTL_S", "OFFER_TTL_S", "ACCEPT_POSITION_MAX_AGE_S")
"""What must not be over before the walk is, which takes a quarter of an hour."""


@dataclass(frozen=True)
class Size:
    """How many drivers the carrier has, and how many pickups the load."""

    drivers: int
    pickups: int
    least_states: int


FULL = Size(drivers=2, pickups=2, least_states=1_600)
QUICK = Size(drivers=1, pickups=1, least_states=100)

OVER = frozenset(
    {
        *(LoadStatus.DRAFT, LoadStatus.WITHDRAWN, LoadStatus.EXPIRED),
        *(LoadStatus.CANCELLED, LoadStatus.DELIVERED),
    }
)
"""Loads that are over for their poster. One that was delivered, and of which the poster
confirmed no pickup, is not."""

LOCKED_OUT = frozenset({LoadStatus.POSTED, LoadStatus.HELD, LoadStatus.DELIVERED})
"""Loads that a suspended poster has nothing to finish with."""

REACHED = {
    *(LoadStatus.POSTED, LoadStatus.HELD, *UNDERWAY, LoadStatus.INTERRUPTED),
    *(LoadStatus.WITHDRAWN, LoadStatus.CANCELLED, LoadStatus.DELIVERED),
}
"""The statuses that the walk must come to."""

Free = Callable[[State], bool]
"""Says whether a party has no more part in the load."""


@dataclass
class Walk:
    """What was found.

    moves: for each state, party and act the state after it, of acts that were done.
    """

    ways: Ways
    moves: dict[State, dict[tuple[str, str], State]] = field(default_factory=dict)
    asked: int = 0
    broken: Counter[str] = field(default_factory=Counter)


def walk(ways: Ways) -> Walk:
    """Do every act in every reachable state, breadth first; each is taken back."""
    found = Walk(ways)
    first = ways.state()
    waiting: deque[tuple[State, tuple[tuple[str, str], ...]]] = deque([(first, ())])
    known = {first}
    while waiting:
        state, path = waiting.popleft()
        with taken_back(ways):
            for step in path:
                _do(ways, step)
            found.moves[state] = _moves_from(found, state)
        for step, after in found.moves[state].items():
            if after not in known:
                known.add(after)
                waiting.append((after, (*path, step)))
        if len(found.moves) % TELL_EVERY == 0:
            say(f"{len(found.moves)} states, {len(waiting)} waiting, {state.load}")
    return found


def _moves_from(found: Walk, state: State) -> dict[tuple[str, str], State]:
    ways, moves = found.ways, {}
    for party, name, deed in ways.deeds():
        found.asked += 1
        with taken_back(ways):
            status = deed()
            if status >= 500:
                found.broken[f"{party}: {name}: {status}"] += 1
            if status < 300:
                ways.work()
                after = ways.state()
                if after != state:
                    moves[party, name] = after
    return moves


def _do(ways: Ways, step: tuple[str, str]) -> None:
    """Do an act again that was done in this state before."""
    deed = next(deed for party, name, deed in ways.deeds() if (party, name) == step)
    deed()
    ways.work()


@contextmanager
def taken_back(ways: Ways) -> Iterator[None]:
    """Take back what the block does to the database."""
    mark = ways.connection.begin_nested()
    try:
        yield
    finally:
        mark.rollback()


def parties(drivers: int) -> Mapping[str, Free]:
    """Return when each party's involvement with the load is over.

    That of a driver: they do not have the load, and are off duty or suspended with
    their company. That of the desk: none of its drivers has the load or an open offer
    of it. That of the poster: the load is over, and not by the carrier's word alone, or
    they are suspended and the load is none that they may finish. That of the platform:
    both companies are suspended.
    """

    def driver(number: int) -> Free:
        return lambda state: (
            state.driver != number
            and (
                state.is_carrier_suspended or state.availabilities[number] == "off_duty"
            )
        )

    return {
        **{f"driver {number}": driver(number) for number in range(drivers)},
        "desk": lambda state: state.driver is None and not state.offered,
        "poster": lambda state: (
            (state.load in OVER and not state.is_unconfirmed)
            or (state.is_poster_suspended and state.load in LOCKED_OUT)
        ),
        "platform": lambda state: (
            state.is_carrier_suspended and state.is_poster_suspended
        ),
    }


def dead_ends(
    moves: Mapping[State, Mapping[tuple[str, str], State]], party: str, is_free: Free
) -> list[State]:
    """Return the states out of which no chain of the party's own acts leads."""
    out = {state for state in moves if is_free(state)}
    grows = True
    while grows:
        more = {
            state
            for state, steps in moves.items()
            if state not in out
            and any(who == party and after in out for (who, _), after in steps.items())
        }
        out |= more
        grows = bool(more)
    return [state for state in moves if state not in out]


def judge(found: Walk, size: Size) -> tuple[dict[str, object], Sequence[Bar]]:
    """Return the figures and the bars of a walk; tell the dead ends."""
    stuck = {
        party: dead_ends(found.moves, party, is_free)
        for party, is_free in parties(size.drivers).items()
    }
    for party, states in stuck.items():
        for state in states[:5]:
            say(f"{party} does not get out of {state}")
    for what, times in found.broken.items():
        say(f"broken {times} times: {what}")
    statuses = {state.load for state in found.moves}
    say(f"not reached: {sorted(REACHED - statuses)}")
    figures: dict[str, object] = {
        "states": len(found.moves),
        "acts_tried": found.asked,
        "moves": sum(map(len, found.moves.values())),
        "load_statuses": sorted(statuses),
        "dead_ends_by_party": {party: len(states) for party, states in stuck.items()},
    }
    return figures, [
        Bar("states", size.least_states, len(found.moves)),
        Bar("statuses_not_reached", 0, len(REACHED - statuses), is_ceiling=True),
        Bar("dead_ends", 0, sum(map(len, stuck.values())), is_ceiling=True),
        Bar("broken", 0, sum(found.broken.values()), is_ceiling=True),
    ]


def play(
    database_url: str, data_dir: str, size: Size
) -> tuple[dict[str, object], Sequence[Bar]]:
    """Walk on a new database, in one transaction that is rolled back."""
    settings = Settings(DATABASE_URL=database_url, DATA_DIR=data_dir)
    settings = replace(
        settings, **dict.fromkeys(UNLIMITED, 0), **dict.fromkeys(LASTING, DAY_S)
    )
    owner = make_engine(settings)
    migrating.upgrade(owner)
    owner.dispose()
    engine = make_engine(settings, DatabaseRole.WORKER)
    with engine.connect() as connection, connection.begin() as outer:
        Session.configure(
            bind=connection,
            join_transaction_mode="create_savepoint",
            info={"acting": Hand.SERVER},
        )
        _make_partitions()
        ways = make_ways(
            connection, settings, drivers=size.drivers, pickups=size.pickups
        )
        found = walk(ways)
        outer.rollback()
    engine.dispose()
    return judge(found, size)


def _make_partitions() -> None:
    session: OrmSession
    with Session.begin() as session:
        positions.make_partitions(session, now=datetime.now(UTC))


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the line; see `running.run`."""
    options = parser_of("exits", __doc__, has_seed=False).parse_args(argv)
    size = QUICK if options.quick else FULL
    start_logging("ERROR", is_readable=True)

    def play_here() -> Line:
        with new_database() as url, TemporaryDirectory() as folder:
            figures, bars = play(url, folder, size)
            params = {"is_quick": options.quick, "drivers": size.drivers}
            return Line(
                params | {"pickups": size.pickups}, figures, bars, versions_of(url)
            )

    return run("exits", play_here)


if __name__ == "__main__":
    sys.exit(main())
