"""Lost answers while tokens rotate, and stolen tokens: `python -m bench.refresh`."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from bench.client import Client
from bench.crowd import Crowd
from bench.phones import Clock, Phone, drive
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from bench.thefts import Lockstep, Theft, steal, take_turns
from freight.roles import Role
from market.phone_keys import PhoneKey
from models.people.organisations import OrganisationKind

AT_ONCE = 16
DEAD_ZONE = timedelta(hours=2)
LONG = timedelta(days=89)
"""Added to the day of a made-up sign-in, as two hours pass at each lost answer. Makes
the 90 days of REFRESH_TOKEN_TTL_S."""

AT_ANY_PACE = timedelta(seconds=1)
SLOWER_THAN_A_REPEAT = timedelta(seconds=61)
"""Of a sign-in without a key: REFRESH_REPEAT_S is 60."""

MOST_ROTATIONS_UNSEEN = 2

Played = TypeVar("Played")


@dataclass(frozen=True)
class Size:
    """How much is played.

    rotations: of each phone.
    late: phones with a key that have no signal for two hours after each lost answer.
    stolen: phones whose token is copied.
    lockstep: phones with a key, and as many without, that take turns with a thief.
    hasty: phones with a key, and as many without, that do not wait for an answer.
    """

    phones: int
    rotations: int
    late: int
    stolen: int
    lockstep: int
    hasty: int


FULL = Size(phones=200, rotations=20, late=200, stolen=500, lockstep=500, hasty=50)
QUICK = Size(phones=20, rotations=10, late=10, stolen=20, lockstep=10, hasty=0)


@dataclass
class Cast:
    """The phones of a run, by what happens to them."""

    patient: list[Phone]
    late: list[Phone]
    victims: list[Phone]
    with_key: list[Phone]
    without_key: list[Phone]
    quick: list[Phone]
    hasty_with_key: list[Phone]
    hasty: list[Phone]


@dataclass
class Outcome:
    """What the thefts came to."""

    thefts: list[Theft]
    with_key: list[Lockstep]
    without_key: list[Lockstep]
    quick: list[Lockstep]


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Rotate tokens and steal some; return figures and bars."""
    cast = _cast(rig, size, seed)
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def each(
            act: Callable[[Phone, int], Played], phones: list[Phone]
        ) -> list[Played]:
            return list(
                pool.map(act, phones, range(seed * 1_000, seed * 1_000 + 1_000))
            )

        for phones in (cast.patient, cast.late):
            each(lambda phone, n: drive(phone, size.rotations, n), phones)
        say("all phones have rotated")
        outcome = Outcome(
            each(lambda phone, _: steal(phone), cast.victims),
            each(lambda phone, n: take_turns(phone, AT_ANY_PACE, n), cast.with_key),
            each(
                lambda phone, n: take_turns(phone, SLOWER_THAN_A_REPEAT, n),
                cast.without_key,
            ),
            each(lambda phone, n: take_turns(phone, AT_ANY_PACE, n), cast.quick),
        )
        say("all tokens were stolen")
        for phones in (cast.hasty, cast.hasty_with_key):
            each(lambda phone, n: drive(phone, size.rotations, n), phones)
    return _figures(cast, outcome), _bars(rig, size, cast, outcome)


def _figures(cast: Cast, outcome: Outcome) -> dict[str, Any]:
    seen = sum((phone.seen for phone in cast.patient), Counter[str]())
    lost = seen["cut off"] + seen["read and forgotten"]
    late = sum((phone.seen for phone in cast.late), Counter[str]())
    return {
        "rotations": sum(phone.rotations for phone in cast.patient),
        "answers": dict(sorted(seen.items())),
        "share_lost": round(lost / max(seen.total(), 1), 3),
        "answers_late": dict(sorted(late.items())),
        "stolen": len(outcome.thefts),
        "lockstep_with_key": _rotations_until_found(outcome.with_key),
        "lockstep_without_key": _rotations_until_found(outcome.without_key),
        "lockstep_quicker_than_a_repeat": _rotations_until_found(outcome.quick),
        "hasty_phones": len(cast.hasty),
        "hasty_log_outs": _logged_out(cast.hasty),
    }


def _rotations_until_found(locksteps: list[Lockstep]) -> dict[str, int]:
    """Return how many thefts were found after how many rotations."""
    found = Counter(str(each.found_after or "never") for each in locksteps)
    return dict(sorted(found.items()))


def _logged_out(phones: list[Phone]) -> int:
    return sum(phone.logged_out for phone in phones)


def _bars(rig: Rig, size: Size, cast: Cast, outcome: Outcome) -> list[Bar]:
    events = _events(rig.env["DATABASE_URL"])
    robbed = [*cast.victims, *cast.with_key, *cast.without_key]
    stolen_from = {phone.person.family["id"] for phone in robbed}
    honest = {phone.person.family["id"] for phone in (*cast.patient, *cast.late)}
    rotations = {
        name: sum(phone.rotations for phone in phones)
        for name, phones in (("patient", cast.patient), ("late", cast.late))
    }
    ended = [*outcome.thefts, *outcome.with_key, *outcome.without_key]
    every = size.stolen + 2 * size.lockstep
    return [
        Bar("forced_log_outs", 0, _logged_out(cast.patient), is_ceiling=True),
        Bar("rotations", size.phones * size.rotations, rotations["patient"]),
        Bar("late_log_outs", 0, _logged_out(cast.late), is_ceiling=True),
        Bar("late_rotations", size.late * size.rotations, rotations["late"]),
        Bar("thefts_found", size.stolen, sum(t.is_found for t in outcome.thefts)),
        Bar("lockstep_with_key_found", size.lockstep, _found(outcome.with_key)),
        Bar("lockstep_without_key_found", size.lockstep, _found(outcome.without_key)),
        Bar("families_dead", every, sum(each.is_over for each in ended)),
        Bar("thefts_with_one_event", every, sum(events[f] == 1 for f in stolen_from)),
        Bar("false_alarms", 0, len(set(events) & honest), is_ceiling=True),
        Bar(
            *("hasty_log_outs_with_key", 0, _logged_out(cast.hasty_with_key)),
            is_ceiling=True,
        ),
    ]


def _found(locksteps: list[Lockstep]) -> int:
    return sum(
        each.found_after is not None and each.found_after <= MOST_ROTATIONS_UNSEEN
        for each in locksteps
    )


def _cast(rig: Rig, size: Size, seed: int) -> Cast:
    crowd = Crowd(rig, seed)
    company = crowd.company(OrganisationKind.CARRIER)
    clock = Clock(rig.env["DATABASE_URL"])

    def phones(number: int, *, has_key: bool = False) -> list[Phone]:
        return [phone(PhoneKey() if has_key else None) for _ in range(number)]

    def phone(key: PhoneKey | None) -> Phone:
        person = crowd.person(company.id, [Role.DRIVER], has_phone=True)
        person.family["expires_at"] += LONG
        if key:
            person.family["key_thumbprint"] = key.thumbprint
        token, client = crowd.refresh_token(person), Client(rig.web.url)
        return Phone(person, token, client, clock, key)

    cast = Cast(
        patient=phones(size.phones),
        late=phones(size.late, has_key=True),
        victims=phones(size.stolen),
        with_key=phones(size.lockstep, has_key=True),
        without_key=phones(size.lockstep),
        quick=phones(size.hasty),
        hasty_with_key=phones(size.hasty, has_key=True),
        hasty=phones(size.hasty),
    )
    for late in cast.late:
        late.pause = DEAD_ZONE
    for hasty in (*cast.hasty, *cast.hasty_with_key):
        hasty.is_hasty = True
    crowd.settle()
    return cast


def _events(database_url: str) -> Counter[UUID]:
    """Return the number of theft events of each sign-in."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select (body ->> 'family_id')::uuid from events"
            " where kind in ('session.token_reused', 'session.key_mismatch')"
        )
        return Counter(row[0] for row in rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the line; see `running.run`."""
    options = parser_of("refresh", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up({}) as rig:
            figures, bars = play(rig, size, options.seed)
            return line_of(rig, options, figures, bars, at_once=AT_ONCE)

    return run("refresh", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
