"""Lost answers while tokens rotate, and stolen tokens: `python -m bench.refresh`."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench.client import TIMEOUT_S, Answer, Client, Refused
from bench.crowd import Crowd, Person
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.running import Line, line_of, parser_of, run
from freight.roles import Role
from models.people.organisations import OrganisationKind

PATH = "/v1/sessions/refresh"
AT_ONCE = 16
LOST = 0.4
"""Share of answers that are lost: half of them the phone reads and forgets, of the
others it sees no more than the first byte."""

MOST_TRIES = 50


@dataclass(frozen=True)
class Size:
    """How much is played.

    rotations: of each phone.
    stolen: phones whose token is copied.
    hasty: phones that do not wait for an answer.
    """

    phones: int
    rotations: int
    stolen: int
    hasty: int


FULL = Size(phones=200, rotations=20, stolen=500, hasty=50)
QUICK = Size(phones=20, rotations=10, stolen=20, hasty=0)


@dataclass
class Phone:
    """A phone with its newest refresh token, and the answers it got.

    is_hasty: where other phones lose an answer, this one does not wait for it: it asks
        again while the server still works on the first request.
    """

    person: Person
    token: str
    client: Client
    is_hasty: bool = False
    rotations: int = 0
    logged_out: bool = False
    seen: Counter[str] = field(default_factory=Counter)

    def refresh(self, token: str) -> Answer:
        """Send this token from this phone."""
        return self.client.call("POST", PATH, self._body(token))

    def hang_up(self) -> None:
        """Send the token and close at the answer's first byte or, if hasty, at once."""
        address = urlsplit(self.client.url).netloc
        connection = HTTPConnection(address, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", PATH, json.dumps(self._body(self.token)), headers)
        if not self.is_hasty:
            connection.sock.recv(1)
        connection.close()

    def rotate(self, rng: Random) -> None:
        """Ask with the same token until an answer is not lost; keep the new token."""
        for _ in range(MOST_TRIES):
            luck = rng.random()
            if luck < LOST / 2:
                self.hang_up()
                self.seen["cut off"] += 1
                continue
            answer = self.refresh(self.token)
            if luck < LOST and answer.status == 200:
                self.seen["read and forgotten"] += 1
                continue
            self.seen[str(answer.status)] += 1
            if answer.status == 200:
                self.token = answer["refresh_token"]
                self.rotations += 1
            else:
                self.logged_out = True
            return
        raise Refused(f"{MOST_TRIES} answers were lost in a row.")

    def _body(self, token: str) -> dict[str, Any]:
        return {"refresh_token": token, "device_id": str(self.person.device_id)}


@dataclass(frozen=True)
class Theft:
    """What followed from one stolen token. Every field should be True."""

    is_found: bool
    is_owner_out: bool
    is_thief_out: bool
    is_access_dead: bool


def drive(phone: Phone, rotations: int, seed: int) -> Phone:
    """Rotate the phone's token `rotations` times, or until it is logged out."""
    rng = Random(seed)
    while phone.rotations < rotations and not phone.logged_out:
        phone.rotate(rng)
    return phone


def steal(phone: Phone) -> Theft:
    """Copy the token, let its owner use it and its successor, then use the copy.

    Raises: Refused if the owner is refused before the copy was used.
    """
    copied = phone.token
    for _ in range(2):
        answer = phone.refresh(phone.token)
        if answer.status != 200:
            raise Refused(f"{PATH}: {answer.status} {answer.body}")
        phone.token = answer["refresh_token"]
    owner = Client(phone.client.url, answer["access_token"])
    replayed = phone.refresh(copied)
    next_of_owner = phone.refresh(phone.token)
    next_of_thief = phone.refresh(copied)
    return Theft(
        is_found=_said(replayed) == (401, "refresh-token-reused"),
        is_owner_out=next_of_owner.status == 401,
        is_thief_out=next_of_thief.status == 401,
        is_access_dead=owner.call("GET", "/v1/me").status == 401,
    )


def _said(answer: Answer) -> tuple[int, str]:
    return answer.status, answer["code"] if answer.status >= 400 else ""


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Rotate tokens and steal some; return figures and bars."""
    crowd = Crowd(rig, seed)
    phones = _phones(crowd, rig, size.phones + size.stolen + size.hasty)
    victims = phones[size.phones : size.phones + size.stolen]
    hasty = phones[size.phones + size.stolen :]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        played = list(
            pool.map(
                lambda numbered: drive(numbered[1], size.rotations, numbered[0]),
                enumerate(phones[: size.phones], seed * 1_000),
            )
        )
        say("all phones have rotated")
        thefts = list(pool.map(steal, victims))
        say("all tokens were stolen")
        for phone in hasty:
            phone.is_hasty = True
        list(pool.map(lambda phone: drive(phone, size.rotations, seed), hasty))
    events = _events(rig.env["DATABASE_URL"])
    stolen_from = {phone.person.family["id"] for phone in victims}
    patient = {phone.person.family["id"] for phone in played}
    one_each = sum(events[family] == 1 for family in stolen_from)
    seen = sum((phone.seen for phone in played), Counter[str]())
    lost = seen["cut off"] + seen["read and forgotten"]
    figures = {
        "rotations": sum(phone.rotations for phone in played),
        "answers": dict(sorted(seen.items())),
        "share_lost": round(lost / max(seen.total(), 1), 3),
        "stolen": len(thefts),
        "hasty_phones": len(hasty),
        "hasty_log_outs": sum(phone.logged_out for phone in hasty),
    }
    logged_out = sum(phone.logged_out for phone in played)
    bars = [
        Bar("forced_log_outs", 0, logged_out, is_ceiling=True),
        Bar("rotations", size.phones * size.rotations, figures["rotations"]),
        Bar("thefts_found", size.stolen, sum(theft.is_found for theft in thefts)),
        Bar(
            "families_dead",
            size.stolen,
            sum(
                theft.is_owner_out and theft.is_thief_out and theft.is_access_dead
                for theft in thefts
            ),
        ),
        Bar("thefts_with_one_event", size.stolen, one_each),
        Bar("false_alarms", 0, len(set(events) & patient), is_ceiling=True),
    ]
    return figures, bars


def _phones(crowd: Crowd, rig: Rig, number: int) -> list[Phone]:
    company = crowd.company(OrganisationKind.CARRIER)
    people = [
        crowd.person(company.id, [Role.DRIVER], has_phone=True) for _ in range(number)
    ]
    crowd.settle()
    return [
        Phone(person, crowd.refresh_token(person), Client(rig.web.url))
        for person in people
    ]


def _events(database_url: str) -> Counter[UUID]:
    """Return the number of theft events of each sign-in."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select (body ->> 'family_id')::uuid from events"
            " where kind = 'session.token_reused'"
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
