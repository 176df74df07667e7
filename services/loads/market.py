"""The market: which loads are on it, and taking one off it."""

from uuid import UUID

from sqlalchemy import Select, TextClause, select, text
from sqlalchemy.orm import Session

from models.loads.loads import Load
from runtime.errors import Gone, NotFound
from services.kernel.actors import Actor
from services.loads.loads import visible_loads

ON_THE_MARKET = """
    loads.status = 'posted'
    and loads.lease_expires_at > :now and loads.pickup_until > :now
    and (loads.visibility = 'network' or loads.org_id = :org_id)
    and loads.org_id <> all (array(select suspended_organisations()))
"""
"""The one definition, in SQL: posted, its lease and its last pickup window open, shown
to the company `:org_id`, and by a company that takes part."""


class LoadTaken(Gone):
    """Somebody else has the load."""

    code = "load-taken"
    title = "The load is taken"


def is_on_the_market(org_id: UUID) -> TextClause:
    """Return the condition that a load is on the market for this company, now."""
    condition = ON_THE_MARKET.replace(":now", "now()")
    return text(condition).bindparams(org_id=org_id)


def market_loads(actor: Actor) -> Select[Load]:
    """Return what is posted to the network, or by the actor's own company."""
    return (
        select(Load)
        .where(
            is_on_the_market(actor.org_id),
        )
        .order_by(Load.id.desc())
    )


def lock_market_load(session: Session, actor: Actor, load_id: UUID) -> Load:
    """Lock and return a load that the actor's company may take.

    Raises: NotFound; LoadTaken if it was on the market and is not any more.
    """
    load = session.scalar(
        market_loads(actor).where(Load.id == load_id).with_for_update(of=Load)
    )
    if load is None:
        raise _off_market(session, actor, load_id)
    return load


def check_on_market(session: Session, actor: Actor, load_id: UUID) -> None:
    """Make sure the actor's company may take the load, as far as can be seen now.

    Raises: NotFound; LoadTaken if it was on the market and is not any more.
    """
    # scope: `market_loads` is the door.
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
