"""Offer one load of a search by hand: a dispatcher chose it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from freight.roles import Role
from geo.roads import Roads
from models.fleet.drivers import Availability, Driver
from models.loads.loads import Load
from models.offers.offers import Offer
from models.search.searches import BackhaulSearch
from models.search.standing import Silence
from notifications.messages import MessageKind
from runtime.config import Strategy
from runtime.errors import Conflict, NotFound
from services.fleet import drivers
from services.fleet.drivers import DriverBusy
from services.judging.judge import worth_taking
from services.judging.start import is_from_a_named_place
from services.kernel.actors import Actor
from services.kernel.events import Cause
from services.kernel.tenancy import act_on_loads
from services.loads import market
from services.offers import ending, offers
from services.offers.offers import is_alive
from services.search import done, offer, searches, standing
from services.search.offer import Chosen, OfferRules
from services.search.same_freight import Freight


class NotOnTheMarket(Conflict):
    """The load was taken, withdrawn or held since it was found."""

    code = "load-not-on-the-market"
    title = "The load is not on the market now"


class EnoughOffers(Conflict):
    """As many drivers as may be are asked already."""

    code = "load-has-enough-offers"
    title = "Enough drivers are offered this load now"


class HandedBack(Conflict):
    """The driver had the load and handed it back: no search offers it to them."""

    code = "handed-back"
    title = "The driver handed this load back"


class DriverNotAvailable(Conflict):
    """The driver is off duty or rests."""

    code = "driver-not-available"
    title = "The driver takes no offers now"


class DriverNotToBeRung(Conflict):
    """The driver drives, has quiet hours, left two rounds of offers unanswered, or said
    "no more today"."""

    code = "driver-not-to-be-rung"
    title = "The driver may not be rung now"


class OfferedAlready(Conflict):
    """The driver has an open offer of the load or of the same freight, or had one of
    the load from this search."""

    code = "offered-already"
    title = "The driver was offered this load"


class SearchOutdated(Conflict):
    """The driver has had a newer drop, or has lost a load, since the search began where
    they were then."""

    code = "search-outdated"
    title = "The driver is elsewhere by now"


class NotWorthTaking(Conflict):
    """By now the load gains the driver nothing, or they cannot take it."""

    code = "not-worth-taking"
    title = "The load is not worth taking by now"


def offer_load(
    session: Session,
    actor: Actor,
    rules: OfferRules,
    roads: Roads,
    *,
    search_id: UUID,
    load_id: UUID,
    now: datetime,
) -> Offer:
    """Offer a load that a search of the company kept to its driver, and queue the push.

    It is judged again as of now. A driver with as many offers as they may have loses
    the worst one. If it is declined or expires, nothing follows.

    Locks: the load, the driver, their last position, the offer that makes room.

    Raises: NotFound, NotOnTheMarket, EnoughOffers, HandedBack, DriverNotAvailable,
    DriverBusy, OfferedAlready, SearchOutdated, NotWorthTaking, DriverNotToBeRung.
    """
    # scope: a search of the actor's company, and a load that it kept.
    search = searches.get_search(session, actor, search_id)
    place = _place_of(search, load_id)
    # The search showed the load: whether it is still there is no secret.
    act_on_loads(session, [load_id])
    free = offer.lock_free_loads(session, search, [load_id], rules)
    if not free:
        raise _why_not_free(session, actor, search, load_id)
    driver = drivers.get_driver(session, actor, search.driver_id, is_locked=True)
    _check_driver(session, driver, load_id)
    if offer.is_outdated(session, search) and not is_from_a_named_place(search.request):
        raise SearchOutdated("Search again, from where they are.")
    found = worth_taking(session, search, driver, free, roads, now=now).get(load_id)
    if found is None:
        raise NotWorthTaking("Ask for its explanation in a new search.")
    if driver.id != actor.driver_id:
        _check_may_be_rung(session, search, driver, now)
    if not Freight.open(session, driver.id).takes(free[load_id].org_id, found):
        raise OfferedAlready("They hold an open offer of the same freight.")
    if offer.count_open(session, driver.id) >= rules.per_driver:
        server = Cause(now, reason="the desk offered another load")
        ending.end_worst(session, driver.id, server, below_cents=None)
    cause = Cause(now, actor, "dispatcher")
    direct = replace(rules, strategy=Strategy.DIRECT)
    chosen = [Chosen(place, free[load_id], found)]
    made = offer.insert_offers(session, search, chosen, direct, cause)
    if not made:
        raise OfferedAlready("This search has offered it: search again.")
    offer.announce(
        session, driver, made, MessageKind.OFFER, cause, by_whom=Role.DISPATCHER
    )
    session.flush()
    return offers.get_offer(session, actor, made[0].id)


def _place_of(search: BackhaulSearch, load_id: UUID) -> int:
    for place, record in enumerate(search.ranked, start=1):
        if record["candidate"]["load_id"] == str(load_id):
            return place
    raise NotFound(f"The search kept no load {load_id}.")


def _why_not_free(
    session: Session, actor: Actor, search: BackhaulSearch, load_id: UUID
) -> Conflict:
    # scope: a load that a search of the actor's company kept.
    if not market.standing(session, load_id, actor.org_id).is_open:
        return NotOnTheMarket("Search again.")
    given_up = offer.was_given_up_by(search.driver_id)
    if session.scalar(select(Load.id).where(Load.id == load_id, given_up)) is not None:
        return HandedBack("If they want it now, assign it.")
    return EnoughOffers("Try again when one of them has ended.")


def _check_driver(session: Session, driver: Driver, load_id: UUID) -> None:
    # scope: the caller found the driver by a scope.
    if drivers.has_load(session, driver.id):
        raise DriverBusy("Plan it as their next load: assign it.")
    if driver.availability is not Availability.AVAILABLE:
        raise DriverNotAvailable(f"They are {driver.availability}.")
    held = select(Offer.id).where(
        Offer.driver_id == driver.id, Offer.load_id == load_id, *is_alive()
    )
    if session.scalar(held) is not None:
        raise OfferedAlready("The offer is open.")


WHY_SILENT = {
    Silence.MOVING: "The truck moves. Offer it when they stop, or assign it.",
    Silence.QUIET_HOURS: "They have quiet hours. Offer it after them, or assign it.",
    Silence.UNANSWERED: (
        "They answered neither of their last two rounds of offers, and have not opened"
        " the app since. Call them, or assign it."
    ),
}


def _check_may_be_rung(
    session: Session, search: BackhaulSearch, driver: Driver, now: datetime
) -> None:
    # scope: the caller found the driver by a scope.
    if done.is_done_for_today(session, search):
        raise DriverNotToBeRung('They said "no more today". Call them, or assign it.')
    silent = standing.why_silent(session, driver, now)
    if silent is not None:
        raise DriverNotToBeRung(WHY_SILENT[silent.reason])
