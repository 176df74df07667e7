"""Why did this driver get, or not get, this load?"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.lifecycles import LoadAct, LoadStatus
from freight.ranking import Ranked
from geo.roads import Roads
from models.kernel.events import Event
from models.loads.assignments import Assignment
from models.loads.loads import Load, Visibility
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from runtime.errors import NotFound
from services.judging.judge import judge_again
from services.kernel.actors import Actor
from services.kernel.standing import is_suspended
from services.kernel.tenancy import act_on_loads
from services.loads.confirmation import CONFIRM_FIGURES
from services.search import searches


class Verdict(StrEnum):
    """The answer in one word."""

    OFFERED = "offered"
    RANKED = "ranked"
    EXCLUDED = "excluded"
    NOT_ON_THE_MARKET = "not_on_the_market"
    NOT_SEARCHED = "not_searched"
    NOT_KNOWN = "not_known"


class ExplanationReason(StrEnum):
    """The reasons that are neither those of a stage nor the outcome of the search."""

    OFFERED = "offered"
    OTHERS_WERE_OFFERED_FIRST = "others_were_offered_first"
    BEYOND_THE_KEPT_BEST = "beyond_the_kept_best"
    NOT_POSTED = "not_posted"
    EDITED_SINCE = "edited_since"


FIGURES = frozenset({"score_cents", "terms", "figures"})
"""The fields of an answer that tell about the load itself."""


def explain(
    session: Session, actor: Actor, search_id: UUID, load_id: UUID, roads: Roads
) -> dict[str, Any]:
    """Return the verdict of the search on the load, and why.

    A load among the kept best is answered from the record. Any other load is judged
    again, by the search's own code and from the kept situation, if it was not edited
    since the search (`has_changed`): what an edit made of it is not told, whether it
    is on the market or not. So what happens to a load after the search changes no
    answer but `has_changed`, and the verdict of an edited load, which is not known.

    Raises: NotFound, also for a load that the company may not know of. If the poster
        is suspended by now, a kept load is answered without its figures, any other
        load is NotFound.
    """
    # scope: `_may_know` decides whether the actor may know the load.
    search = searches.get_search(session, actor, search_id)
    kept = _kept(session, search, load_id)
    # Another carrier may have the load by now. Whether this company may know of it is
    # checked below.
    act_on_loads(session, [load_id])
    load = session.get(Load, load_id)
    is_hidden = load is not None and is_suspended(session, load.org_id)
    if load is None or not (
        kept or (_may_know(session, actor, load) and not is_hidden)
    ):
        raise NotFound(f"No load {load_id} that this search could have found.")
    has_changed = _happened(session, load, LoadAct.EDIT, search.searched_at)
    answer: dict[str, Any] = {
        "search_id": search.id,
        "load_id": load_id,
        "has_changed": has_changed,
    }
    if load.org_id == actor.org_id:
        answer["load_number"] = load.load_number
    if not search.situation:
        return answer | {"verdict": Verdict.NOT_SEARCHED, "reason": search.outcome}
    if kept:
        hidden = FIGURES if is_hidden else ()
        return answer | {name: kept[name] for name in kept if name not in hidden}
    if not _was_posted(session, load, search.searched_at, has_changed=has_changed):
        return answer | {
            "verdict": Verdict.NOT_ON_THE_MARKET,
            "reason": ExplanationReason.NOT_POSTED,
        }
    if has_changed:
        return answer | {
            "verdict": Verdict.NOT_KNOWN,
            "reason": ExplanationReason.EDITED_SINCE,
        }
    return answer | _judged(session, search, load_id, roads)


def _may_know(session: Session, actor: Actor, load: Load) -> bool:
    # scope: assignments of the actor's own company.
    if load.org_id == actor.org_id:
        return True
    if load.visibility is Visibility.NETWORK and load.posted_at is not None:
        return True
    # A former carrier must not learn that the load is private by now.
    had = select(Assignment.id).where(
        Assignment.load_id == load.id, Assignment.org_id == actor.org_id
    )
    return session.scalar(had.limit(1)) is not None


def _happened(session: Session, load: Load, what: str, since: datetime) -> bool:
    # scope: `explain` checks that the actor may know the load.
    events = select(Event.id).where(
        Event.subject_id == load.id,
        Event.kind == f"load.{what}",
        Event.received_at > since,
    )
    return session.scalar(events.limit(1)) is not None


def _kept(
    session: Session, search: BackhaulSearch, load_id: UUID
) -> dict[str, Any] | None:
    # scope: offers of a search that the actor may see.
    for place, record in enumerate(search.ranked, start=1):
        if record["candidate"]["load_id"] == str(load_id):
            offer = session.scalar(
                select(Offer).where(
                    Offer.search_id == search.id, Offer.load_id == load_id
                )
            )
            return {
                "verdict": Verdict.OFFERED if offer else Verdict.RANKED,
                "reason": ExplanationReason.OFFERED
                if offer
                else ExplanationReason.OTHERS_WERE_OFFERED_FIRST,
                "rank": place,
                "offer_id": offer.id if offer else None,
                "offer_status": offer.status if offer else None,
                "score_cents": record["score_cents"],
                "terms": record["terms"],
                "figures": record["figures"],
            }
    return None


def _was_posted(
    session: Session, load: Load, at: datetime, *, has_changed: bool
) -> bool:
    """Say, by the load's own events, whether it was on the market at that time.

    Its lease or window may have run out some time before a job recorded that.

    has_changed: the load was edited since; then its window and figures of now are not
        asked.
    """
    # scope: `explain` has checked that the actor may know the load.
    last = session.execute(
        select(Event.body)
        .where(
            Event.subject_id == load.id,
            Event.subject == "load",
            Event.received_at <= at,
            Event.kind != f"load.{LoadAct.EDIT}",
            Event.body.has_key("after"),
        )
        .order_by(Event.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if last is None or last["after"] != LoadStatus.POSTED:
        return False
    if not has_changed and (
        load.pickup_until <= at
        or load.is_unconfirmed
        or _happened(session, load, CONFIRM_FIGURES, at)
    ):
        return False
    # A load that an override posted again keeps its earlier lease.
    until = last.get("lease_expires_at")
    leases = [datetime.fromisoformat(until)] if until else []
    leases += [load.lease_expires_at] if load.lease_expires_at else []
    return all(lease > at for lease in leases)


def _judged(
    session: Session, search: BackhaulSearch, load_id: UUID, roads: Roads
) -> dict[str, Any]:
    judged = judge_again(session, search, load_id, roads)
    record = judged.to_record()
    if isinstance(judged, Ranked):
        return {
            "verdict": Verdict.RANKED,
            "reason": ExplanationReason.BEYOND_THE_KEPT_BEST,
            "score_cents": record["score_cents"],
            "terms": record["terms"],
            "figures": record["figures"],
        }
    told: dict[str, Any] = {
        "verdict": Verdict.EXCLUDED,
        "stage": record["stage"],
        "reason": record["reason"],
        "figure": record["figure"],
    }
    if judged.stop is not None:
        told["stop"] = judged.stop
    if judged.figures is not None:
        told["figures"] = record["figures"]
    return told
