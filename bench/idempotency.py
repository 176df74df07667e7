"""Requests repeated while web is killed and cut off: `python -m bench.idempotency`."""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from bench.client import Answer, Client, Refused
from bench.cutting import Cutter, cutting
from bench.patience import PATIENCE_S
from bench.report import Bar
from bench.rig import CannotSetUp, Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.supervising import supervised

CLIENTS = 24
PAUSE_S = 0.05
LOOK_EVERY_S = 0.005
AGAIN = {409, 500, 503}
"""The key is in use, the connection was cut, or there is no database: a phone sends the
request again with the same key."""

WEB_WORKERS = 4
SETTLED_S = 7.0
"""Granian gives up on a worker that dies within 5.5 s of its start."""

SOON_KILLED = ("--workers-kill-timeout", "2")
"""A worker that is just being started misses its SIGTERM."""


@dataclass(frozen=True)
class Size:
    """How many operations, and how many kills and cuts."""

    operations: int
    kills: int
    cuts: int


FULL = Size(operations=8_000, kills=60, cuts=500)
QUICK = Size(operations=120, kills=2, cuts=12)


@dataclass
class Tally:
    """Counts what the clients saw. Safe to share between threads."""

    done: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str) -> None:
        with self._lock:
            self.seen[what] += 1

    def finish(self) -> None:
        with self._lock:
            self.done += 1


def insist(client: Client, tally: Tally, key: str) -> Answer:
    """Post one draft with this key until the answer is 201.

    The body has neither id nor number, so that only the key tells requests apart.

    Raises: Refused if another status comes, or none in PATIENCE_S.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            answer = client.call("POST", "/v1/loads", DRAFT, Idempotency_Key=key)
        except (OSError, HTTPException):
            tally.note("no answer")
            time.sleep(PAUSE_S)
            continue
        tally.note(str(answer.status))
        if answer.status == 201:
            return answer
        if answer.status not in AGAIN:
            raise Refused(f"{answer.status} {answer.body}")
        time.sleep(PAUSE_S)
    raise Refused(f"No answer to {key} in {PATIENCE_S:.0f} s.")


def operate(client: Client, tally: Tally, _: int) -> tuple[str, bool]:
    """Do one operation and repeat it; return the load's id, and whether the bodies of
    both answers are equal byte for byte."""
    key = str(uuid4())
    first, again = (insist(client, tally, key) for _ in range(2))
    tally.finish()
    return first["id"], first.text == again.text


def disturb(size: Size, tally: Tally, cutter: Cutter, rig: Rig) -> int:
    """Kill and cut, evenly over the operations, until all are done.

    Every second cut waits for a COMMIT and loses its answer. Returns the number of
    kills.
    """
    killed: set[int] = set()
    started = dict.fromkeys(_alive(rig), float("-inf"))
    while tally.done < size.operations:
        share = tally.done / size.operations
        if len(killed) < min(size.kills, share * (size.kills + 1)):
            now, alive = time.monotonic(), set(_alive(rig)) - killed
            oldest = min(alive, key=lambda pid: started.setdefault(pid, now), default=0)
            if oldest and now - started[oldest] > SETTLED_S:
                os.kill(oldest, signal.SIGKILL)
                killed.add(oldest)
        if cutter.asked < min(size.cuts, share * (size.cuts + 1)):
            cutter.lose_a_commit() if cutter.asked % 2 else cutter.cut_busiest()
        time.sleep(LOOK_EVERY_S)
    return len(killed)


def _alive(rig: Rig) -> list[int]:
    """Return the workers of web; none while it is started again."""
    web = rig.processes.running["web"]
    return workers_of(web.pid) if web.poll() is None else []


def workers_of(web: int) -> list[int]:
    """Return the pids of Granian's workers, the children of its main process.

    Raises: CannotSetUp if there is no /proc.
    """
    try:
        children = Path(f"/proc/{web}/task/{web}/children").read_text().split()
    except FileNotFoundError:
        raise CannotSetUp("Finding workers needs /proc, which is missing.") from None
    found = []
    for child in children:
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"resource_tracker" not in command:
            found.append(int(child))
    return found


def play(rig: Rig, size: Size, cutter: Cutter) -> tuple[dict[str, Any], list[Bar]]:
    """Do all operations; return figures and bars."""
    poster = rig.create_company("broker", 0, "broker")
    tally, started = Tally(), time.monotonic()
    # A worker that is cut off while it starts ends, and Granian with it.
    with supervised(rig.processes), ThreadPoolExecutor(CLIENTS + 1) as pool:
        disturber = pool.submit(disturb, size, tally, cutter, rig)
        try:
            work = partial(operate, poster, tally)
            made = list(pool.map(work, range(size.operations)))
        finally:
            # Ends the disturber, also after an error.
            tally.done = size.operations
        kills = disturber.result()
    seconds = time.monotonic() - started
    ids = {load_id for load_id, _ in made}
    kept, keys = _kept(rig.env["DATABASE_URL"])
    differ = sum(not is_same for _, is_same in made)
    figures = {
        "operations": len(made),
        "effects": len(kept),
        "keys": keys,
        "repeats_that_differ": differ,
        "kills": kills,
        "cuts": cutter.cuts,
        "commits_whose_answer_was_lost": cutter.lost_commits,
        "answers": dict(sorted(tally.seen.items())),
        "seconds": round(seconds, 1),
    }
    wrong = len(made) - len(ids) + len(kept ^ ids)
    bars = [
        Bar("effects_lost_or_doubled", 0, wrong, is_ceiling=True),
        Bar("repeats_that_differ", 0, differ, is_ceiling=True),
        Bar("kills", size.kills, kills),
        Bar("cuts", size.cuts, cutter.cuts),
    ]
    return figures, bars


def _kept(database_url: str) -> tuple[set[str], int]:
    with psycopg.connect(database_url) as connection:
        loads = connection.execute("select id::text from loads").fetchall()
        keys = connection.execute("select count(*) from idempotency_keys").fetchone()
    return {row[0] for row in loads}, keys[0] if keys else 0


def _stop(kind: str, hours: int, lat: float, lon: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "lat": lat,
        "lon": lon,
        "window_from": f"2030-01-01T{hours:02}:00:00Z",
        "window_until": "2030-01-03T00:00:00Z",
        "zone": "America/Chicago",
    }


DRAFT = {
    "is_draft": True,
    "equipment": ["van"],
    "price_cents": 100_000,
    "stops": [_stop("pickup", 0, 40.7, -74.2), _stop("delivery", 12, 41.6, -87.3)],
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the line; see `running.run`."""
    options = parser_of("idempotency", __doc__, has_seed=False).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up(
            {}, web_workers=WEB_WORKERS, web_options=SOON_KILLED, between=cutting
        ) as rig:
            assert rig.between is not None
            figures, bars = play(rig, size, rig.between)
            return line_of(rig, options, figures, bars, clients=CLIENTS)

    return run("idempotency", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
