"""A search and acceptances at the same time: still one driver for each load."""

from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from freight.lifecycles import OfferAct
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.loads.stops import Stop
from runtime.config import Strategy
from runtime.db import Session
from services.booking.answer import OfferTaken, OfferWithdrawn
from services.booking.objections import Objected
from services.kernel.events import Cause
from services.offers import ending
from services.search.run import search_home
from tests.flows.acts import accepting
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    active,
    at_once,
    offer_row,
    rows_of,
)
from tests.waiting import LONGEST_S
from tests.world import utcnow


@pytest.fixture
def scene(committed):
    return Scene(committed)


class TestASearchBesideAnAccept:
    def test_a_new_search_of_one_driver_and_an_acceptance_of_another(self, scene):
        """Both lock the load and the first driver's old offer of it. The search locks
        the load before the offer, as the acceptance does."""
        scene.load()
        one, other = scene.drivers(2)
        _, theirs = scene.offered(one, other)
        stop_id = scene.drop()

        answers = at_once(
            lambda: scene.search(one, stop_id=stop_id),
            partial(staging.in_transaction, accepting(other, theirs)),
        )

        assert [a for a in answers if isinstance(a, Exception)] == []
        (winner,) = active()
        assert winner.driver_id == UUID(other.driver_id)

    def test_a_search_waits_for_the_load_before_it_touches_an_offer(self, scene):
        load_id = scene.load()
        one, other = scene.drivers(2)
        mine, _ = scene.offered(one, other)
        stop_id = scene.drop()

        def lock_the_load(session):
            session.get_one(Load, load_id, with_for_update=True)

        def search(session):
            search_home(
                session,
                scene.rules,
                stop_id=stop_id,
                driver_id=UUID(one.driver_id),
                now=utcnow(),
            )

        with staging.waiting(lock_the_load, search) as (session, answer):
            # An acceptance of the load does this next: it ends the others' offers.
            ending.end_for_load(session, load_id, OfferAct.LOSE, Cause(utcnow()))
        answer.result(timeout=LONGEST_S)

        assert offer_row(mine).status == "lost"


COPY_SEARCH = text(
    "insert into backhaul_searches (id, org_id, driver_id, stop_id, trigger, outcome,"
    " searched_at, situation, parameters, area, map, counts, ranked, timings)"
    " select :search_id, org_id, :driver_id, :stop_id, trigger, outcome, searched_at,"
    " situation, parameters, area, map, counts, ranked, timings"
    " from backhaul_searches where id = :like"
)
COPY_OFFERS = text(
    "insert into offers (id, org_id, search_id, load_org_id, load_id, driver_id,"
    " strategy, status, rank, score_cents, currency, terms, figures, snapshot,"
    " expires_at)"
    " select gen_random_uuid(), org_id, :search_id, load_org_id, load_id, :driver_id,"
    " strategy, status, rank, score_cents, currency, terms, figures, snapshot,"
    " expires_at"
    " from offers where search_id = :like"
)


def offer_everything_to_everybody(scene, drivers):
    """Return (driver, offer id) for each driver and load."""
    first, *others = drivers
    like = scene.search(first)
    stops = rows_of(Stop, Stop.id != like.stop_id)
    with Session.begin() as session:
        for driver, stop in zip(others, stops, strict=False):
            ids = {
                "search_id": uuid7(),
                "driver_id": UUID(driver.driver_id),
                "stop_id": stop.id,
                "like": like.id,
            }
            session.execute(COPY_SEARCH, ids)
            session.execute(COPY_OFFERS, ids)
    return [(d, offer.id) for d in drivers for offer in staging.open_offers(d)]


def test_two_hundred_acceptances_of_ten_loads_win_one_driver_each(committed):
    rules = {"OFFERS_PER_DRIVER": 10, "OFFERS_PER_LOAD": 20}
    scene = Scene(committed, {**rules, "OFFER_STRATEGY": Strategy.BROADCAST})
    load_ids = scene.loads(10)
    tries = offer_everything_to_everybody(scene, scene.drivers(20, phones=0))
    assert len(tries) == 200

    def accept_all(part):
        def run():
            outcomes = []
            for driver, offer_id in part:
                try:
                    staging.in_transaction(accepting(driver, offer_id))
                    outcomes.append("won")
                except (OfferTaken, OfferWithdrawn, Objected) as error:
                    outcomes.append(error.code)
            return outcomes

        return run

    # Each thread has its own drivers and goes load by load, so all threads compete
    # for every load.
    tries.sort(key=lambda attempt: offer_row(attempt[1]).load_id)
    answers = at_once(*(accept_all(tries[n::8]) for n in range(8)))

    outcomes = [word for answer in answers for word in answer]
    assert len(outcomes) == 200
    assert outcomes.count("won") == 10
    assert {a.load_id for a in active()} == set(load_ids)
    assert len({a.driver_id for a in active()}) == 10
    assert len(rows_of(Assignment)) == 10
