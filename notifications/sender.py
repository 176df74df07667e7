"""One attempt to push to one device: its outcome, and the wait before the next."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from uuid import UUID

from models.people.targets import TargetKind
from notifications.gateway import (
    Gateway,
    PayloadRefused,
    ProviderMisconfigured,
    TargetGone,
    TryLater,
    WrongProject,
    retry_wait_s,
)
from notifications.messages import Message


class Outcome(StrEnum):
    """What became of an attempt; `services.offers.pushes` acts on it."""

    ACCEPTED = "accepted"
    TARGET_GONE = "target_gone"
    WRONG_PROJECT = "wrong_project"
    PAYLOAD_REFUSED = "payload_refused"
    MISCONFIGURED = "misconfigured"
    LATER = "later"


ALARMS = frozenset(
    {Outcome.WRONG_PROJECT, Outcome.PAYLOAD_REFUSED, Outcome.MISCONFIGURED}
)
"""Outcomes that need a person: a bug of ours, or our keys."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with the device it goes to. `attempts` includes the coming one."""

    push_id: UUID
    target_kind: TargetKind
    target: str
    message: Message
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one attempt.

    detail: the provider's name of the message, or the reason of the failure.
    wait_s: until the next attempt; None if there is none.
    """

    outcome: Outcome
    detail: str
    wait_s: float | None = None


def attempt(gateway: Gateway, envelope: Envelope, rng: Random) -> Attempt:
    """Send once, outside of any transaction; never raises for what a provider does."""
    try:
        name = gateway.send(envelope.target_kind, envelope.target, envelope.message)
    except TargetGone as error:
        return Attempt(Outcome.TARGET_GONE, error.reason)
    except WrongProject as error:
        return Attempt(Outcome.WRONG_PROJECT, str(error))
    except PayloadRefused as error:
        return Attempt(Outcome.PAYLOAD_REFUSED, str(error))
    except ProviderMisconfigured as error:
        wait_s = retry_wait_s(error, envelope.attempts, rng)
        return Attempt(Outcome.MISCONFIGURED, str(error), wait_s)
    except TryLater as error:
        wait_s = retry_wait_s(error, envelope.attempts, rng)
        return Attempt(Outcome.LATER, str(error), wait_s)
    return Attempt(Outcome.ACCEPTED, name)
