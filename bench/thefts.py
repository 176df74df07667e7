"""Stolen refresh tokens: used after the phone, or in turns with it."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from bench.client import Answer, Client, Refused
from bench.phones import PATH, Phone
from market.phone_keys import PhoneKey

FOUND = {(401, "refresh-token-reused"), (401, "refresh-key-mismatch")}
MOST_TURNS = 10


@dataclass(frozen=True)
class Theft:
    """What followed from one stolen token. Every field should be True."""

    is_found: bool
    is_owner_out: bool
    is_thief_out: bool
    is_access_dead: bool

    @property
    def is_over(self) -> bool:
        """Whether neither of the two can go on."""
        return self.is_owner_out and self.is_thief_out and self.is_access_dead


@dataclass(frozen=True)
class Lockstep:
    """A phone and a thief who took turns.

    found_after: rotations of the token until the theft was found, None if it was not.
    """

    found_after: int | None
    is_over: bool


def steal(phone: Phone) -> Theft:
    """Copy the token, let its owner use it and its successor, then use the copy.

    Raises: Refused if the owner is refused before the copy was used.
    """
    copied = phone.token
    for _ in range(2):
        answer = _need(phone.refresh(phone.token))
        phone.token = answer["refresh_token"]
    replayed = phone.refresh(copied)
    return Theft(
        is_found=_said(replayed) in FOUND,
        is_owner_out=phone.refresh(phone.token).status == 401,
        is_thief_out=phone.refresh(copied).status == 401,
        is_access_dead=_is_dead(phone, answer),
    )


def take_turns(phone: Phone, pace: timedelta, seed: int) -> Lockstep:
    """Let the phone and a thief use each refresh token, one after the other.

    Chance says who begins, and whether a thief of a phone with a key has a key of their
    own or none.

    pace: the time after each use.

    Raises: Refused if a token is refused for another reason than the theft.
    """
    rng = Random(seed)
    thief = phone.copied(rng.choice([None, PhoneKey()]) if phone.key else None)
    first, second = (phone, thief) if rng.random() < 0.5 else (thief, phone)
    token = phone.token
    for turn in range(1, MOST_TURNS + 1):
        given: list[Answer] = []
        for user in (first, second):
            answer = user.refresh(token)
            if _said(answer) in FOUND:
                return Lockstep(turn, _is_over(phone, thief, token, given))
            given.append(_need(answer))
            phone.clock.let_pass(phone.person, pace)
        token = given[-1]["refresh_token"]
    return Lockstep(None, is_over=False)


def _is_over(phone: Phone, thief: Phone, token: str, given: list[Answer]) -> bool:
    """Say whether neither of the two can use the token, or what came of it."""
    tokens = [token, *(answer["refresh_token"] for answer in given)]
    refused = [
        user.refresh(each).status == 401 for user in (phone, thief) for each in tokens
    ]
    return all(refused) and all(_is_dead(phone, answer) for answer in given)


def _is_dead(phone: Phone, answer: Answer) -> bool:
    """Say whether the access token of the answer is refused."""
    owner = Client(phone.client.url, answer["access_token"])
    return owner.call("GET", "/v1/me").status == 401


def _need(answer: Answer) -> Answer:
    if answer.status != 200:
        raise Refused(f"{PATH}: {answer.status} {answer.body}")
    return answer


def _said(answer: Answer) -> tuple[int, str]:
    return answer.status, answer["code"] if answer.status >= 400 else ""
