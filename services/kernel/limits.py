"""Rate limits: one row for each key, one statement for each request."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.kernel.limits import RateLimit
from runtime.errors import DomainError
from services.kernel.batches import delete_batch

# scope: rows of keys, which belong to no company.
TAKE = text("select ahead_s, waiting_s from take_limits(:keys, :intervals, :most)")
"""Source: `migrations/versions/0012_entrance.py`."""

Asked = Sequence[tuple[str, str, "Rule"]]
"""For each rule its name, the key that asks, and the rule."""


class RateLimited(DomainError):
    """The caller asks too often; `Retry-After` says when to try again."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"

    def __init__(self, allowance: "Allowance") -> None:
        wait_s = allowance.retry_after_s
        rule = allowance.rule
        super().__init__(
            f"At most {rule.quota} {rule.counts} in {rule.window_s} s:"
            f" try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """`quota` requests in `window_s` seconds, all at once or spread out.

    cost: as how many this request counts, at most `quota`.
    counts: what is counted, in the plural.
    """

    quota: int
    window_s: int = 60
    cost: int = 1
    counts: str = "requests"

    @property
    def interval_s(self) -> float:
        """How long it takes until what this request uses up is free again."""
        return self.window_s / self.quota * self.cost


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a rule allows one request, and what is left of its quota.

    name: of the rule.
    remaining: how many more requests it would allow now.
    reset_s: seconds until the whole quota is free again.
    retry_after_s: seconds until a refused request would be allowed; 0 if allowed.
    """

    name: str
    rule: Rule
    is_allowed: bool
    remaining: int
    reset_s: int
    retry_after_s: int


def take(session: Session, name: str, key: str, rule: Rule) -> Allowance:
    """Count one request of `key` against `rule`, by the database's clock.

    A refused request is not counted, so a caller who waits is allowed again. The row
    is kept under a hash: where `key` stands for an address, pass one that cannot be
    guessed.

    name: of the rule; a key is counted separately for each name.

    Locks: the key's row, until the transaction ends: commit at once.
    Source: GCRA, ITU-T I.371 annex A (virtual scheduling), in one upsert.
    """
    return take_each(session, [(name, key, rule)])[0]


def take_each(session: Session, asked: Asked) -> list[Allowance]:
    """Count one request against each rule, as `take` does, in one statement.

    The rules are checked in the order given. The first that refuses gives the last
    allowance of the result; the rules after it are not counted.

    Locks: the keys' rows, in that order.
    """
    names = ("keys", "intervals", "most")
    values = dict(zip(names, arguments(asked), strict=True))
    return allowances(asked, *session.execute(TAKE, values).one())


def arguments(asked: Asked) -> tuple[list[str], list[float], list[float]]:
    """Return what the database function `take_limits` wants of these rules.

    That is the hash of each key, and in seconds what the request takes of its time and
    the most that a key may be ahead of its time when it asks.
    """
    return (
        [sha256(f"{name}\n{key}".encode()).hexdigest() for name, key, _ in asked],
        [rule.interval_s for _, _, rule in asked],
        [_most_ahead_s(rule) for _, _, rule in asked],
    )


def allowances(
    asked: Asked, ahead_s: Sequence[float], waiting_s: float | None
) -> list[Allowance]:
    """Return the allowances that the answer of `take_limits` means.

    ahead_s: of each rule that allowed the request, how far its key is ahead now.
    waiting_s: of the rule that refused it; None if none did.
    """
    found = []
    for (name, _, rule), ahead in zip(asked, ahead_s, strict=False):
        room = int((rule.window_s - ahead + 1e-6) / (rule.window_s / rule.quota))
        found.append(Allowance(name, rule, True, max(room, 0), ceil(ahead), 0))
    if waiting_s is not None:
        name, _, rule = asked[len(found)]
        wait_s = max(ceil(waiting_s - _most_ahead_s(rule)), 1)
        found.append(Allowance(name, rule, False, 0, ceil(waiting_s), wait_s))
    return found


def _most_ahead_s(rule: Rule) -> float:
    # The microsecond keeps rounding from refusing a request.
    return rule.window_s - rule.interval_s + 1e-6


def prune(session: Session, *, most: int = 10_000) -> int:
    """Delete the keys whose whole quota is free again, at most `most` (a job).

    Safe to repeat; returns how many were deleted.
    """
    over = (
        select(RateLimit.key)
        .where(RateLimit.tat < text("extract(epoch from clock_timestamp())"))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return delete_batch(session, RateLimit, over)
