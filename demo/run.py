"""`make demo`: a day of the market in two minutes, through the public HTTP API.

Environment: ONCE=1 stops by itself; DEMO_LOADS, DEMO_TRUCKS and DEMO_SECONDS make the
play smaller or larger (see `Options`); PORT is the web server's, any free one if unset.
Exit code: 0 if every promise was kept, 1 if one was broken, 2 if it cannot be played,
130 if it was stopped before the end.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from demo import (
    day,
    founding,
    overruling,
    race,
    refusals,
    silence,
    waiting,
    what_if,
)
from demo.audit import audit
from demo.client import Unexpected
from demo.evidence import gather
from demo.phones import Phones
from demo.play import Play
from demo.rig import Rig, database, running
from demo.road import utcnow
from demo.seeding import PASSWORD, found_companies, post_all
from demo.telling import Teller
from demo.totals import Totals, add_up
from demo.words import count
from edges.start import clear_failures, settings_from_environment
from local.processes import ProcessEnded
from market import market
from runtime.errors import CannotStart

SEED = 20
LOADS_A_LINE = 1_000
MOST_FAULTS = 5
SCENES = (
    founding.tell,
    refusals.tell,
    race.tell,
    overruling.tell,
    silence.tell,
    waiting.tell,
    what_if.tell,
)


@dataclass(frozen=True)
class Options:
    """How large the play is, and whether it ends by itself.

    loads: posted before the first truck drops (DEMO_LOADS).
    trucks: of the day, beside those of the scenes (DEMO_TRUCKS).
    span_s: over which the day's trucks set out (DEMO_SECONDS).
    """

    loads: int
    trucks: int
    span_s: int
    is_once: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Options":
        """Read the options. Raises: CannotStart."""
        return cls(
            loads=_whole(environ, "DEMO_LOADS", 2_000),
            trucks=_whole(environ, "DEMO_TRUCKS", 48),
            span_s=_whole(environ, "DEMO_SECONDS", 20),
            is_once=environ.get("ONCE", "") not in ("", "0"),
        )


@clear_failures
def main() -> int:
    """Play the demo; return its exit code: 0, 1 or 130."""
    options = Options.from_env(os.environ)
    settings = settings_from_environment()
    teller = Teller()
    _stop_once_on_signals()
    is_over, is_kept, last_line = False, False, ""
    try:
        teller.say(
            "A day of the freight market in two minutes. People, freight and phones"
            " are made up; database, web server, job worker and every HTTP request are"
            " real. Starting them ..."
        )
        with (
            database(settings) as (name, url),
            running(settings, name, url) as rig,
            Phones(rig.fcm_url) as phones,
        ):
            teller.say(
                f"Web, worker and fake FCM run on {rig.url}; logs in {rig.logs}."
            )
            play, totals = _perform(options, rig, phones, teller)
            is_over, is_kept = True, _conclude(play, totals)
            last_line = totals.to_json("ok" if is_kept else "broken")
            if not options.is_once:
                _tell_where(play)
                _stay(play)
    except (Unexpected, ProcessEnded) as error:
        raise CannotStart(f"The demo stopped: {error}.") from None
    except KeyboardInterrupt:
        teller.say("Stopped.")
    if options.is_once and is_over:
        print(last_line, flush=True)
    return int(not is_kept) if is_over else 130


def _stop_once_on_signals() -> None:
    """Let a signal end the play in order; a second one does not cut that short."""
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(number: int, frame: object) -> None:
        for each in endings:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in endings:
        signal.signal(number, leave)


def _perform(
    options: Options, rig: Rig, phones: Phones, teller: Teller
) -> tuple[Play, Totals]:
    try:
        play = _play(options, rig, phones, teller)
        evidence = gather(play)
        audit(play, evidence)
        return play, add_up(play, evidence)
    except Unexpected:
        # If a process has ended, that says more than the answer that did not come.
        rig.processes.check()
        raise


def _play(options: Options, rig: Rig, phones: Phones, teller: Teller) -> Play:
    carriers, shippers = found_companies(rig)
    play = Play(rig, phones, teller, carriers, shippers)
    people = ", ".join(company.name for company in [*carriers, *shippers])
    teller.say(f"{len(carriers) + len(shippers)} companies: {people}.")
    _open_market(play, options.loads)
    for scene in SCENES:
        scene(play)
    teller.chapter(f"The day: {count(options.trucks, 'truck')}")
    ready = day.prepare(play, options.trucks, seed=SEED)
    teller.say(
        "Every truck is under way with a load that takes it far from home. Time is"
        " compressed: a pickup of days ago is reported now, and a pickup of tomorrow is"
        " played at once."
    )
    day.Day(play, ready, options.span_s).run()
    return play


def _open_market(play: Play, loads: int) -> None:
    started = time.monotonic()
    made_up = market(loads, seed=SEED, now=utcnow())
    for number, posted in enumerate(post_all(play.shippers, made_up), start=1):
        play.posted[posted.id] = posted
        if number % LOADS_A_LINE == 0 and number < loads:
            play.teller.say(f"{number:,} of {count(loads, 'load')} posted ...")
    took_s = time.monotonic() - started
    play.teller.say(
        f"{count(loads, 'load')} over US cities posted through the API in"
        f" {took_s:.0f} s ({loads / max(took_s, 0.001):.0f} a second)."
    )


def _conclude(play: Play, totals: Totals) -> bool:
    """Print the totals and the promises; return whether all were kept."""
    teller, promises = play.teller, play.promises
    teller.chapter("Totals")
    for line in totals.lines():
        teller.add(line)
    teller.chapter("Promises")
    for name in promises.kept:
        teller.add(f"kept    {name}")
    for name, faults in promises.broken.items():
        teller.add(f"BROKEN  {name}")
        for fault in faults[:MOST_FAULTS]:
            teller.add(f"        {fault}")
    return not promises.broken


def _tell_where(play: Play) -> None:
    teller = play.teller
    teller.chapter("Look around")
    teller.add(f"API docs   {play.rig.url}/docs")
    trucker = play.ledger.drops[0].trucker
    people = [
        ("admin", play.carriers[0].admin),
        ("dispatch", play.carriers[0].desk),
        ("driver", trucker.phone),
        ("shipper", play.shippers[0].desk),
        ("broker", play.shippers[-1].desk),
    ]
    for role, person in people:
        teller.add(f"{role:<10} {person.login}")
    teller.add(f'password   "{PASSWORD}" for all of them: POST /v1/sessions')


def _stay(play: Play) -> None:
    play.teller.say("Everything keeps running until Ctrl-C.")
    while True:
        play.rig.processes.check()
        time.sleep(0.5)


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    given = environ.get(name, "").strip()
    if given and not given.isdecimal():
        raise CannotStart(f"{name} is '{given}': give a whole number.")
    return int(given or default)


if __name__ == "__main__":
    sys.exit(main())
