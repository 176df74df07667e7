"""Which acts bring a load to the drivers who wait, and which do not."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from jobs import Job, enqueue
from models.loads.loads import Load
from models.offers.offers import Offer
from models.people.organisations import Organisation, Verification
from runtime.db import Session
from services.loads import market
from tests.services.scene import open_offers, queued
from tests.services.search.test_waiting import change, post
from tests.standing import resume, suspend
from tests.world import utcnow


class TestWhatCame:
    """Each act that puts a load on the market, or makes it better, queues one look at
    the drivers who wait."""

    def test_a_posted_load_came_and_a_draft_did_not(self, scene):
        load_id = post(scene, is_draft=True)
        assert came() == []

        scene.shipper.put(f"/v1/loads/{load_id}/posting")

        assert came() == [load_id]

    def test_a_lease_that_is_prolonged_is_nothing_new(self, scene):
        load_id = post(scene)
        scene.shipper.put(f"/v1/loads/{load_id}/posting")

        assert came() == [load_id]

    def test_a_load_with_odd_figures_came_when_they_are_confirmed(self, scene):
        load_id = post(scene, price_cents=3_000_000)
        assert came() == []
        verified = {"verification": Verification.VERIFIED, "verification_at": utcnow()}
        change(Organisation, scene.shipper.org_id, **verified)

        answer = scene.shipper.put(f"/v1/loads/{load_id}/confirmation")

        assert answer.status == 200, answer.body
        assert came() == [load_id]

    def test_a_load_that_is_taken_from_a_driver_came_back(self, scene):
        load_id = scene.load()
        assignment = scene.assigned(scene.driver(), load_id)
        assert came() == []

        body = {"kind": "unassign", "reason": "safety"}
        answer = scene.carrier.post(f"/v1/assignments/{assignment}/override", body)

        assert answer.status in {200, 201}, answer.body
        assert came() == [load_id]


class TestASuspensionThatEnds:
    def test_brings_the_companys_loads_to_the_drivers_who_wait(self, scene, run_jobs):
        load_id = post(scene)
        suspend(scene.shipper)
        driver = scene.driver()
        assert scene.search(driver).outcome == "nothing_found"
        run_jobs(**scene.changes)
        assert open_offers(driver) == []

        resume(scene.shipper)
        run_jobs(**scene.changes)

        assert [o.load_id for o in open_offers(driver)] == [load_id]

    def test_is_one_job_for_many_loads_and_none_for_those_off_the_market(
        self, scene, monkeypatch
    ):
        monkeypatch.setattr(market, "LOADS_A_JOB", 2)
        listed = [post(scene, weight_kg=9_000 + 1_000 * n) for n in range(3)]
        post(scene, is_draft=True)
        post(scene, price_cents=3_000_000)
        over = post(scene, weight_kg=5_000)
        change(Load, over, lease_expires_at=utcnow() - timedelta(minutes=1))
        suspend(scene.shipper)

        resume(scene.shipper)
        resume(scene.shipper)

        jobs = [job.args["load_ids"] for job in queued("search.wake_each")]
        assert jobs == [[str(load_id) for load_id in listed[n : n + 2]] for n in (0, 2)]

    def test_wakes_a_driver_once_though_the_job_is_repeated(self, scene, run_jobs):
        post(scene)
        suspend(scene.shipper)
        driver = scene.driver()
        scene.search(driver)
        resume(scene.shipper)
        (job,) = queued("search.wake_each")
        run_jobs(**scene.changes)
        (first,) = open_offers(driver)
        with Session.begin() as session:
            enqueue(session, Job.SEARCH_WAKE_EACH, **job.args)
            # Only its own time keeps it from the driver then.
            session.execute(
                update(Offer).where(Offer.id == first.id).values(status="superseded")
            )

        run_jobs(only="search.wake_each", **scene.changes)

        assert queued("search.woken") == []


def came() -> list[UUID]:
    return [UUID(job.args["load_id"]) for job in queued("search.wake")]
