"""The sender: one outcome for each thing that a gateway may do."""

from random import Random

import pytest

from notifications.gateway import (
    PayloadRefused,
    ProviderMisconfigured,
    TargetGone,
    TryLater,
    WrongProject,
)
from notifications.sender import Outcome, attempt
from runtime.db import Session
from services.offers import pushes
from tests.services.scene import Scene, waiting_push
from tests.world import FakeGateway


@pytest.fixture
def offer(world):
    """One open offer to a driver with one phone, its push still owed."""
    scene = Scene(world)
    scene.load()
    (offer_id,) = scene.offered(scene.driver())
    return offer_id


class TestAttempt:
    @pytest.mark.parametrize(
        ("error", "outcome", "waits"),
        [
            (TargetGone("x"), Outcome.TARGET_GONE, False),
            (WrongProject("x"), Outcome.WRONG_PROJECT, False),
            (PayloadRefused("x"), Outcome.PAYLOAD_REFUSED, False),
            (ProviderMisconfigured("x"), Outcome.MISCONFIGURED, True),
            (TryLater("x"), Outcome.LATER, True),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_outcome(self, offer, error, outcome, waits):
        with Session.begin() as session:
            (envelope,) = pushes.due(session, [waiting_push().id]).envelopes

        came_to = attempt(FakeGateway(errors=[error]), envelope, Random(0))

        assert came_to.outcome is outcome
        assert (came_to.wait_s is not None) == waits
        assert came_to.detail == "x"
