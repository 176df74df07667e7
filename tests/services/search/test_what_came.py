"""Which acts bring a load to the drivers who wait, and which do not."""

from uuid import UUID

from models.people.organisations import Organisation, Verification
from tests.services.scene import queued
from tests.services.search.test_waiting import change, post
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


def came() -> list[UUID]:
    return [UUID(job.args["load_id"]) for job in queued("search.wake")]
