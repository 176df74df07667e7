"""How often somebody may ask: one row for each key, one statement for each request."""

import hashlib
from dataclasses import dataclass
from math import ceil

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from errors import DomainError
from models.limits import RateLimit

TAKE = text(
    "insert into rate_limits as r (key, tat)"
    " values (:key, extract(epoch from clock_timestamp()) + :interval_s)"
    " on conflict (key) do update"
    " set tat = greatest(r.tat, extract(epoch from clock_timestamp())) + :interval_s"
    " where greatest(r.tat, extract(epoch from clock_timestamp()))"
    " - extract(epoch from clock_timestamp()) <= :most_ahead_s"
    " returning tat - extract(epoch from clock_timestamp())"
)
WAITING = text(
    "select greatest(tat - extract(epoch from clock_timestamp()), 0)"
    " from rate_limits where key = :key"
)


class RateLimited(DomainError):
    """The caller asks too often; `Retry-After` says when there is room again."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"

    def __init__(self, verdict: "Verdict") -> None:
        wait_s = verdict.retry_after_s
        rule = verdict.rule
        super().__init__(
            f"At most {rule.quota} in {rule.window_s} s: come back in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """`quota` requests in `window_s` seconds, all at once or one by one."""

    quota: int
    window_s: int = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one request.

    remaining: how many more there is room for now.
    reset_s: until the whole quota is free again, seconds.
    retry_after_s: until there is room for one, 0 if there is.
    """

    name: str
    rule: Rule
    is_allowed: bool
    remaining: int
    reset_s: int
    retry_after_s: int


def take(session: Session, name: str, key: str, rule: Rule) -> Verdict:
    """Count one request of `key` against `rule`, by the database's clock.

    A refused request costs nothing, so who waits is let in again. The row is kept
    under a hash: give a `key` that cannot be guessed where it is somebody's address.

    name: of the rule; the same key is counted for each name by itself.

    Locks: the key's row, until the transaction ends: commit at once.
    Source: GCRA, ITU-T I.371 annex A (virtual scheduling), in one upsert.
    """
    row = hashlib.sha256(f"{name}\n{key}".encode()).hexdigest()
    interval_s = rule.window_s / rule.quota
    # A microsecond: rounding must not cost a request.
    most_ahead_s = rule.window_s - interval_s + 1e-6
    asked = {"key": row, "interval_s": interval_s, "most_ahead_s": most_ahead_s}
    ahead_s = session.scalar(TAKE, asked)
    if ahead_s is not None:
        room = int((rule.window_s - ahead_s + 1e-6) / interval_s)
        return Verdict(name, rule, True, max(room, 0), ceil(ahead_s), 0)
    ahead_s = session.scalar(WAITING, {"key": row}) or 0.0
    wait_s = max(ceil(ahead_s - most_ahead_s), 1)
    return Verdict(name, rule, False, 0, ceil(ahead_s), wait_s)


def prune(session: Session, *, most: int = 10_000) -> int:
    """Forget the keys that have their whole quota again (a job).

    Safe to repeat; returns how many were forgotten.
    """
    over = (
        select(RateLimit.key)
        .where(RateLimit.tat < text("extract(epoch from clock_timestamp())"))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    gone = session.execute(
        delete(RateLimit).where(RateLimit.key.in_(over.scalar_subquery()))
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
