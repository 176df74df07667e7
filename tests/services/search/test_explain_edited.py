"""Explanations of a load that was changed since the search: that it was edited is told,
what it has become is not."""

import pytest

from models.loads.loads import Load
from runtime.db import Session
from services.kernel.versions import Precondition
from services.loads import confirmation
from tests.services.scene import Scene
from tests.world import CHICAGO, NEWARK, utcnow


def why(caller, search, load_id):
    path = f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}"
    answer = caller.get(path)
    assert answer.status == 200, answer.body
    return answer


EDIT = {"equipment": ["van"], "price_cents": 333_300}


@pytest.fixture
def excluded(scene):
    """Return (search, load, answer) of a reefer load, which no van carries."""
    load_id, driver = scene.load(equipment=["reefer"]), scene.driver()
    search = scene.search(driver)
    before = why(scene.carrier, search, load_id)
    assert before["reason"] == "equipment_mismatch"
    return search, load_id, before.body


def edit(scene, load_id, **fields):
    done = scene.shipper.patch(f"/v1/loads/{load_id}", EDIT | fields)
    assert done.status == 200, done.body


def check(scene, search, load_id):
    answer = why(scene.carrier, search, load_id)
    assert answer["has_changed"] is True
    assert (answer["verdict"], answer["reason"]) == ("not_known", "edited_since")
    told = {"score_cents", "terms", "figures", "stage", "figure", "rank"}
    assert told & {*answer.body} == set()


def test_of_a_withdrawn_load(scene, excluded):
    search, load_id, before = excluded
    assert scene.shipper.delete(f"/v1/loads/{load_id}/posting").status == 200
    assert why(scene.carrier, search, load_id).body == before

    edit(scene, load_id)

    check(scene, search, load_id)


def test_of_a_load_on_the_market_until_another_carrier_has_it(scene, world, excluded):
    search, load_id, _ = excluded
    edit(scene, load_id)
    check(scene, search, load_id)

    other = Scene(world)
    world.assign(other.carrier, other.driver(), {"id": str(load_id)})

    check(scene, search, load_id)


def test_whether_its_new_figures_are_odd_or_its_window_is_another(
    scene, world, excluded
):
    search, load_id, _ = excluded
    edit(scene, load_id, price_cents=900_000)

    check(scene, search, load_id)
    again = [
        world.stop_body("pickup", NEWARK, -48, -1),
        world.stop_body("delivery", CHICAGO, 0, 96),
    ]
    edit(scene, load_id, stops=again)
    check(scene, search, load_id)


def test_a_load_that_came_to_the_market_later_was_not_there(scene):
    search = scene.search(scene.driver())
    load_id = scene.load()
    edit(scene, load_id)

    answer = why(scene.carrier, search, load_id)

    assert answer["verdict"] == "not_on_the_market"


def test_odd_figures_that_were_confirmed_later(scene):
    load_id, driver = scene.load(is_unconfirmed=True), scene.driver()
    search = scene.search(driver)
    before = why(scene.carrier, search, load_id)

    with Session.begin() as session:
        seen = Precondition(frozenset({session.get_one(Load, load_id).tag}))
        confirmation.confirm_for_platform(
            session, load_id, seen, reason="they showed us", now=utcnow()
        )

    assert search.counts["considered"] == 0
    assert (before["verdict"], before["reason"]) == ("not_on_the_market", "not_posted")
    assert why(scene.carrier, search, load_id).body == before.body
