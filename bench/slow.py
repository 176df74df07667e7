"""Honest clients beside slow connections and beside a flood: `python -m bench.slow`."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit

from bench.client import Client, Refused
from bench.crowd import Company, Crowd
from bench.report import Bar, percentiles, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.usage import rss_mb
from models.people.organisations import OrganisationKind

MOST_MS_P99 = 1000.0
MOST_BACK_S = 5.0
MOST_GROWTH = 0.05
"""Of the memory, from the third quarter of the attack to the last."""

MOST_FLOOD_P99_FACTOR = 2.0
TIMEOUT_S = 30.0
PAUSE_S = 0.1
SHARE_OPEN = 0.9
"""The attack has begun when this share of its connections has been opened: the server
closes some while others are opened."""

FLOOD_HANDS = 64
OTHERS = 8
FLOOD_PAUSE_S = 0.25
OFFERS = "/v1/offers?is_open=true"
NOTHING = "/healthz"


@dataclass(frozen=True)
class Size:
    """Slow connections of each kind, and seconds of the attack and of the flood."""

    slow: Mapping[str, int]
    attack_s: float
    flood_s: float


FULL = Size({"silent": 1500, "header": 200, "body": 200}, attack_s=80, flood_s=30)
QUICK = Size({"silent": 150, "header": 20, "body": 20}, attack_s=6, flood_s=3)


@dataclass
class Asked:
    """How long the answers took, and what was no answer."""

    ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask(self, client: Client, path: str) -> None:
        """Ask on a new connection; one that is refused or hangs is a failure."""
        started = time.perf_counter()
        line = HTTPConnection(urlsplit(client.url).netloc, timeout=TIMEOUT_S)
        try:
            line.request("GET", path, headers=_signed(client))
            answer = line.getresponse()
            answer.read()
            if answer.status != 200:
                self.failures.append(str(answer.status))
        except (OSError, HTTPException) as error:
            self.failures.append(type(error).__name__)
        finally:
            line.close()
        self.ms.append((time.perf_counter() - started) * 1000)

    def p99(self) -> float:
        return percentiles("ms", self.ms, (99,))["ms_p99"] or 0.0

    def figures(self, name: str) -> dict[str, Any]:
        return {
            **percentiles(f"{name}_ms", self.ms, (50, 99)),
            f"{name}_requests": len(self.ms),
            f"{name}_failures": len(self.failures),
        }


def _signed(client: Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token}"} if client.token else {}


def ask_for(
    seconds: float, client: Client, path: str, pause_s: float = PAUSE_S
) -> Asked:
    """Ask again and again, with pauses."""
    asked, until = Asked(), time.monotonic() + seconds
    while time.monotonic() < until:
        asked.ask(client, path)
        time.sleep(pause_s)
    return asked


@contextmanager
def attacking(rig: Rig, *more: str) -> Iterator[Path]:
    """Run an attack; yield the file in which it says each second how it stands."""
    port = str(urlsplit(rig.web.url).port)
    log_dir = rig.processes.log_dir
    assert log_dir is not None
    argv = [sys.executable, "-m", "bench.attack", "--port", port, *more]
    rig.processes.start("attack", argv, {})
    try:
        yield log_dir / "attack.log"
    finally:
        attack = rig.processes.running.pop("attack")
        attack.kill()
        attack.wait()


def state_of(log: Path) -> dict[str, int]:
    """Return how the attack stood last."""
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1]) if lines else {}


def wait_for(log: Path, slow: Mapping[str, int]) -> None:
    """Return when nearly all slow connections are open.

    Raises: Refused.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        state = state_of(log)
        if all(state.get(kind, 0) >= SHARE_OPEN * slow[kind] for kind in slow):
            return
        time.sleep(PAUSE_S)
    raise Refused(f"The attack did not begin: {state_of(log)}")


def play_slow(rig: Rig, driver: Client, size: Size) -> tuple[dict[str, Any], list[Bar]]:
    """Ask beside slow connections, and after them; return figures and bars."""
    memory: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(size.attack_s / 40):
            memory.append(rss_mb(rig, "web"))

    kinds = [part for kind, n in size.slow.items() for part in (f"--{kind}", str(n))]
    with ThreadPoolExecutor(3) as pool:
        with attacking(rig, *kinds) as log:
            wait_for(log, size.slow)
            say("the attack runs")
            looking = pool.submit(look)
            healthz = pool.submit(ask_for, size.attack_s, rig.web, NOTHING)
            offers = pool.submit(ask_for, size.attack_s, driver, OFFERS)
            answers = {"healthz": healthz.result(), "offers": offers.result()}
            state = state_of(log)
        is_over.set()
        looking.result()
        back_s = _back_s(rig.web, driver)
    quarter = max(len(memory) // 4, 1)
    late, last = memory[-2 * quarter : -quarter] or memory, memory[-quarter:]
    growth = round(median(last) / median(late) - 1, 4)
    figures: dict[str, Any] = {"attack": state, "rss_mb": [min(memory), max(memory)]}
    for name, asked in answers.items():
        figures |= asked.figures(name)
    failures = sum(len(asked.failures) for asked in answers.values())
    return figures, [
        *(
            Bar(f"{name}_ms_p99", MOST_MS_P99, asked.p99(), is_ceiling=True)
            for name, asked in answers.items()
        ),
        Bar("honest_failures", 0, failures, is_ceiling=True),
        Bar("slow_rss_growth", MOST_GROWTH, growth, is_ceiling=True),
        Bar("back_after_attack_s", MOST_BACK_S, back_s, is_ceiling=True),
    ]


def _back_s(*clients: Client) -> float:
    """Return the seconds until each client is answered within a second."""
    started = time.monotonic()
    for client in clients:
        while True:
            asked = Asked()
            asked.ask(client, OFFERS if client.token else NOTHING)
            if not asked.failures and asked.ms[0] <= MOST_MS_P99:
                break
    return round(time.monotonic() - started, 2)


def play_flood(
    rig: Rig, hog: Company, others: Sequence[Client], seconds: float
) -> tuple[dict[str, Any], list[Bar]]:
    """Ask alone, then beside the flood of one company; return figures and bars."""
    _ask_all(others, seconds / 4)
    alone = _ask_all(others, seconds)
    with NamedTemporaryFile("w") as file:
        tokens = [person.client.token for person in hog.drivers]
        file.write(
            "\n".join(tokens[number % len(tokens)] for number in range(FLOOD_HANDS))
        )
        file.flush()
        with attacking(rig, "--tokens", file.name, "--path", OFFERS) as log:
            while not state_of(log).get("200"):
                time.sleep(PAUSE_S)
            beside = _ask_all(others, seconds)
            state = state_of(log)
    failures = len(alone.failures) + len(beside.failures)
    factor = round(beside.p99() / alone.p99(), 2)
    figures = {
        "flood": state,
        **alone.figures("others_alone"),
        **beside.figures("others_beside"),
    }
    return figures, [
        Bar("flood_p99_factor", MOST_FLOOD_P99_FACTOR, factor, is_ceiling=True),
        Bar("flood_failures", 0, failures, is_ceiling=True),
    ]


def _ask_all(clients: Sequence[Client], seconds: float) -> Asked:
    """Let each client ask with pauses; return all answers."""
    with ThreadPoolExecutor(len(clients)) as pool:
        parts = list(
            pool.map(
                lambda client: ask_for(seconds, client, OFFERS, FLOOD_PAUSE_S), clients
            )
        )
    ms = [each for part in parts for each in part.ms]
    return Asked(ms, [each for part in parts for each in part.failures])


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options = parser_of("slow", __doc__, has_seed=False).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up({"LIMIT_ADDRESS_AT_ONCE": "500"}, has_worker=False) as rig:
            crowd = Crowd(rig)
            hog = crowd.company(OrganisationKind.CARRIER, OTHERS)
            companies = [
                crowd.company(OrganisationKind.CARRIER, 1) for _ in range(OTHERS)
            ]
            crowd.settle()
            others = [company.drivers[0].client for company in companies]
            figures, bars = play_slow(rig, others[0], size)
            more_figures, more_bars = play_flood(rig, hog, others, size.flood_s)
            params = {"slow": size.slow, "flood_hands": FLOOD_HANDS}
            return line_of(
                rig, options, figures | more_figures, bars + more_bars, **params
            )

    return run("slow", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
