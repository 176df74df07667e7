"""The market: which loads are on it, and locking one to take it."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, TextClause, func, or_, select, text
from sqlalchemy.orm import Session, selectinload

from freight.lifecycles import LoadStatus
from models.loads.loads import Load, Visibility
from runtime.errors import NotFound
from services.kernel.actors import Actor
from services.loads.loads import visible_loads

ON_THE_MARKET = """
    loads.status = 'posted' and not loads.is_unconfirmed
    and loads.lease_expires_at > :now and loads.pickup_until > :now
    and (loads.visibility = 'network' or loads.org_id = :org_id)
    and loads.org_id <> all (array(select suspended_organisations()))
"""
"""The one definition of "on the market", in SQL. The load is posted, its figures are
usual or confirmed, its lease and its last pickup window are open, the company `:org_id`
may see it, and its poster's company is not suspended."""


def is_on_the_market(org_id: UUID) -> TextClause:
    """Return the condition that a load is on the market for this company, now."""
    condition = ON_THE_MARKET.replace(":now", "now()")
    return text(condition).bindparams(org_id=org_id)


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


def standing(session: Session, load: Load, org_id: UUID) -> Standing:
    """Return where the load stands for the company, by the database's clock. The caller
    has locked the load."""
    # scope: a load that the actor may know of, and their company.
    at, is_poster_suspended, is_carrier_suspended = session.execute(
        select(func.now(), func.is_suspended(load.org_id), func.is_suspended(org_id))
    ).one()
    is_posted = load.status is LoadStatus.POSTED and not load.is_unconfirmed
    lease = load.lease_expires_at
    return Standing(
        is_listed=is_posted and load.pickup_until > at,
        is_lease_over=lease is None or lease <= at,
        is_visible=load.visibility is Visibility.NETWORK or load.org_id == org_id,
        is_poster_suspended=is_poster_suspended,
        is_carrier_suspended=is_carrier_suspended,
    )


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
