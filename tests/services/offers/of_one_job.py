"""A search's pushes to one phone: what is owed, and the run of their job."""

from uuid import UUID

from handlers.push import push_send
from jobs import RunLater
from models.offers.pushes import Push
from runtime.config import Settings
from tests.services.scene import open_offers, rows_of
from tests.world import FakeGateway, supplies_of


def searched(scene, phones=1):
    scene.loads(3)
    driver = scene.driver(phones=phones)
    scene.search(driver)
    return driver


def best_first(driver):
    offer_ids = [offer.id for offer in open_offers(driver)]
    assert len(offer_ids) == 3
    return offer_ids


def owed():
    """Return the pushes about offers, in the order in which they were owed."""
    return sorted(rows_of(Push, Push.kind == "offer"), key=lambda push: push.id)


def of_each(column):
    return [getattr(push, column) for push in owed()]


def send(gateway, push_ids=None):
    """Run the job of all these pushes; return the wait that it asks for."""
    ids = [str(push_id) for push_id in push_ids or of_each("id")]
    try:
        push_send(supplies_of(Settings(), gateway), ids)
    except RunLater as later:
        return later.wait_s
    return None


def told(gateway):
    return [UUID(message.subject_id) for _, message in gateway.sent]


class Acting(FakeGateway):
    """Does something during its first attempt, which the provider then accepts."""

    def __init__(self, act):
        super().__init__()
        self.acts = [act]

    def send(self, *push):
        if self.acts:
            self.acts.pop()()
        return super().send(*push)
