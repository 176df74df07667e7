"""A driver's data is erased while a search for them runs: no place stays behind."""

from uuid import UUID

from models.search.searches import BackhaulSearch
from services.search import ask, run, waiting
from services.upkeep import privacy
from tests.services import scene as staging
from tests.services.scene import Scene, in_transaction, rows_of
from tests.waiting import LONGEST_S
from tests.world import utcnow

SEARCHES = "/v1/backhaul-searches"


def erase(driver):
    member_id = UUID(str(driver.member_id))
    return lambda session: privacy.erase(session, member_id, now=utcnow())


def places_kept() -> list[object]:
    return [
        kept
        for search in rows_of(BackhaulSearch)
        for kept in (search.situation, search.area, search.map, search.request)
        if kept
    ]


def test_a_search_after_a_drop_keeps_no_place(committed):
    scene = Scene(committed)
    scene.load()
    driver = scene.driver()
    drop = {"stop_id": scene.drop(), "driver_id": UUID(driver.driver_id)}
    drop["now"] = utcnow()
    in_transaction(lambda session: waiting.begin_after_drop(session, **drop))

    def search(session):
        return run.search_home(session, scene.rules, **drop)

    staging.after(erase(driver), search)

    assert places_kept() == []


def test_a_requested_search_keeps_no_place(committed):
    scene = Scene(committed)
    scene.load()
    driver = scene.driver()
    asked = UUID(driver.post(SEARCHES, {})["id"])
    in_transaction(lambda session: ask.begin_to_wait(session, asked, utcnow()))

    def search(session):
        job = {"search_id": asked, "now": utcnow()}
        return ask.search_requested(session, scene.rules, **job)

    staging.after(erase(driver), search)

    assert places_kept() == []


def test_a_requested_search_that_has_begun_and_the_erasure_do_not_deadlock(committed):
    scene = Scene(committed)
    scene.load()
    driver = scene.driver()
    asked = UUID(driver.post(SEARCHES, {})["id"])
    in_transaction(lambda session: ask.begin_to_wait(session, asked, utcnow()))

    def begin(session):
        session.get_one(BackhaulSearch, asked, with_for_update=True)

    with staging.waiting(begin, erase(driver)) as (session, erased):
        ask.search_requested(session, scene.rules, search_id=asked, now=utcnow())
    erased.result(timeout=LONGEST_S)

    assert places_kept() == []
