"""The scenes notice a transaction that waits where it must not."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.services.scene import beside
from tests.world import World


def lock_drivers(session: Session) -> None:
    session.execute(text("lock table drivers in exclusive mode"))


def lock_trucks(session: Session) -> None:
    session.execute(text("lock table trucks in exclusive mode"))


class TestBeside:
    def test_fails_if_the_second_waits_for_the_first(self, committed: World) -> None:
        with pytest.raises(AssertionError, match="It waits"):
            beside(lock_drivers, lock_drivers)

    def test_succeeds_if_the_second_does_not(self, committed: World) -> None:
        beside(lock_drivers, lock_trucks)
