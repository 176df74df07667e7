"""Loads stand by for a driver who may not be rung now.

An open offer would expire unseen, and would take one of the load's places meanwhile.
Whether loads stand by is asked where they would be offered, under the driver's lock.

No opening is lost. What tells that a driver may be rung again waits for a search that
decides, as it changes a row that the search has locked: the last position, or the
driver. So the search sees it, or it sees what stands by.
"""

# scope: called by jobs, for one search; `why_silent` for a driver whom the caller found
# by a scope.

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, exists, false, func, select, text
from sqlalchemy.orm import Session

from freight.ranking import Ranked
from jobs import Job, enqueue, enqueue_each
from models.fleet.drivers import Availability, Driver, RingsWhileMoving
from models.fleet.positions import LastPosition
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch, SearchOutcome
from models.search.standing import Silence, StandingBy
from notifications import outbox
from notifications.messages import MessageKind
from services.fleet import ringing
from services.fleet.flags import MOVING_MPS
from services.judging.situations import company_of
from services.offers.ending import NEWS_TTL
from services.people import members


class FreeDriver(NamedTuple):
    """A driver, locked, who can be offered loads.

    may_be_silent: if not, they may be rung; else `why_silent` says.
    has_standing: loads stand by for them.
    """

    driver: Driver
    may_be_silent: bool
    has_standing: bool


MOVES = exists().where(
    LastPosition.driver_id == Driver.id,
    LastPosition.speed_mps > MOVING_MPS,
    LastPosition.received_at > func.now() - ringing.MOVES_FOR,
)
NEWEST_IS_UNANSWERED = (
    select(
        (Offer.created_at > func.coalesce(Driver.app_opened_at, text("'-infinity'")))
        & Offer.seen_at.is_(None)
        & Offer.responded_at.is_(None)
    )
    .where(Offer.driver_id == Driver.id)
    .order_by(Offer.id.desc())
    .limit(1)
    .correlate(Driver)
    .scalar_subquery()
)
WAITS_FOR_DROP = Driver.offers_wait_for_drop & (
    Driver.availability == Availability.ON_LOAD
)
MAY_BE_SILENT = func.coalesce(
    MOVES | Driver.quiet_hours.is_not(None) | NEWEST_IS_UNANSWERED | WAITS_FOR_DROP,
    false(),
).label("may_be_silent")
HAS_STANDING = exists().where(StandingBy.driver_id == Driver.id).label("has_standing")
"""Read with the driver, since every drop reads that row: no statement more for those
who may be rung. `MAY_BE_SILENT` is true for some who may, and false for none who may
not."""


class Quiet(NamedTuple):
    """Why a driver may not be rung, and until when; None until they do something."""

    reason: Silence
    until: datetime | None


def why_silent(
    session: Session, driver: Driver, now: datetime, *, is_awake: bool = False
) -> Quiet | None:
    """Return why the driver may not be rung; None if they may. They are locked.

    is_awake: they have just asked for loads, so that quiet hours do not count.

    Locks: their last position.
    """
    # Before what may open again: the drop opens it.
    if driver.offers_wait_for_drop and driver.availability is Availability.ON_LOAD:
        return Quiet(Silence.UNLOADING, None)
    until = ringing.quiet_until(driver, now)
    if until is not None and not is_awake:
        return Quiet(Silence.QUIET_HOURS, until)
    if _is_unanswered(session, driver):
        return Quiet(Silence.UNANSWERED, None)
    if driver.rings_while_moving is RingsWhileMoving.HANDS_FREE:
        return None
    fix = session.get(
        LastPosition, driver.id, with_for_update={"read": True}, populate_existing=True
    )
    until = ringing.moves_until(fix, now)
    if until is None or _has_co_driver(session, driver):
        return None
    return Quiet(Silence.MOVING, until)


def _has_co_driver(session: Session, driver: Driver) -> bool:
    """Say whether the driver may be rung because another one is on the truck."""
    if driver.rings_while_moving is not RingsWhileMoving.CO_DRIVER:
        return False
    return company_of(session, driver).is_crew


ROUNDS = 2
"""After so many rounds without an answer none follows until the app is opened."""

UNANSWERED = text(
    """
    select count(*) from (
        select created_at,
            bool_or(seen_at is not null or responded_at is not null) as is_answered
        from (
            select created_at, seen_at, responded_at, status from offers
            where driver_id = :driver_id order by id desc limit 100
        ) newest
        group by created_at
        having not bool_and(status in ('lost', 'withdrawn'))
        order by created_at desc limit :rounds
    ) last
    where not is_answered
        and created_at > coalesce(cast(:opened_at as timestamptz), '-infinity')
    """
)
"""Offers made at one time are one round, as in `waiting.RINGS`. A round that others
won, or that was withdrawn, is not counted: it gave no time to answer."""


def _is_unanswered(session: Session, driver: Driver) -> bool:
    """Say whether the driver's last rounds of offers were neither seen, accepted nor
    declined, and the app was not opened since the first of them."""
    asked = {"driver_id": driver.id, "opened_at": driver.app_opened_at}
    return int(session.scalar(UNANSWERED, asked | {"rounds": ROUNDS}) or 0) == ROUNDS


def holds_back(
    session: Session,
    search: BackhaulSearch,
    free: FreeDriver,
    found: Sequence[Ranked],
    *,
    most: int,
    now: datetime,
) -> bool:
    """Let the loads stand by if the driver may not be rung now; say whether they do.

    If the driver may, nothing stands by for them any more, and what stood by of other
    searches is offered next (a job).

    found: what would be offered, best first.
    most: so many loads stand by for a driver, the best of all their searches.
    now: by the database's clock.

    Locks: the driver's last position, what stands by for them.
    """
    silent = None
    if found and free.may_be_silent:
        is_awake = _asked_just_now(search, free.driver, now)
        silent = why_silent(session, free.driver, now, is_awake=is_awake)
    if silent is not None:
        loads = _merged(session, search, found)[:most]
        _stand_by(session, search, free.driver, silent, loads, now)
        return True
    if free.has_standing and free.may_be_silent and not found:
        leave(session, search)
    elif free.has_standing:
        _go_on(session, search)
    if search.outcome is SearchOutcome.STANDS_BY:
        search.outcome = SearchOutcome.OFFERED if found else SearchOutcome.NOTHING_FOUND
    return False


JUST_NOW = timedelta(minutes=15)


def _asked_just_now(search: BackhaulSearch, driver: Driver, now: datetime) -> bool:
    """Say whether the driver, not their desk, asked for the search JUST_NOW."""
    by = search.request.get("by") if search.request else None
    return by == str(driver.member_id) and now - search.searched_at < JUST_NOW


def _stand_by(
    session: Session,
    search: BackhaulSearch,
    driver: Driver,
    silent: Quiet,
    loads: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    known = _locked(session, driver.id)
    is_told = known is not None and known.reason is not Silence.UNLOADING
    row = known or StandingBy(driver_id=driver.id, org_id=driver.org_id, since=now)
    row.loads, row.asked_at = list(loads), None
    row.reason, row.opens_at = silent
    session.add(row)
    session.flush()
    is_among = any(load["search_id"] == str(search.id) for load in loads)
    if is_among and search.outcome is not SearchOutcome.OFFERED:
        search.outcome = SearchOutcome.STANDS_BY
    if silent.until is not None:
        enqueue(
            session,
            Job.SEARCH_OFFER_NEXT,
            once=f"stands:{search.id}:{silent.until.isoformat()}",
            at=silent.until,
            search_id=str(search.id),
            stands_by=True,
        )
    if not is_told and silent.reason is not Silence.UNLOADING:
        _tell_desk(session, driver, now)


def _merged(
    session: Session, search: BackhaulSearch, found: Sequence[Ranked]
) -> list[dict[str, Any]]:
    """Return these loads and those that stand by of other searches, best first."""
    known = _locked(session, search.driver_id)
    own = {
        str(load.candidate.load_id): {
            "load_id": str(load.candidate.load_id),
            "search_id": str(search.id),
            "gain_cents": load.score_cents,
        }
        for load in found
    }
    others = [
        load
        for load in (known.loads if known is not None else ())
        if _is_of_another(search, load) and load["load_id"] not in own
    ]
    return sorted([*own.values(), *others], key=lambda load: -load["gain_cents"])


def _is_of_another(search: BackhaulSearch, load: dict[str, Any]) -> bool:
    """Say whether a load stands by of another search, which this one does not
    supersede."""
    other_id = UUID(load["search_id"])
    is_superseded = search.load_ids is None and other_id < search.id
    return other_id != search.id and not is_superseded


def _tell_desk(session: Session, driver: Driver, now: datetime) -> None:
    """Tell the dispatchers; not the driver, who may be one of them."""
    desk = set(members.dispatchers_of(session, driver.org_id)) - {driver.member_id}
    outbox.put(
        session,
        desk,
        MessageKind.LOADS_STAND_BY,
        driver.id,
        expires_at=now + NEWS_TTL,
    )


def _go_on(session: Session, search: BackhaulSearch) -> None:
    """Let nothing stand by for the driver, and the other searches go on."""
    row = _locked(session, search.driver_id)
    if row is None:
        return
    others = [load for load in row.loads if _is_of_another(search, load)]
    session.delete(row)
    session.flush()
    enqueue_each(
        session,
        Job.SEARCH_OFFER_NEXT,
        [
            {"search_id": search_id}
            for search_id in sorted({o["search_id"] for o in others}, reverse=True)
        ],
    )


def leave(session: Session, search: BackhaulSearch) -> None:
    """Let no load of this search stand by any more, as it can offer nothing, nor any of
    those that it supersedes.

    Locks: what stands by for the driver.
    """
    row = _locked(session, search.driver_id)
    if row is None:
        return
    rest = [load for load in row.loads if _is_of_another(search, load)]
    if rest:
        row.loads, row.asked_at = rest, None
    else:
        session.delete(row)
    session.flush()


def _locked(session: Session, driver_id: UUID) -> StandingBy | None:
    return session.get(
        StandingBy, driver_id, with_for_update=True, populate_existing=True
    )


WORST = text(
    """
    select s.driver_id, min(each.gain_cents) as gain_cents
    from standing_by s
    cross join jsonb_to_recordset(s.loads) each(load_id uuid, gain_cents int)
    join loads on loads.id = each.load_id
        and loads.status = 'posted' and loads.pickup_until > now()
    where s.driver_id = any (:driver_ids)
    group by s.driver_id
    """
).bindparams(bindparam("driver_ids", type_=ARRAY(Uuid)))


def worst_of(session: Session, driver_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return the least gain of what stands by for each of these drivers, in cents, of
    loads that nobody won."""
    rows = session.execute(WORST, {"driver_ids": list(driver_ids)})
    return {row.driver_id: row.gain_cents for row in rows}


STANDS = text(
    """
    select exists (
        select from standing_by s join backhaul_searches b using (driver_id)
        where b.id = :search_id
            and s.loads @> jsonb_build_array(jsonb_build_object(
                'search_id', cast(:search_id as text))))
    """
)


def stands_by(session: Session, search_id: UUID) -> bool:
    """Say whether loads of the search stand by."""
    return bool(session.scalar(STANDS, {"search_id": search_id}))
