"""A relaxation of time says what a search that leaves then would find."""

from datetime import timedelta

import pytest

from models.fleet.drivers import Driver
from tests.services.search.test_waiting import change
from tests.world import utcnow

SEARCHES = "/v1/backhaul-searches"


def friday_before(now) -> dict[str, str]:
    """A weekly wish that is due in an hour, and then in a week."""
    due = now + timedelta(hours=1)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[due.weekday()]
    return {"weekday": day, "at": f"{due:%H:%M}", "zone": "UTC"}


@pytest.mark.parametrize("wish", ["for one day", "weekly"])
def test_waiting_until_a_wish_to_be_home_is_over_lets_loads_in(scene, run_jobs, wish):
    now = utcnow()
    driver, _ = scene.driver(), scene.load()
    wishes = {
        "for one day": {"home_by_at": now - timedelta(hours=23)},
        "weekly": {"home_every": friday_before(now)},
    }
    change(Driver, driver.driver_id, **wishes[wish])

    def ask(**asked):
        answer = driver.post(SEARCHES, asked | {"is_dry_run": True})
        run_jobs(**scene.changes)
        return driver.get(answer.headers["Location"])

    record = ask()
    (step,) = (each for each in record["relaxations"] if each["kind"] == "wait")

    assert record["outcome"] == "nothing_found"
    then = ask(free_at=step["change"]["value"])
    assert len(then["ranked"]) == step["load_count"] == 1
    assert then["ranked"][0]["score_cents"] == step["best_cents"]
