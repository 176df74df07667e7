"""What another transaction changes counts for a booking, once it has committed."""

from typing import Any

import pytest
from sqlalchemy import text

from services.booking.objections import Objected
from tests.flows.acts import accepting
from tests.services.booking.desk import change
from tests.services.scene import (
    Scene,
    active,
    after,
)
from tests.world import World


class TestMeanwhile:
    """Staged races: what another transaction changes counts, once it has committed."""

    @pytest.mark.parametrize(
        ("table", "to", "ground"),
        [
            ("drivers", "availability = 'off_duty'", "driver_off_duty"),
            ("drivers", "has_hazmat_endorsement = false", "no_hazmat_endorsement"),
            ("loads", "weight_kg = 30000", "above_legal_weight"),
            ("loads", "lease_expires_at = now()", "lease_over"),
        ],
    )
    def test_an_acceptance_that_waited_sees_the_change(
        self, committed: World, table: str, to: str, ground: str
    ) -> None:
        scene = Scene(committed)
        scene.load(has_hazmat=True)
        driver = scene.driver(is_hazmat_allowed=True)
        change("drivers", "has_hazmat_endorsement = true")
        (offer_id,) = scene.offered(driver)

        with pytest.raises(Objected) as refused:
            after(
                lambda session: change(table, to, session=session),
                accepting(driver, offer_id),
            )

        told = [o["ground"] for o in refused.value.extra["objections"]]
        assert ground in told
        assert active() == []

    def test_an_acceptance_that_waited_sees_the_other_truck(
        self, committed: World
    ) -> None:
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)
        other = committed.truck(scene.carrier, equipment="flatbed")

        with pytest.raises(Objected, match="changed at this moment"):
            after(
                lambda session: change(
                    "drivers", f"truck_id = '{other}'", session=session
                ),
                accepting(driver, offer_id),
            )

        assert active() == []

    def test_an_acceptance_that_waited_sees_the_suspended_poster(
        self, committed: World
    ) -> None:
        scene = Scene(committed)
        scene.load()
        driver = scene.driver()
        (offer_id,) = scene.offered(driver)

        def suspend(session: Any) -> None:
            session.execute(text("select from loads for update"))
            change(
                "organisations",
                "suspended_at = now()",
                "kind = 'shipper'",
                session=session,
            )

        with pytest.raises(Objected, match="poster is suspended"):
            after(suspend, accepting(driver, offer_id))

        assert active() == []
