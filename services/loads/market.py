"""The market: which loads are on it, and locking one to take it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, TextClause, or_, select, text
from sqlalchemy.orm import Session, selectinload

from jobs import Job, enqueue, enqueue_each
from models.loads.loads import Load
from runtime.errors import NotFound
from services.kernel.actors import Actor
from services.loads.loads import visible_loads

IS_LISTED = (
    "loads.status = 'posted' and not loads.is_unconfirmed and loads.pickup_until > :now"
)
IS_LEASED = "loads.lease_expires_at > :now"
IS_VISIBLE = "(loads.visibility = 'network' or loads.org_id = :org_id)"
IS_POSTER_ACTIVE = "loads.org_id <> all (array(select suspended_organisations()))"

ON_THE_MARKET = " and ".join([IS_LISTED, IS_LEASED, IS_VISIBLE, IS_POSTER_ACTIVE])
"""The one definition of "on the market", in SQL. The load is posted, its figures are
usual or confirmed, its lease and its last pickup window are open, the company `:org_id`
may see it, and its poster's company is not suspended."""

LOADS_A_JOB = 50
"""A job of so many loads takes a few seconds."""

# scope: a load that the actor may know of, and their company.
STANDING = text(
    f"""
    select {IS_LISTED} as is_listed, {IS_LEASED} is not true as is_lease_over,
        {IS_VISIBLE} as is_visible, not {IS_POSTER_ACTIVE} as is_poster_suspended,
        is_suspended(:org_id) as is_carrier_suspended
    from loads where loads.id = :load_id
    """.replace(":now", "now()")
)


def is_on_the_market(org_id: UUID) -> TextClause:
    """Return the condition that a load is on the market for this company, now."""
    condition = ON_THE_MARKET.replace(":now", "now()")
    return text(condition).bindparams(org_id=org_id)


def came(session: Session, load: Load) -> None:
    """Look for waiting drivers: the load came to the market, or pays more (a job)."""
    if not load.is_unconfirmed:
        enqueue(session, Job.SEARCH_WAKE, load_id=str(load.id))


def came_back(session: Session, org_id: UUID, *, now: datetime) -> None:
    """Look for waiting drivers for all loads of a company that is on the market again
    (a job for each LOADS_A_JOB of them)."""
    # scope: the operator's command, for one company.
    listed = select(Load.id).where(Load.org_id == org_id, is_on_the_market(org_id))
    ids = [str(load_id) for load_id in session.scalars(listed.order_by(Load.id))]
    jobs = [
        {"load_ids": ids[first : first + LOADS_A_JOB], "since": now.isoformat()}
        for first in range(0, len(ids), LOADS_A_JOB)
    ]
    enqueue_each(session, Job.SEARCH_WAKE_EACH, jobs)


def market_loads(actor: Actor) -> Select[Load]:
    """Return the loads on the market for the actor's company.

    These are loads posted to the network, and the company's own; the highest id first,
    which its poster may have made.
    """
    return select(Load).where(is_on_the_market(actor.org_id)).order_by(Load.id.desc())


def lock_known_load(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Lock and return a load on the market for the actor's company, or another that the
    actor may know of, with its stops.

    Locks: the load. Raises: NotFound.
    """
    load = session.scalar(
        _known(actor, load_id)
        .options(selectinload(Load.stops))
        .with_for_update(of=Load)
    )
    if load is None:
        raise NotFound(f"No load {load_id} on the market.")
    return load


def check_known(session: Session, actor: Actor, load_id: UUID) -> None:
    """Check that `lock_known_load` would find the load, without waiting for it.

    Raises: NotFound.
    """
    # scope: `_known` is within the actor's scopes.
    if session.scalar(_known(actor, load_id).with_only_columns(Load.id)) is None:
        raise NotFound(f"No load {load_id} on the market.")


def _known(actor: Actor, load_id: UUID) -> Select[Load]:
    # scope: the two scopes of loads, together.
    known = visible_loads(actor).with_only_columns(Load.id).where(Load.id == load_id)
    seen = or_(is_on_the_market(actor.org_id), Load.id.in_(known.order_by(None)))
    return select(Load).where(Load.id == load_id, seen)


class Standing(NamedTuple):
    """What keeps a load from the market, or off it for one company; see `Moment`."""

    is_listed: bool = True
    is_lease_over: bool = False
    is_visible: bool = True
    is_poster_suspended: bool = False
    is_carrier_suspended: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the company may take the load."""
        return self == ON_ITS_MARKET


ON_ITS_MARKET = Standing()


def standing(session: Session, load_id: UUID, org_id: UUID) -> Standing:
    """Return where the load stands for the company, by the database's clock. The caller
    has locked the load."""
    asked = {"load_id": load_id, "org_id": org_id}
    return Standing(**session.execute(STANDING, asked).one()._mapping)
