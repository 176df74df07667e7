"""Offers made after the search are checked again when they are made."""

from uuid import UUID

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from models.fleet.drivers import Driver
from models.loads.assignments import Assignment, AssignmentKind, AssignmentStatus
from models.loads.loads import Load
from runtime.config import Strategy
from runtime.db import Session
from services.loads import assignments
from tests.services.booking.desk import grounds
from tests.services.scene import Scene, after, open_offers
from tests.world import CLEVELAND, utcnow


@pytest.fixture
def sequential(world):
    return Scene(world, {"OFFER_STRATEGY": Strategy.SEQUENTIAL})


def decline_and_go_on(scene, driver, run_jobs):
    (offer,) = open_offers(driver)
    driver.put(f"/v1/offers/{offer.id}/decline", {"reason": "price"})
    run_jobs(only="search.offer_next", **scene.changes)


@pytest.mark.parametrize(
    "edit",
    [{"price_cents": 1}, {"equipment": ["reefer"]}, {"visibility": "private"}],
)
def test_a_load_edited_since_the_search_is_not_offered_if_it_no_longer_fits(
    sequential, run_jobs, edit
):
    _, second, third = sequential.loads(3)
    driver = sequential.driver()
    sequential.search(driver)

    edited = sequential.shipper.patch(f"/v1/loads/{second}", edit)
    decline_and_go_on(sequential, driver, run_jobs)

    assert edited.status == 200
    assert [o.load_id for o in open_offers(driver)] == [third]


def test_a_load_with_a_new_price_is_offered_with_its_new_figures(sequential, run_jobs):
    _, second = sequential.loads(2)
    driver = sequential.driver()
    sequential.search(driver)

    sequential.shipper.patch(f"/v1/loads/{second}", {"price_cents": 459_999})
    decline_and_go_on(sequential, driver, run_jobs)

    (offer,) = open_offers(driver)
    assert offer.snapshot["price_cents"] == 459_999
    assert sum(term["value"] for term in offer.terms) == offer.score_cents
    assert offer.terms[0]["value"] == 459_999


def test_an_older_search_offers_nothing_after_a_newer_one(sequential, run_jobs):
    sequential.loads(3)
    driver = sequential.driver()
    sequential.search(driver)
    (offer,) = open_offers(driver)
    driver.put(f"/v1/offers/{offer.id}/decline", {"reason": "price"})

    newer = sequential.search(driver)
    run_jobs(only="search.offer_next", **sequential.changes)

    assert {o.search_id for o in open_offers(driver)} == {newer.id}


def test_a_driver_whose_truck_was_taken_away_wins_nothing(world):
    scene = Scene(world)
    scene.load()
    driver = scene.driver()
    (offer_id,) = scene.offered(driver)
    scene.carrier.patch(f"/v1/drivers/{driver.driver_id}", {"truck_id": None})

    refused = driver.put(f"/v1/offers/{offer_id}/acceptance")

    assert (refused.status, grounds(refused)) == (409, ["no_truck"])
    assert [o.status for o in open_offers(driver)] == ["created"]


def test_an_offer_is_not_withdrawn_through_a_foreign_assignment(world):
    scene, strange = Scene(world), Scene(world)
    scene.load()
    (offer_id,) = scene.offered(scene.driver())
    theirs = strange.assigned(strange.driver(), strange.load(pickup=CLEVELAND))
    body = {"kind": "withdraw_offer", "reason": "safety", "offer_id": str(offer_id)}

    refused = [
        scene.carrier.post(f"/v1/assignments/{assignment_id}/override", body).status
        for assignment_id in (theirs, uuid7())
    ]

    assert refused == [404, 404]


def test_a_driver_may_not_set_their_own_endorsement(world):
    scene = Scene(world)
    driver = scene.driver()
    path, body = f"/v1/drivers/{driver.driver_id}", {"has_hazmat_endorsement": True}

    refused = driver.patch(path, body)
    entered = scene.carrier.patch(path, body)

    assert refused.status == 403
    assert entered["has_hazmat_endorsement"] is True


def test_a_load_that_comes_while_another_ends_leaves_the_driver_on_load(committed):
    scene = Scene(committed)
    driver = scene.driver()
    driver_id = UUID(driver.driver_id)
    ending = scene.assigned(driver, scene.load(pickup=CLEVELAND))
    coming = scene.load()

    def come(session):
        assignments.put_driver_on(
            session,
            session.get_one(Load, coming),
            session.get_one(Driver, driver_id),
            kind=AssignmentKind.BACKHAUL,
            assignment_id=uuid7(),
        )

    def end(session):
        assignments.end(
            session,
            session.get_one(Assignment, ending),
            AssignmentStatus.CANCELLED,
            "a test",
            now=utcnow(),
        )

    after(come, end)

    with Session() as session:
        assert session.get_one(Driver, driver_id).availability == "on_load"


def test_a_load_renewed_after_the_search_is_not_on_the_market_of_that_time(world):
    scene = Scene(world)
    load_id = scene.load()
    with Session.begin() as session:
        session.execute(
            text(
                "update loads set lease_expires_at = now() - interval '1 minute'"
                " where id = :id"
            ),
            {"id": load_id},
        )
        # A trigger forbids changing events; the test turns it off to set an old time.
        session.execute(text("set local role backhaul_owner"))
        session.execute(text("alter table events disable trigger user"))
        session.execute(text("set local role backhaul_worker"))
        session.execute(
            text(
                "update events set body = jsonb_set(body, '{lease_expires_at}',"
                " to_jsonb((now() - interval '1 minute')::text))"
                " where subject_id = :id and kind = 'load.post'"
            ),
            {"id": load_id},
        )
        session.execute(text("set local role backhaul_owner"))
        session.execute(text("alter table events enable trigger user"))
    driver = scene.driver()
    search = scene.search(driver)

    renewed = scene.shipper.put(f"/v1/loads/{load_id}/posting")
    why = driver.get(f"/v1/backhaul-searches/{search.id}/explanation?load_id={load_id}")

    assert renewed.status == 200
    assert why["verdict"] == "not_on_the_market"
