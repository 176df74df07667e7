"""Where the time of one request goes: its round trips, and the code that runs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from bench.client import Client
from bench.report import say
from bench.rig import HOST, Rig, free_port
from bench.stacks import Sampled, sample
from bench.tapping import tapping
from bench.wire import Wire
from local.processes import web_argv

LISTED = 12
"""How many packages are named; the others are summed."""


def where_it_goes(
    rig: Rig, client: Client, path: str, seconds: float
) -> dict[str, Any]:
    """Return what one request costs, measured over one connection for a while.

    First through a proxy that counts the round trips to the database, then without it,
    watched by py-spy. There is one web worker, so that no request waits for another.

    Raises: CannotSetUp, Refused.
    """
    with _alone(rig, client, path, has_tap=True) as (wire, _, tap):
        _ask_for(wire, seconds / 4)
        tap.forget()
        asked, _ = _ask_for(wire, seconds / 2)
        statements = tap.statements(asked)
    say(f"{asked} requests were tapped")
    with _alone(rig, client, path) as (wire, pid, _), ThreadPoolExecutor(1) as pool:
        _ask_for(wire, seconds / 4)
        _, alone_ms = _ask_for(wire, seconds / 4)
        watching = pool.submit(sample, pid, seconds)
        while not watching.done():
            wire.ask()
        sampled = watching.result()
    return {
        "ms_alone": round(alone_ms, 3),
        "round_trips": round(
            sum(statement["round_trips"] for statement in statements), 2
        ),
        "sql_ms": round(sum(statement["ms"] for statement in statements), 3),
        "statements": statements,
        **_shares(sampled, alone_ms),
    }


def _shares(sampled: Sampled, alone_ms: float) -> dict[str, Any]:
    """Return the milliseconds of a request by part and by package.

    Samples outside of any request are time of Granian, the network and the client.
    """
    ms_a_sample = alone_ms / sampled.rounds if sampled.rounds else 0.0
    parts: dict[str, dict[str, float]] = {}
    for (part, is_waiting), times in sampled.by_part.most_common():
        of_part = parts.setdefault(part, {"python_ms": 0.0, "waiting_ms": 0.0})
        of_part["waiting_ms" if is_waiting else "python_ms"] += times * ms_a_sample
    packages = sampled.by_package.most_common()
    named = {name: times for name, times in packages[:LISTED]}
    named["others"] = sum(times for _, times in packages[LISTED:])
    outside = sampled.rounds - sampled.in_requests
    return {
        "samples": sampled.in_requests,
        "outside_the_application_ms": round(outside * ms_a_sample, 3),
        "parts": {
            part: {name: round(ms, 3) for name, ms in of_part.items()}
            for part, of_part in parts.items()
        },
        "packages_ms": {k: round(v * ms_a_sample, 3) for k, v in named.items()},
    }


def _ask_for(wire: Wire, seconds: float) -> tuple[int, float]:
    """Ask for `seconds`; return the number of requests, and the milliseconds of one."""
    started, done = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        wire.ask()
        done += 1
    return done, (time.perf_counter() - started) / done * 1000


@contextmanager
def _alone(
    rig: Rig, client: Client, path: str, *, has_tap: bool = False
) -> Iterator[tuple[Wire, int, Any]]:
    """Start one more web process with one worker, behind a tap if `has_tap`.

    Yields a connection to it, its pid, and the tap.
    """
    with ExitStack() as stack:
        way, tap = rig.env["DATABASE_URL"], None
        if has_tap:
            way, tap = stack.enter_context(tapping(way))
        name, port = "tapped" if has_tap else "watched", free_port()
        env = dict(rig.env) | {"DATABASE_URL": way}
        rig.processes.start(name, web_argv(HOST, port, 1), env)
        url = f"http://{HOST}:{port}"
        rig.processes.wait_for(f"{url}/readyz")
        wire = stack.enter_context(Wire(replace(client, url=url), path))
        yield wire, rig.processes.running[name].pid, tap
