"""The market: which loads are on it, and locking one to take it."""

from uuid import UUID

from sqlalchemy import Select, TextClause, select, text
from sqlalchemy.orm import Session

from models.loads.loads import Load
from runtime.errors import Gone, NotFound
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


class LoadTaken(Gone):
    """Another driver has the load, or it left the market."""

    code = "load-taken"
    title = "The load is taken"


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


def lock_market_load(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Lock and return a load that the actor's company may take.

    Locks: the load. Raises: NotFound; LoadTaken if the load is not on the market, but
    the actor may know of it.
    """
    load = session.scalar(
        market_loads(actor).where(Load.id == load_id).with_for_update(of=Load)
    )
    if load is None:
        raise _off_market(session, actor, load_id)
    return load


def check_on_market(session: Session, actor: Actor, load_id: UUID) -> None:
    """Check that the actor's company may take the load now, without locking it.

    Raises: NotFound; LoadTaken if the load is not on the market, but the actor may know
    of it.
    """
    # scope: the query starts from `market_loads`.
    seen = market_loads(actor).where(Load.id == load_id)
    if session.scalar(seen.with_only_columns(Load.id)) is None:
        raise _off_market(session, actor, load_id)


def _off_market(session: Session, actor: Actor, load_id: UUID) -> Exception:
    known = session.scalar(visible_loads(actor).where(Load.id == load_id))
    if known is None:
        return NotFound(f"No load {load_id} on the market.")
    return LoadTaken(
        f"The load is {known.status}.", extra={"current_status": known.status}
    )
