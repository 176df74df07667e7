"""The inbox and the answers to an offer, over HTTP."""

from uuid import UUID

import pytest
from sqlalchemy import update
from uuid_utils.compat import uuid7

from models.loads.assignments import AssignmentKind
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.organisations import Member
from runtime.db import Session
from services.booking import assign
from services.fleet import drivers
from services.kernel.events import Cause
from services.loads import market
from tests.services.booking.desk import grounds
from tests.services.scene import (
    Scene,
    active,
    actor_of,
    let_time_run_out,
    offer_row,
    open_offers,
    pushes_to,
)
from tests.world import CLEVELAND, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def accept(driver, offer_id):
    return driver.put(f"/v1/offers/{offer_id}/acceptance")


class TestTheWinner:
    def test_gets_the_load_and_is_on_load(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        won = accept(driver, offer_id)

        assert won.status == 200
        assert (won["kind"], won["status"]) == ("backhaul", "active")
        assert won["offer_id"] == str(offer_id)
        assert won["load"]["id"] == str(load_id)
        assert won["load"]["status"] == "booked"
        assert won["driver"]["availability"] == "on_load"

    def test_gets_the_same_answer_to_a_retry(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        first, again = accept(driver, offer_id), accept(driver, offer_id)

        assert (again.status, again.body) == (200, first.body)
        assert len(active()) == 1

    def test_sees_the_assignment_cancelled_on_a_retry_after_the_dispatcher_ended_it(
        self, scene
    ):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        won = accept(driver, offer_id)
        scene.carrier.post(
            f"/v1/assignments/{won['id']}/override",
            {"kind": "unassign", "reason": "safety"},
        )

        again = accept(driver, offer_id)

        assert (again.status, again["status"]) == (200, "cancelled")
        assert active() == []

    def test_other_drivers_lose_and_their_phones_are_told(self, scene):
        scene.load()
        winner, loser = scene.driver(), scene.driver(phones=2)
        mine, theirs = scene.offered(winner, loser)

        accept(winner, mine)

        assert offer_row(theirs).status == "lost"
        assert pushes_to(loser).count("offer_lost") == 2
        assert "offer_lost" not in pushes_to(winner)

    def test_drivers_of_other_companies_lose_too(self, world, scene):
        scene.load()
        winner, elsewhere = scene.driver(), Scene(world)
        loser = elsewhere.driver()
        mine, theirs = *scene.offered(winner), *elsewhere.offered(loser)

        accept(winner, mine)

        assert offer_row(theirs).status == "lost"
        assert "offer_lost" in pushes_to(loser)

    def test_their_own_other_offers_are_superseded_and_their_phone_told(self, scene):
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        first, *others = open_offers(driver)

        accept(driver, first.id)

        assert {offer_row(o.id).status for o in others} == {"superseded"}
        assert pushes_to(driver).count("offer_withdrawn") == 2
        refused = accept(driver, others[0].id)
        assert (refused.status, refused.code) == (410, "offer-withdrawn")


class TestTheLoser:
    def test_is_shown_their_next_best_open_offer_in_full(self, scene):
        scene.loads(3)
        winner, loser = scene.drivers(2)
        scene.search(winner)
        scene.search(loser)
        first, second, _ = open_offers(loser)
        accept(winner, open_offers(winner)[0].id)

        lost = accept(loser, first.id)

        assert (lost.status, lost.code) == (410, "offer-taken")
        assert lost.headers["Content-Type"] == "application/problem+json"
        assert lost["next_offer"] == loser.get(f"/v1/offers/{second.id}").body
        assert accept(loser, lost["next_offer"]["id"]).status == 200

    def test_nothing_is_shown_when_nothing_is_left(self, scene):
        scene.load()
        winner, loser = scene.drivers(2)
        mine, theirs = scene.offered(winner, loser)
        accept(winner, mine)

        lost = accept(loser, theirs)

        assert (lost.code, lost["next_offer"]) == ("offer-taken", None)

    def test_a_late_offer_is_no_next_offer(self, scene):
        scene.loads(2)
        winner, loser = scene.drivers(2)
        scene.search(winner)
        scene.search(loser)
        first, second = open_offers(loser)
        accept(winner, open_offers(winner)[0].id)
        let_time_run_out(second.id)

        assert accept(loser, first.id)["next_offer"] is None

    def test_a_load_assigned_by_a_dispatcher_is_taken_too(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        scene.assigned(scene.driver(), load_id)

        assert accept(driver, offer_id).code == "offer-taken"


class TestRefusals:
    def test_late_by_the_databases_clock_though_no_job_has_marked_it(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        let_time_run_out(offer_id)

        late = accept(driver, offer_id)

        assert (late.status, late.code) == (410, "offer-expired")
        assert active() == []
        assert offer_row(offer_id).status == "created"

    def test_late_and_marked_expired(self, scene, run_jobs):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        let_time_run_out(offer_id)
        run_jobs()
        with Session.begin() as session:
            session.execute(update(Offer).values(status="expired"))

        assert accept(driver, offer_id).code == "offer-expired"

    def test_expired_stays_expired_when_another_has_the_load_meanwhile(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        with Session.begin() as session:
            session.execute(update(Offer).values(status="expired"))
        scene.assigned(scene.driver(), load_id)

        assert accept(driver, offer_id).code == "offer-expired"

    @pytest.mark.parametrize("act", ["withdrawal", "cancellation", "edit"])
    def test_an_offer_the_poster_took_back_is_withdrawn(self, scene, act):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        path = f"/v1/loads/{load_id}"
        answer = {
            "withdrawal": lambda: scene.shipper.delete(f"{path}/posting"),
            "cancellation": lambda: scene.shipper.put(
                f"{path}/cancellation", {"reason": "sold"}
            ),
            "edit": lambda: scene.shipper.patch(path, {"commodity": "Beer"}),
        }[act]()
        assert answer.status == 200, answer.body

        gone = accept(driver, offer_id)

        assert (gone.status, gone.code) == (410, "offer-withdrawn")

    def test_an_open_offer_of_a_held_load_cannot_be_won(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        with Session.begin() as session:
            session.execute(
                update(Load).where(Load.id == load_id).values(status="held")
            )

        assert accept(driver, offer_id).code == "offer-withdrawn"

    def test_a_declined_offer_cannot_be_accepted(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        driver.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})

        refused = accept(driver, offer_id)

        assert (refused.status, refused.code) == (409, "offer-status")
        assert refused["current_status"] == "declined"

    @pytest.mark.parametrize("kind", AssignmentKind)
    def test_a_driver_who_has_a_load_wins_no_other(self, scene, kind):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        load_id = scene.load(pickup=CLEVELAND)
        with Session.begin() as session:
            desk = actor_of(scene.carrier)
            assign.book(
                session,
                market.lock_known_load(session, desk, load_id),
                drivers.get_driver(session, desk, UUID(driver.driver_id)),
                kind=kind,
                cause=Cause(utcnow(), desk),
                assignment_id=uuid7(),
                is_overruled=True,
            )
            # As if the offer had been locked, and so skipped, when the load was booked.
            session.flush()
            session.execute(
                update(Offer).where(Offer.id == offer_id).values(status="sent")
            )

        refused = accept(driver, offer_id)

        assert (refused.status, grounds(refused)) == (409, ["slot_taken"])
        assert [a.load_id for a in active()] == [load_id]
        assert offer_row(offer_id).status == "sent"


class TestWhoMayAnswer:
    def test_another_driver_of_the_company_and_a_stranger_know_nothing_of_it(
        self, scene, world
    ):
        scene.load()
        driver, colleague = scene.drivers(2)
        (offer_id,) = scene.offered(driver)
        stranger = Scene(world).driver()

        for other in (colleague, stranger):
            assert other.get(f"/v1/offers/{offer_id}").status == 404
            assert accept(other, offer_id).status == 404
            assert other.put(f"/v1/offers/{offer_id}/seen").status == 404
            no = other.put(f"/v1/offers/{offer_id}/decline", {"reason": "price"})
            assert no.status == 404
            assert other.get("/v1/offers")["data"] == []

    def test_their_dispatcher_sees_it_and_may_not_answer_for_them(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        assert scene.carrier.get(f"/v1/offers/{offer_id}").status == 200
        assert accept(scene.carrier, offer_id).status == 403
        assert offer_row(offer_id).status == "created"

    def test_a_driver_who_dispatches_too_answers_only_their_own(self, scene):
        scene.load()
        driver, both = scene.drivers(2)
        (offer_id,) = scene.offered(driver)
        with Session.begin() as session:
            roles = ["dispatcher", "driver"]
            session.execute(
                update(Member).where(Member.id == both.member_id).values(roles=roles)
            )

        assert both.get(f"/v1/offers/{offer_id}").status == 200
        assert accept(both, offer_id).status == 404
        assert both.put(f"/v1/offers/{offer_id}/seen").status == 404

    def test_another_companys_dispatcher_sees_nothing(self, scene, world):
        scene.load()
        (offer_id,) = scene.offered(scene.driver())
        other = world.company()

        assert other.get(f"/v1/offers/{offer_id}").status == 404
        assert other.get("/v1/offers")["data"] == []


class TestTheInbox:
    def test_it_can_leave_out_what_can_no_longer_be_accepted(self, scene):
        scene.loads(3)
        driver = scene.driver()
        scene.search(driver)
        late, declined, fresh = open_offers(driver)
        let_time_run_out(late.id)
        driver.put(f"/v1/offers/{declined.id}/decline", {"reason": "price"})

        everything = driver.get("/v1/offers")["data"]
        alive = driver.get("/v1/offers?is_open=true")["data"]

        assert len(everything) == 3
        assert [offer["id"] for offer in alive] == [str(fresh.id)]

    def test_a_phone_that_never_got_a_push_can_win(self, scene):
        scene.load()
        driver = scene.driver(phones=0)
        scene.search(driver)

        (offer,) = driver.get("/v1/offers?is_open=true")["data"]
        seen = driver.put(f"/v1/offers/{offer['id']}/seen")
        won = accept(driver, offer["id"])

        assert (seen["status"], won.status) == ("seen", 200)
