"""Phones that refresh their tokens and lose answers, and the time that passes."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.client import TIMEOUT_S, Answer, Client, Refused
from bench.crowd import Person
from market.phone_keys import PhoneKey

PATH = "/v1/sessions/refresh"
LOST = 0.4
"""Share of answers that are lost: half of them the phone reads and forgets, of the
others it sees no more than the first byte."""

MOST_TRIES = 50


@dataclass(frozen=True)
class Clock:
    """Lets time pass for one sign-in: its times are moved back in the database."""

    database_url: str

    def let_pass(self, person: Person, time: timedelta) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(
                "update refresh_families set created_at = created_at - %(time)s,"
                " last_used_at = last_used_at - %(time)s,"
                " expires_at = expires_at - %(time)s where id = %(id)s",
                {"time": time, "id": person.family["id"]},
            )


@dataclass
class Phone:
    """A phone with its newest refresh token, and the answers it got.

    key: None for a phone without one.
    is_hasty: where other phones lose an answer, this one does not wait for it: it asks
        again while the server still works on the first request.
    pause: how long it has no signal after it lost an answer.
    """

    person: Person
    token: str
    client: Client
    clock: Clock
    key: PhoneKey | None = None
    is_hasty: bool = False
    pause: timedelta = timedelta(0)
    rotations: int = 0
    logged_out: bool = False
    seen: Counter[str] = field(default_factory=Counter)

    def refresh(self, token: str) -> Answer:
        """Send this token from this phone."""
        return self.client.call("POST", PATH, self._body(token), **self._proof(token))

    def hang_up(self) -> None:
        """Send the token and close at the answer's first byte or, if hasty, at once."""
        address = urlsplit(self.client.url).netloc
        connection = HTTPConnection(address, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json"} | self._proof(self.token)
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
                self._lose("cut off")
                continue
            answer = self.refresh(self.token)
            if luck < LOST and answer.status == 200:
                self._lose("read and forgotten")
                continue
            self.seen[str(answer.status)] += 1
            if answer.status == 200:
                self.token = answer["refresh_token"]
                self.rotations += 1
            else:
                self.logged_out = True
            return
        raise Refused(f"{MOST_TRIES} answers were lost in a row.")

    def copied(self, key: PhoneKey | None) -> "Phone":
        """Return a thief who has the newest token, and no key or one of their own."""
        return replace(self, key=key, seen=Counter())

    def _lose(self, how: str) -> None:
        self.seen[how] += 1
        if self.pause:
            self.clock.let_pass(self.person, self.pause)

    def _proof(self, token: str) -> dict[str, str]:
        return {"DPoP": self.key.proof("POST", PATH, token=token)} if self.key else {}

    def _body(self, token: str) -> dict[str, Any]:
        return {"refresh_token": token, "device_id": str(self.person.device_id)}


def drive(phone: Phone, rotations: int, seed: int) -> Phone:
    """Rotate the phone's token `rotations` times, or until it is logged out."""
    rng = Random(seed)
    while phone.rotations < rotations and not phone.logged_out:
        phone.rotate(rng)
    return phone
