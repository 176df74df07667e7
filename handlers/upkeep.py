"""Upkeep: delete what is old, make coming partitions, chain and sign the audit log."""

from collections.abc import Callable

from handlers.supplies import Handlers, Supplies, in_batches
from jobs import Job
from runtime.db import Session
from runtime.telemetry import log
from services.fleet import positions
from services.kernel import idempotency, limits
from services.market import changes
from services.people import lockouts
from services.upkeep import audit, retention


def lockouts_prune(supplies: Supplies) -> None:
    """Delete the failed sign-ins that no longer lock a login."""
    with Session.begin() as session:
        lockouts.prune(session, now=supplies.now())


def positions_partition(supplies: Supplies) -> None:
    """Make the coming days' partitions, drop the oldest."""
    with Session.begin() as session:
        positions.make_partitions(session, now=supplies.now())


def audit_chain(supplies: Supplies) -> None:
    """Add the new audit entries to their companies' chains."""
    in_batches(audit.chain)


def audit_sign_heads(supplies: Supplies) -> None:
    """Sign the heads of the audit chains and log them; the log is kept elsewhere."""
    audit_chain(supplies)
    with Session.begin() as session:
        for signature in audit.sign_heads(
            session, supplies.audit_key, now=supplies.now()
        ):
            log().info("audit.head", **audit.to_record(signature))


def idempotency_prune(supplies: Supplies) -> None:
    """Delete the idempotency keys whose answers are kept no longer."""
    in_batches(lambda session: idempotency.prune(session, now=supplies.now()))


def limits_prune(supplies: Supplies) -> None:
    """Delete the counts of keys whose whole quota is free again."""
    in_batches(limits.prune)


def credentials_prune(supplies: Supplies) -> None:
    """Delete the invitations, resets and sign-ins that ended long ago."""
    _prune(supplies, retention.prune_credentials)


def pushes_prune(supplies: Supplies) -> None:
    """Delete the pushes that ended long ago."""
    _prune(supplies, retention.prune_pushes)


def searches_prune(supplies: Supplies) -> None:
    """Delete the old searches that offered nothing."""
    _prune(supplies, retention.prune_searches)


def tombstones_prune(supplies: Supplies) -> None:
    """Delete the tombstones of loads that every market in memory has read."""
    in_batches(changes.prune_tombstones)


def _prune(supplies: Supplies, batch: Callable[..., int]) -> None:
    in_batches(lambda session: batch(session, supplies.kept, now=supplies.now()))


JOBS: Handlers = {
    Job.LOCKOUTS_PRUNE: lockouts_prune,
    Job.POSITIONS_PARTITION: positions_partition,
    Job.AUDIT_CHAIN: audit_chain,
    Job.AUDIT_SIGN_HEADS: audit_sign_heads,
    Job.IDEMPOTENCY_PRUNE: idempotency_prune,
    Job.LIMITS_PRUNE: limits_prune,
    Job.CREDENTIALS_PRUNE: credentials_prune,
    Job.PUSHES_PRUNE: pushes_prune,
    Job.SEARCHES_PRUNE: searches_prune,
    Job.TOMBSTONES_PRUNE: tombstones_prune,
}
