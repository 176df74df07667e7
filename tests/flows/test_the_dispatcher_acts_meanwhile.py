"""Staged races with a dispatcher: exactly one driver gets the load."""

from functools import partial
from uuid import UUID

import pytest

from models.booking.overrides import OverrideKind
from services.booking.answer import OfferTaken, OfferWithdrawn
from services.booking.objections import Objected
from services.kernel.moves import OfferMoveRefused
from tests.flows.acts import accepting, free_driver, overriding
from tests.services import scene as staging
from tests.services.scene import (
    Scene,
    active,
    after,
    at_once,
)
from tests.world import CLEVELAND


@pytest.fixture
def scene(committed):
    return Scene(committed)


class TestBesideTheDispatcher:
    def test_accept_then_withdraw_offer(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        withdraw = overriding(
            scene.carrier, OverrideKind.WITHDRAW_OFFER, offer_id=offer_id
        )

        with pytest.raises(OfferMoveRefused):
            after(accepting(driver, offer_id), withdraw)

        assert len(active()) == 1

    def test_withdraw_offer_then_accept(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        withdraw = overriding(
            scene.carrier, OverrideKind.WITHDRAW_OFFER, offer_id=offer_id
        )

        with pytest.raises(OfferWithdrawn):
            after(withdraw, accepting(driver, offer_id))

        assert active() == []

    def test_accept_then_force_assign(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        force = overriding(
            scene.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=load_id,
            driver_id=free_driver(scene),
        )

        with pytest.raises(Objected, match="not on the market"):
            after(accepting(driver, offer_id), force)

        (winner,) = active()
        assert winner.driver_id == UUID(driver.driver_id)

    def test_force_assign_then_accept(self, scene):
        load_id = scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        other_id = free_driver(scene)
        force = overriding(
            scene.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=load_id,
            driver_id=other_id,
        )

        with pytest.raises(OfferTaken):
            after(force, accepting(driver, offer_id))

        (winner,) = active()
        assert winner.driver_id == other_id

    def test_accept_then_a_plan_of_another_load_for_the_driver(self, scene):
        """The second to lock the driver sees the load the driver already has, so
        forcing another load on them is refused."""
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        ahead = overriding(
            scene.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=scene.load(pickup=CLEVELAND),
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises(Objected, match="another load"):
            after(accepting(driver, offer_id), ahead)

        assert [a.offer_id for a in active()] == [offer_id]

    def test_a_load_forced_on_the_driver_then_accept(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        forced = scene.load(pickup=CLEVELAND)
        force = overriding(
            scene.carrier,
            OverrideKind.FORCE_ASSIGN,
            load_id=forced,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises((Objected, OfferWithdrawn)):
            after(force, accepting(driver, offer_id))

        assert [a.load_id for a in active()] == [forced]

    def test_a_reassignment_to_the_driver_then_accept(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        planned = scene.assigned(scene.driver(), scene.load(pickup=CLEVELAND))
        reassign = overriding(
            scene.carrier,
            OverrideKind.REASSIGN,
            planned,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises((Objected, OfferWithdrawn)):
            after(reassign, accepting(driver, offer_id))

        (only,) = active()
        assert (only.kind, only.driver_id) == ("planned", UUID(driver.driver_id))

    def test_accept_then_a_reassignment_to_the_driver(self, scene):
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        planned = scene.assigned(scene.driver(), scene.load(pickup=CLEVELAND))
        reassign = overriding(
            scene.carrier,
            OverrideKind.REASSIGN,
            planned,
            driver_id=UUID(driver.driver_id),
        )

        with pytest.raises(Objected, match="another load"):
            after(accepting(driver, offer_id), reassign)

        assert {a.driver_id for a in active()} > {UUID(driver.driver_id)}
        assert len(active()) == 2

    def test_two_dispatchers_who_swap_two_drivers_wait_their_turn(self, scene):
        one, other = scene.drivers(2)
        mine = scene.assigned(one, scene.load())
        theirs = scene.assigned(other, scene.load(pickup=CLEVELAND))

        def swap(assignment_id, driver):
            act = overriding(
                scene.carrier,
                OverrideKind.REASSIGN,
                assignment_id,
                driver_id=UUID(driver.driver_id),
            )
            return partial(staging.in_transaction, act)

        answers = at_once(swap(mine, other), swap(theirs, one))

        assert [type(answer) for answer in answers] == [Objected, Objected]
        assert {a.id for a in active()} == {mine, theirs}
