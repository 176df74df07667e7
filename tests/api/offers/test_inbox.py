"""The list of offers as phones poll it: what `OffersPage` dumps, and 304 to a client
that has it."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, update
from sqlalchemy.orm import selectinload

from api.offers.offers import OffersPage
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.organisations import Member
from runtime.db import Session
from services.offers import offers
from tests.services.scene import Scene, actor_of, let_time_run_out, open_offers
from tests.waiting import LONGEST_S, wait_until

OPEN = "/v1/offers?is_open=true"


@pytest.fixture
def scene(world):
    return Scene(world)


@pytest.fixture
def driver(scene):
    scene.loads(4)
    driver = scene.driver()
    scene.search(driver)
    return driver


def poll(caller, answer, path=OPEN):
    return caller.get(path, If_None_Match=answer.headers["ETag"])


class TestTheBody:
    def test_is_what_the_published_schema_dumps(self, scene, driver):
        lost, declined, late, *_ = open_offers(driver)
        winner = scene.driver()
        scene.search(winner)
        for offer in open_offers(winner):
            if offer.load_id == lost.load_id:
                assert winner.put(f"/v1/offers/{offer.id}/acceptance").status == 200
        driver.put(f"/v1/offers/{declined.id}/decline", {"reason": "price"})
        driver.put(f"/v1/offers/{late.id}/seen")
        let_time_run_out(late.id)

        for caller in (driver, winner, scene.carrier):
            listed = caller.get("/v1/offers")

            with Session() as session:
                query = offers.visible_offers(actor_of(caller))
                rows = list(session.scalars(query))
                page = {"data": rows, "page": {"next_cursor": None}}
                expected = json.loads(json.dumps(OffersPage().dump(page)))
            assert listed.body == expected
            assert len({offer["status"] for offer in listed["data"]}) > 1

    def test_is_read_page_by_page(self, scene, driver):
        whole = driver.get("/v1/offers")["data"]
        pages, cursor = [], ""

        while cursor is not None:
            page = driver.get(f"/v1/offers?limit=2{cursor}")
            pages += page["data"]
            more = page["page"]["next_cursor"]
            cursor = more and f"&cursor={more}"

        assert pages == whole
        assert len(whole) > 2


class TestTheTag:
    def test_spares_the_answer_while_nothing_changes(self, driver):
        first = driver.get(OPEN)

        for tag in (first.headers["ETag"], "*", f'"x", {first.headers["ETag"]}'):
            again = driver.get(OPEN, If_None_Match=tag)
            assert (again.status, again.body) == (304, None)
            assert again.headers["ETag"] == first.headers["ETag"]
        assert driver.get(OPEN).body == first.body
        assert driver.get(OPEN).headers["ETag"] == first.headers["ETag"]

    @pytest.mark.parametrize("tag", ['"0123456789abcdef01234567"', 'W/"x"', "x", "W/"])
    def test_that_is_wrong_gets_the_answer(self, driver, tag):
        answer = driver.get(OPEN, If_None_Match=tag)

        assert (answer.status, len(answer["data"])) == (200, 3)

    def test_of_an_empty_list_is_good_until_there_is_an_offer(self, scene):
        driver = scene.driver()
        empty = driver.get(OPEN)
        assert poll(driver, empty).status == 304

        scene.load()
        scene.search(driver)

        assert len(poll(driver, empty)["data"]) == 1

    @pytest.mark.parametrize(
        "change", ["seen", "declined", "late", "sent", "edit", "load"]
    )
    def test_changes_with_an_offer_and_its_load(self, scene, driver, change):
        first, offer = driver.get(OPEN), open_offers(driver)[0]

        if change == "seen":
            driver.put(f"/v1/offers/{offer.id}/seen")
        elif change == "declined":
            driver.put(f"/v1/offers/{offer.id}/decline", {"reason": "price"})
        elif change == "late":
            let_time_run_out(offer.id)
        elif change == "sent":
            set_offer(offer, sent_at=func.now())
        elif change == "load":
            # The load alone, as an edit ends its offers too.
            with Session.begin() as session:
                session.get_one(Load, offer.load_id).pieces = 7
        else:
            path = f"/v1/loads/{offer.load_id}"
            assert scene.shipper.patch(path, {"commodity": "pears"}).status == 200

        after = poll(driver, first)
        assert after.status == 200
        assert after.body == driver.get(OPEN).body != first.body
        assert poll(driver, after).status == 304

    def test_of_another_driver_is_not_good_even_if_they_have_the_same(self, scene):
        one, other = scene.drivers(2)

        assert one.get(OPEN).body == other.get(OPEN).body
        assert poll(other, one.get(OPEN)).status == 200

    def test_is_of_one_member_their_roles_and_one_question(self, scene, driver):
        first = driver.get(OPEN)
        other = scene.driver()
        scene.search(other)

        assert poll(other, first)["data"] != first["data"]
        assert len(poll(scene.carrier, first)["data"]) > len(first["data"])
        for path in ("/v1/offers", f"{OPEN}&limit=2", f"{OPEN}&limit=50"):
            assert poll(driver, first, path).status == 200
        with Session.begin() as session:
            this = update(Member).where(Member.id == driver.member_id)
            session.execute(this.values(roles=["dispatcher", "driver"]))
        assert len(poll(driver, first)["data"]) > len(first["data"])


def set_offer(offer, **values):
    with Session.begin() as session:
        session.execute(update(Offer).where(Offer.id == offer.id).values(**values))


def ids_of(answer):
    return {offer["id"] for offer in answer["data"]}


def list_with_an_offer_that_expires_soon(driver, offer):
    """Return a list that still contains the offer, read shortly before it expires."""
    lead_s = 1
    while lead_s < LONGEST_S:
        lead = timedelta(seconds=lead_s)
        set_offer(offer, expires_at=func.clock_timestamp() + lead)
        listed = driver.get(OPEN)
        if str(offer.id) in ids_of(listed):
            return listed
        # On a busy machine the offer may expire before the list is read.
        lead_s *= 2
    raise AssertionError("The offer is never listed.")


def test_an_offer_that_expires_changes_the_tag_at_that_moment(committed):
    scene = Scene(committed)
    scene.loads(2)
    driver = scene.driver()
    scene.search(driver)
    soon = open_offers(driver)[0]
    first = list_with_an_offer_that_expires_soon(driver, soon)

    wait_until(lambda: poll(driver, first).status != 304, "a changed list")

    after = poll(driver, first)
    assert str(soon.id) in ids_of(first)
    assert str(soon.id) not in ids_of(after)
    with Session() as session:
        row = session.get_one(Offer, soon.id, options=[selectinload(Offer.load)])
        assert row.status == "created"
        assert session.scalar(func.now()) >= row.expires_at
