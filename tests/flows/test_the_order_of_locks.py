"""An acceptance beside other decisions: what it waits for, and in which order."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.lifecycles import OfferAct
from models.fleet.drivers import Driver
from models.loads.assignments import AssignmentKind
from models.loads.loads import Load
from services.booking.answer import OfferWithdrawn
from services.booking.objections import Objected
from services.kernel.events import Cause
from services.loads import assignments
from services.offers import ending
from tests.flows.test_two_drivers_accept import accepting
from tests.services.scene import Scene, active, after, waiting
from tests.waiting import LONGEST_S
from tests.world import CLEVELAND, World, utcnow


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


def test_an_acceptance_waits_for_the_load_before_it_touches_its_offer(
    scene: Scene,
) -> None:
    load_id = scene.load()
    driver = scene.driver()
    (offer_id,) = scene.offered(driver)

    def lock_the_load(session: OrmSession) -> None:
        session.get_one(Load, load_id, with_for_update=True)

    with waiting(lock_the_load, accepting(driver, offer_id)) as (session, answer):
        # Taking the load off the market does this next.
        cause = Cause(utcnow())
        ending.end_for_load(session, load_id, OfferAct.WITHDRAW, cause)

    with pytest.raises(OfferWithdrawn):
        answer.result(timeout=LONGEST_S)


def test_an_acceptance_sees_the_load_that_was_given_to_the_driver_meanwhile(
    scene: Scene,
) -> None:
    """Also when the other transaction has not ended the driver's offers yet."""
    scene.load()
    driver = scene.driver()
    (offer_id,) = scene.offered(driver)
    other_id = scene.load(pickup=CLEVELAND)

    def give(session: OrmSession) -> None:
        assignments.put_driver_on(
            session,
            session.get_one(Load, other_id, with_for_update=True),
            session.get_one(Driver, UUID(driver.driver_id)),
            kind=AssignmentKind.PLANNED,
            assignment_id=uuid7(),
        )

    with pytest.raises(Objected, match="another load"):
        after(give, accepting(driver, offer_id))

    assert [assignment.load_id for assignment in active()] == [other_id]
