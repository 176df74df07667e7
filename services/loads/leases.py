"""Posting leases: a load that is not renewed leaves the market by itself."""

# scope: a job, for all companies.

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct, LoadStatus, OfferAct
from models.loads.loads import Load
from services.kernel import moves
from services.kernel.events import Cause
from services.offers import ending


def lapse(session: Session, *, now: datetime, most: int = 500) -> int:
    """Mark loads held if their lease ran out, expired if too late to pick up (a job).

    Their open offers are withdrawn. At most `most` loads change at once; returns how
    many did. Safe to repeat.

    Locks: those loads that are not locked, then their offers.
    """
    late = session.scalars(
        select(Load)
        .where(
            Load.status.in_([LoadStatus.POSTED, LoadStatus.HELD]),
            or_(
                Load.pickup_until <= now,
                (Load.status == LoadStatus.POSTED) & (Load.lease_expires_at <= now),
            ),
        )
        .order_by(Load.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    for load in late:
        is_over = load.pickup_until <= now
        act = LoadAct.EXPIRE if is_over else LoadAct.LAPSE
        moves.move_load(session, load, act, Cause(now))
        ending.end_for_load(
            session, load.id, OfferAct.WITHDRAW, Cause(now, reason=f"the load {act}d")
        )
    return len(late)
