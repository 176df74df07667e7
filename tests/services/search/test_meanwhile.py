"""What leaves the market while a search runs is not in its record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from services.market.market import Listed, Market
from tests.services.market.market_room import change
from tests.services.scene import Scene
from tests.world import ROADS, World


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


class Read(Market):
    """A market after whose reading something happens, while its search goes on."""

    def __init__(self, then: Callable[[], Any]) -> None:
        super().__init__(ROADS)
        self._then = then

    @contextmanager
    def lend(self) -> Iterator[Listed]:
        with super().lend() as listed:
            yield listed
        self._then()


LEAVES = {
    "made private": "update loads set visibility = 'private', price_cents = 222222",
    "withdrawn": "update loads set status = 'withdrawn', lease_expires_at = null",
    "held": "update loads set status = 'held'",
    "odd by an edit": "update loads set is_unconfirmed = true, price_cents = 99999999",
    "its lease is over": "update loads set lease_expires_at = now() - interval '1 s'",
    "its poster is suspended": "update organisations set suspended_at = now()"
    " where id = (select org_id from loads limit 1)",
}


@pytest.mark.parametrize("statement", LEAVES.values(), ids=LEAVES)
def test_a_load_that_left_the_market_since_it_was_read_is_not_kept(
    scene: Scene, statement: str
) -> None:
    driver = scene.driver()
    scene.load()
    rules = replace(scene.rules, market=Read(lambda: change(statement)))
    scene.__dict__["rules"] = rules

    search = scene.search(driver)

    assert search.ranked == []
