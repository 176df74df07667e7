"""Rate limits: one row for each key, one statement for each request."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import ceil

from sqlalchemy import TextClause, delete, select, text
from sqlalchemy.orm import Session

from models.kernel.limits import RateLimit
from runtime.errors import DomainError

TAKE = """
take_{n} as (
    insert into rate_limits as r (key, tat)
    select :key_{n}, extract(epoch from clock_timestamp()) + :interval_s_{n} {if_before}
    on conflict (key) do update
    set tat = greatest(r.tat, extract(epoch from clock_timestamp())) + :interval_s_{n}
    where greatest(r.tat, extract(epoch from clock_timestamp()))
        - extract(epoch from clock_timestamp()) <= :most_ahead_s_{n}
    returning tat - extract(epoch from clock_timestamp()) as ahead_s
)
"""
WAITING = text(
    "select greatest(tat - extract(epoch from clock_timestamp()), 0)"
    " from rate_limits where key = :key"
)


class RateLimited(DomainError):
    """The caller asks too often; `Retry-After` says when to try again."""

    status = 429
    code = "rate-limited"
    title = "Too many requests"

    def __init__(self, allowance: "Allowance") -> None:
        wait_s = allowance.retry_after_s
        rule = allowance.rule
        super().__init__(
            f"At most {rule.quota} requests in {rule.window_s} s:"
            f" try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """`quota` requests in `window_s` seconds, all at once or spread out."""

    quota: int
    window_s: int = 60


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


def take_each(
    session: Session, asked: Sequence[tuple[str, str, Rule]]
) -> list[Allowance]:
    """Count one request against each rule, as `take` does, in one statement.

    The rules are checked in the order given. The first that refuses gives the last
    allowance of the result; the rules after it are not counted.

    Locks: the keys' rows, in that order.
    """
    rows = [sha256(f"{name}\n{key}".encode()).hexdigest() for name, key, _ in asked]
    values: dict[str, str | float] = {}
    for n, (row, (_, _, rule)) in enumerate(zip(rows, asked, strict=True)):
        values[f"key_{n}"] = row
        values[f"interval_s_{n}"] = rule.window_s / rule.quota
        values[f"most_ahead_s_{n}"] = _most_ahead_s(rule)
    found = session.execute(_taking(len(asked)), values)
    taken: dict[int, float] = {row.n: row.ahead_s for row in found}
    allowances: list[Allowance] = []
    for n, (name, _, rule) in enumerate(asked):
        if n not in taken:
            return [*allowances, _refusal(session, name, rows[n], rule)]
        room = int((rule.window_s - taken[n] + 1e-6) / (rule.window_s / rule.quota))
        allowances.append(Allowance(name, rule, True, max(room, 0), ceil(taken[n]), 0))
    return allowances


@cache
def _taking(number: int) -> TextClause:
    takes = [
        # A rule that refuses returns no row, so the rules after it insert none.
        TAKE.format(n=n, if_before=f"from take_{n - 1}" if n else "")
        for n in range(number)
    ]
    found = [f"select {n} as n, ahead_s from take_{n}" for n in range(number)]
    return text(f"with {', '.join(takes)} {' union all '.join(found)}")


def _most_ahead_s(rule: Rule) -> float:
    # The microsecond keeps rounding from refusing a request.
    return rule.window_s - rule.window_s / rule.quota + 1e-6


def _refusal(session: Session, name: str, row: str, rule: Rule) -> Allowance:
    ahead_s = session.scalar(WAITING, {"key": row}) or 0.0
    wait_s = max(ceil(ahead_s - _most_ahead_s(rule)), 1)
    return Allowance(name, rule, False, 0, ceil(ahead_s), wait_s)


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
    gone = session.execute(
        delete(RateLimit).where(RateLimit.key.in_(over.scalar_subquery()))
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
