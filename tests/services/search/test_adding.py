"""Loads that came are offered beside what the driver holds: in place of what, and when
not."""

import pytest

from tests.services.scene import open_offers, queued
from tests.services.search.test_waiting import let_a_minute_pass, post, searches
from tests.services.search.test_waiting_beside import run_all


def prices(driver) -> list[int]:
    """Return what the loads that the driver is offered pay, the best first."""
    return [offer.snapshot["price_cents"] for offer in open_offers(driver)]


@pytest.mark.parametrize(
    ("second_cents", "held"),
    [
        (294_000, [400_000, 300_000, 290_000]),
        (296_000, [400_000, 300_000, 296_000]),
    ],
)
def test_each_of_two_must_be_better_than_what_is_the_worst_by_then(
    scene, run_jobs, second_cents, held
):
    """The first one replaces 280,000: the second one is measured by 290,000."""
    scene.loads(3)
    driver = scene.driver()
    scene.search(driver)
    assert prices(driver) == [300_000, 290_000, 280_000]
    for price_cents in (400_000, second_cents):
        post(scene, price_cents=price_cents, weight_kg=price_cents // 50)
    run_jobs(only="search.wake", **scene.changes)
    let_a_minute_pass(driver)

    run_all(run_jobs, scene)

    assert len(searches(driver)[-1].load_ids) == 2
    assert prices(driver) == held


def test_the_freight_that_they_hold_is_not_offered_again_at_a_better_price(
    scene, run_jobs
):
    scene.load(price_cents=250_000, weight_kg=9_000)
    driver = scene.driver()
    scene.search(driver)

    twin = post(scene, price_cents=330_000, weight_kg=9_000)
    other = post(scene, price_cents=310_000, weight_kg=4_000)
    run_jobs(only="search.wake", **scene.changes)
    let_a_minute_pass(driver)
    run_all(run_jobs, scene)

    assert set(searches(driver)[-1].load_ids) == {twin, other}
    assert prices(driver) == [310_000, 250_000]


def test_a_sequence_holds_one_offer_and_the_better_one(scene, run_jobs):
    scene.changes["OFFER_STRATEGY"] = "sequential"
    scene.loads(2)
    driver = scene.driver()
    scene.search(driver)
    assert prices(driver) == [300_000]

    post(scene, price_cents=400_000, weight_kg=9_000)
    let_a_minute_pass(driver)
    run_jobs(**scene.changes)

    assert prices(driver) == [400_000]
    assert queued("search.woken") == []


@pytest.mark.parametrize(
    ("more_cents", "held"), [(4_000, [280_000]), (6_000, [286_000, 280_000])]
)
def test_a_driver_with_room_is_rung_only_for_what_is_better_by_a_margin(
    scene, run_jobs, more_cents, held
):
    scene.load(price_cents=280_000)
    driver = scene.driver()
    scene.search(driver)

    post(scene, price_cents=280_000 + more_cents, weight_kg=9_000)
    let_a_minute_pass(driver)
    run_all(run_jobs, scene)

    assert prices(driver) == held


def test_two_loads_for_one_place_cost_the_driver_nothing_but_that(scene, run_jobs):
    """The second one is no better than the worst by then."""
    scene.loads(2)
    driver = scene.driver()
    scene.search(driver)
    assert prices(driver) == [300_000, 290_000]
    for price_cents in (400_000, 294_500):
        post(scene, price_cents=price_cents, weight_kg=price_cents // 50)
    let_a_minute_pass(driver)

    run_all(run_jobs, scene)

    assert prices(driver) == [400_000, 300_000, 290_000]
