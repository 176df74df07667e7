"""The time from a posting to the phones of drivers who wait: `python -m bench.wake`."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count, cycle, islice
from threading import Event, Lock
from typing import Any, LiteralString

import psycopg

from bench.client import Client, Refused
from bench.crowd import Crowd
from bench.day import NeverCame, Phones
from bench.drop_to_push import (
    LOST_AFTER_S,
    Played,
    Street,
    add_workers,
    write_market,
)
from bench.hauls import DRIVERS_A_COMPANY, HANDS, Truck, hire
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from bench.wake_races import lost_of
from demo.seeding import load_body
from market import MarketLoad, fleet, headhaul, market
from models.people.organisations import OrganisationKind
from runtime.config import Settings

PER_S = 20.0
WARM_UP_S = 4.0
MOST_PUSH_MS_P95 = 2_000.0
DROPS_PER_S = 5.0
MOST_DROP_PUSH_MS_P95 = 1_000.0
IMPORTERS = 8
"""Connections that post an import: the API takes one load a request."""

SHIPPED = {"LIMIT_PERSON_PER_MIN": str(Settings.LIMIT_PERSON_PER_MIN)}
"""The limit of a person as the product ships: an import is one person's."""

NUMBERS = count(1)

POSTERS = 20
WORKERS = 2
LOOK_EVERY_S = 0.1

WAIT: LiteralString = """
    insert into waiting_drivers (driver_id, org_id, since, lat, lon, free_at,
        baseline_m, baseline_s, home_lat, home_lon, is_crew)
    select d.id, d.org_id, now(), p.lat, p.lon, now(), 1.2 * air_m, 1.2 * air_m / 20,
        d.home_lat, d.home_lon, false
    from drivers d join last_positions p on p.driver_id = d.id, lateral (
        select 2 * 6371000 * asin(sqrt(sin(radians(d.home_lat - p.lat) / 2) ^ 2
            + cos(radians(d.home_lat)) * cos(radians(p.lat))
            * sin(radians(d.home_lon - p.lon) / 2) ^ 2)) as air_m) as way
    where d.availability = 'available'
"""
DUE: LiteralString = """
    select count(*) from procrastinate_jobs
    where queue_name in ('match', 'wake', 'push') and (status = 'doing'
        or status = 'todo' and coalesce(scheduled_at, now()) <= now())
"""
OFFERS: LiteralString = "select id::text, load_id::text from offers"
LEFT: LiteralString = """
    select args->>'load_id' from procrastinate_jobs
        where task_name = 'search.wake' and not args ? 'since'
            and coalesce(scheduled_at, now()) <= now()
    union
    select unnest(load_ids)::text from waiting_drivers where due_at <= now()
"""
"""Loads for which no driver was looked, and those that were not judged for a driver."""

TWICE: LiteralString = """
    with rings as (
        select driver_id, created_at, lag(created_at) over (
            partition by driver_id order by created_at) as before
        from (select distinct driver_id, created_at from offers) as ring
    )
    select (select count(*) from rings where created_at - before < %(every)s::interval),
        (select count(*) from (select from offers
            group by driver_id, load_id having count(*) > 1) as pair)
"""


@dataclass(frozen=True)
class Size:
    """How much is played.

    loads: on the market. waiting: drivers. seconds: at PER_S, and for the drops during
    the import. races: of a posting and a drop.
    """

    loads: int
    waiting: int
    seconds: float
    imported: int
    races: int


FULL = Size(loads=1_000_000, waiting=20_000, seconds=60.0, imported=10_000, races=1_000)
QUICK = Size(loads=2_000, waiting=200, seconds=3.0, imported=60, races=35)


@dataclass(frozen=True)
class Posting:
    """A load that was posted, by this machine's clock, seconds since the epoch."""

    load_id: str
    sent_at: float
    answered_at: float
    is_unconfirmed: bool


@dataclass(frozen=True)
class Rung:
    """Postings, and when the first phone rang for each load, by its id.

    left: loads that the server had not looked at, or not judged, by `ended_at`.
    """

    postings: Sequence[Posting]
    rang_at: dict[str, float]
    left: set[str]
    untold: int
    ended_at: float

    @property
    def push_ms(self) -> list[float]:
        """From each posting's request to its first ring; for a load that is left, to
        `ended_at`, as the true time is longer."""
        ends = dict.fromkeys(self.left, self.ended_at) | self.rang_at
        return [
            (ends[each.load_id] - each.sent_at) * 1000
            for each in self.postings
            if each.load_id in ends
        ]

    def figures(self) -> dict[str, Any]:
        asked = [each for each in self.postings if not each.is_unconfirmed]
        took = [(each.answered_at - each.sent_at) * 1000 for each in self.postings]
        rang = sum(each.load_id in self.rang_at for each in asked)
        return {
            "postings": len(asked),
            "share_that_rang": round(rang / max(len(asked), 1), 3),
            **percentiles("answer_ms", took),
            **percentiles("push_ms", self.push_ms, (50, 95, 99)),
            "left": len(self.left),
            "untold": self.untold,
        }


class Board:
    """Posts loads on a rig, and reads whose phones rang."""

    def __init__(self, rig: Rig, posters: Sequence[Client], seed: int) -> None:
        self._url = rig.env["DATABASE_URL"]
        self._phones = Phones(rig.fcm)
        made_up = market(1_000_000, seed=seed + 1, now=datetime.now(UTC))
        self._made: Iterator[tuple[Client, MarketLoad]] = zip(
            cycle(posters), made_up, strict=False
        )
        self._turn = Lock()

    def post(self, number: int) -> list[Posting]:
        """Post loads of all posters, PER_S a second."""
        started = time.time() + 0.1

        def post(numbered: tuple[int, tuple[Client, MarketLoad]]) -> Posting:
            place, (poster, load) = numbered
            time.sleep(max(started + place / PER_S - time.time(), 0))
            return _post(poster, load)

        made = list(islice(self._made, number))
        with ThreadPoolExecutor(HANDS) as pool:
            return list(pool.map(post, enumerate(made)))

    def post_import(self, number: int) -> list[Posting]:
        """Post loads of one poster, as quickly as the limits of a person allow."""
        made = list(islice(self._made, number))
        poster, _ = made[0]
        with ThreadPoolExecutor(IMPORTERS) as pool:
            return list(pool.map(lambda each: _post(poster, each[1]), made))

    def flood(self, until: Event) -> list[Posting]:
        """Post loads of all posters as quickly as the server answers."""

        def post(_: int) -> Iterator[Posting]:
            while not until.is_set():
                with self._turn:
                    poster, load = next(self._made)
                yield _post(poster, load)

        with ThreadPoolExecutor(IMPORTERS) as pool:
            posted = pool.map(lambda hand: list(post(hand)), range(IMPORTERS))
            return sorted(chain.from_iterable(posted), key=lambda each: each.sent_at)

    def rung(self, postings: Sequence[Posting]) -> Rung:
        """Wait until no job is due, LOST_AFTER_S at most; say whose phones rang."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            until = time.monotonic() + LOST_AFTER_S
            while connection.execute(DUE).fetchone() != (0,):
                if time.monotonic() > until:
                    break
                time.sleep(LOOK_EVERY_S)
            ended_at = time.time()
            load_of = dict(connection.execute(OFFERS).fetchall())
            left = {load_id for (load_id,) in connection.execute(LEFT)}
        self._phones.look()
        ours = {each.load_id for each in postings}
        rang_at: dict[str, float] = {}
        for ring in self._phones.rings:
            if (load_id := load_of.get(ring.offer_id)) in ours:
                rang_at.setdefault(load_id, ring.at)
        offered = {load_id for load_id in load_of.values() if load_id in ours}
        untold = len(offered - rang_at.keys())
        return Rung(postings, rang_at, (left & ours) - offered, untold, ended_at)


def _post(poster: Client, load: MarketLoad) -> Posting:
    """Post the load, again after a second while the poster is over their limit."""
    body = load_body(load) | {"load_number": f"W{next(NUMBERS)}"}
    while True:
        sent_at = time.time()
        answer = poster.call("POST", "/v1/loads", body)
        if answer.status == 201:
            is_unconfirmed = answer["is_unconfirmed"]
            return Posting(answer["id"], sent_at, time.time(), is_unconfirmed)
        if answer.status != 429:
            raise Refused(f"POST /v1/loads: {answer.status} {answer.body}")
        time.sleep(1)


def furnish(rig: Rig, size: Size, seed: int) -> tuple[list[Truck], list[Client]]:
    """Write the market, drivers who wait and drivers at a drop; return the latter, and
    the posters."""
    now = datetime.now(UTC)
    crowd = Crowd(rig, seed)
    trucks = hire(crowd, 2 * round(DROPS_PER_S * size.seconds), seed=seed, now=now)
    posters = [crowd.company(OrganisationKind.SHIPPER).desk for _ in range(POSTERS)]
    org_id = None
    for number, truck in enumerate(fleet(size.waiting, seed=seed + 1)):
        if number % DRIVERS_A_COMPANY == 0:
            org_id = crowd.company(OrganisationKind.CARRIER).id
        assert org_id is not None
        crowd.driver(
            org_id,
            home=truck.home_point,
            at=headhaul(truck, seed, now).delivery,
            has_area=False,
            equipment=truck.equipment.value,
            payload_kg=truck.payload_kg,
            deck_length_m=truck.deck_length_m,
            is_hazmat_allowed=truck.has_hazmat,
        )
    crowd.settle()
    say(f"{size.waiting} drivers wait")
    write_market(rig, size.loads, seed, now)
    with psycopg.connect(rig.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("update last_positions set corrected_at = now()")
        connection.execute(WAIT)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return trucks, [poster.client for poster in posters]


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Post steadily; then import, and flood, beside drops. Return figures, bars."""
    trucks, posters = furnish(rig, size, seed)
    # Started last: a worker that read an empty market would read all at a drop.
    add_workers(rig, WORKERS)
    board = Board(rig, posters, seed)
    board.rung(board.post(round(PER_S * min(WARM_UP_S, size.seconds))))
    steady = board.rung(board.post(round(PER_S * size.seconds)))
    figures = steady.figures()
    say(f"{PER_S:g} postings/s: {figures}")
    street = Street(rig, trucks)
    beside_import, imported = _beside(
        *(street, size, lambda _: board.post_import(size.imported))
    )
    figures |= _named("drop", beside_import.figures())
    figures |= _named("import", board.rung(imported).figures())
    figures["import_s"] = round(imported[-1].answered_at - imported[0].sent_at, 1)
    say(f"an import: {figures}")
    beside_flood, flood = _beside(street, size, board.flood)
    figures |= _named("flood_drop", beside_flood.figures())
    figures |= _named("flood", board.rung(flood).figures())
    every = Settings.RING_EVERY_S
    with psycopg.connect(rig.env["DATABASE_URL"]) as connection:
        asked = {"every": f"{every} s"}
        row = connection.execute(TWICE, asked)
        too_soon, twice = row.fetchone() or (0, 0)
    lost = len(steady.left) + steady.untold
    return figures, [
        _at_most("push_ms_p95", MOST_PUSH_MS_P95, _p95(steady.push_ms)),
        _at_most("postings_lost", 0, lost),
        _at_most(
            "drop_push_ms_p95", MOST_DROP_PUSH_MS_P95, _p95(beside_import.push_ms)
        ),
        _at_most(
            "flood_drop_push_ms_p95", MOST_DROP_PUSH_MS_P95, _p95(beside_flood.push_ms)
        ),
        _at_most("drops_lost", 0, beside_import.lost + beside_flood.lost),
        _at_most("rung_twice_for_a_load", 0, twice),
        _at_most("rung_twice_in_a_minute", 0, too_soon),
    ]


def _beside(
    street: Street, size: Size, post: Callable[[Event], list[Posting]]
) -> tuple[Played, list[Posting]]:
    """Complete drops while `post` runs. It is told when the drops are done."""
    done = Event()
    with ThreadPoolExecutor(1) as pool:
        posting = pool.submit(post, done)
        try:
            played = street.play(DROPS_PER_S, size.seconds)
        finally:
            done.set()
        return played, posting.result()


def _named(prefix: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": each for name, each in figures.items()}


def _at_most(name: str, limit: float, value: float) -> Bar:
    return Bar(name, limit, value, is_ceiling=True)


def _p95(values: Sequence[float]) -> float:
    p95 = percentiles("ms", values)["ms_p95"]
    if p95 is None:
        raise NeverCame("no phone rang")
    return p95


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    parser = parser_of("wake", __doc__)
    for name in ("loads", "waiting", "imported", "races"):
        given = getattr(FULL, name)
        parser.add_argument(f"--{name}", type=int, help=f"instead of {given}")
    parser.add_argument("--seconds", type=float, help=f"instead of {FULL.seconds:g}")
    options = parser.parse_args(argv)
    asked = {
        name: getattr(options, name)
        for name in ("loads", "waiting", "imported", "races", "seconds")
        if getattr(options, name) is not None
    }
    size = replace(QUICK if options.quick else FULL, **asked)

    def play_on_rig() -> Line:
        with set_up({}, has_worker=False) as rig:
            lost = lost_of(rig, size.races, options.seed)
        with set_up(SHIPPED, has_worker=False) as rig:
            figures, bars = play(rig, size, options.seed)
            bars.append(_at_most("wake_ups_lost", 0, lost))
            params = {"per_s": PER_S} | asdict(size)
            return line_of(rig, options, figures, bars, **params)

    return run("wake", play_on_rig, breaks=(*BREAKS, NeverCame))


if __name__ == "__main__":
    sys.exit(main())
