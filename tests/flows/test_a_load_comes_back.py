"""A carrier gives a load back: drivers who had lost it are offered it again, once."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from models.offers.offers import Offer
from runtime.db import Session
from services.search.renew import renew
from services.search.run import offer_next
from tests.services.scene import (
    Scene,
    active,
    after,
    let_time_run_out,
    offer_row,
    open_offers,
    pushes_to,
    queued,
    rows_of,
)
from tests.world import DENVER, Caller, World, utcnow

RunJobs = Callable[..., list[str]]
RENEW = "offers.renew"


def offers_of(driver: Caller, load_id: UUID) -> list[Offer]:
    """Return the driver's offers of the load, oldest first."""
    found = rows_of(
        Offer, Offer.driver_id == UUID(driver.driver_id), Offer.load_id == load_id
    )
    return sorted(found, key=lambda offer: offer.id)


def release(scene: Scene, assignment_id: object) -> None:
    path = f"/v1/assignments/{assignment_id}/override"
    given_back = scene.carrier.post(path, {"kind": "unassign", "reason": "safety"})
    assert given_back.status == 201, given_back.body


def lost_and_back(scene: Scene) -> tuple[Caller, UUID, UUID]:
    """Return a driver whose offer was lost, that offer, and its load, which is back."""
    load_id = scene.load(price_cents=459_999)
    winner, loser = scene.driver(), scene.driver()
    mine, theirs = scene.offered(winner, loser)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    assert won.status == 200, won.body
    assert open_offers(loser) == []
    release(scene, won["id"])
    return loser, theirs, load_id


def test_the_loser_is_offered_the_load_again_and_told_so(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world)
    loser, lost, load_id = lost_and_back(scene)

    run_jobs(only=RENEW)

    (again,) = open_offers(loser)
    assert (again.load_id, again.renews_id) == (load_id, lost)
    assert offer_row(lost).status == "lost"
    assert again.expires_at > utcnow() + timedelta(minutes=5)
    assert pushes_to(loser)[-1] == "offer_renewed"
    assert loser.put(f"/v1/offers/{again.id}/acceptance").status == 200
    assert [a.driver_id for a in active(load_id=load_id)] == [UUID(loser.driver_id)]


def test_the_driver_who_had_it_is_not_offered_it_again(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world)
    load_id = scene.load()
    winner = scene.driver()
    (mine,) = scene.offered(winner)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    release(scene, won["id"])

    run_jobs(only=RENEW)

    assert len(offers_of(winner, load_id)) == 1


def test_an_offer_is_renewed_exactly_once(world: World, run_jobs: RunJobs) -> None:
    scene = Scene(world)
    loser, lost, load_id = lost_and_back(scene)
    (job,) = queued(RENEW)
    run_jobs(only=RENEW)

    for _ in range(2):
        with Session.begin() as session:
            rules = scene.rules
            by = {"offer_id": lost, "now": utcnow()}
            assert renew(session, rules.offers, rules.roads, **by) is None

    assert set(job.args) - {"trace_id"} == {"assignment_id"}
    assert len(offers_of(loser, load_id)) == 2


def test_two_renewals_at_once_make_one_offer(committed: World) -> None:
    scene = Scene(committed)
    loser, lost, load_id = lost_and_back(scene)
    rules = scene.rules

    def act(session: object) -> Offer | None:
        by = {"offer_id": lost, "now": utcnow()}
        return renew(session, rules.offers, rules.roads, **by)  # type: ignore[arg-type]

    assert after(act, act) is None
    assert len(offers_of(loser, load_id)) == 2


def test_a_load_that_comes_back_twice_is_offered_twice_more(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world)
    loser, lost, load_id = lost_and_back(scene)
    run_jobs(only=RENEW)
    other = scene.driver()
    release(scene, scene.assigned(other, load_id))

    run_jobs(only=RENEW)

    first, second, third = offers_of(loser, load_id)
    assert [first.id, second.renews_id] == [lost, lost]
    assert third.renews_id == second.id
    assert [first.status, second.status] == ["lost", "lost"]
    assert open_offers(loser)[0].id == third.id


@pytest.mark.parametrize("meanwhile", ["reassigned", "booked before the job"])
def test_an_offer_is_renewed_whatever_became_of_the_load_meanwhile(
    committed: World, run_jobs: RunJobs, meanwhile: str
) -> None:
    scene = Scene(committed)
    load_id = scene.load(price_cents=459_999)
    winner, loser, other = scene.drivers(3)
    mine, theirs = scene.offered(winner, loser)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    if meanwhile == "reassigned":
        body = {"kind": "reassign", "driver_id": other.driver_id, "reason": "safety"}
        path = f"/v1/assignments/{won['id']}/override"
        assert scene.carrier.post(path, body).status == 201
    else:
        release(scene, won["id"])
        scene.assigned(other, load_id)
        run_jobs(only=RENEW)
    assert open_offers(loser) == []
    (carried,) = active(load_id=load_id)
    release(scene, carried.id)

    run_jobs(only=RENEW)

    assert [o.renews_id for o in open_offers(loser)] == [theirs]


def test_a_driver_whom_the_desk_took_off_the_load_is_not_offered_it_again(
    committed: World, run_jobs: RunJobs
) -> None:
    scene = Scene(committed)
    loser, _, load_id = lost_and_back(scene)
    release(scene, scene.assigned(loser, load_id))

    run_jobs(only=RENEW)

    assert open_offers(loser) == []


@pytest.mark.parametrize(
    "reason", ["late", "declined", "busy", "off_duty", "newer", "withdrawn", "moved"]
)
def test_no_offer_is_made_that_would_not_be_good(
    world: World, run_jobs: RunJobs, reason: str
) -> None:
    scene = Scene(world)
    loser, lost, load_id = lost_and_back(scene)
    if reason == "late":
        let_time_run_out(lost)
    elif reason == "declined":
        with Session.begin() as session:
            row = update(Offer).where(Offer.id == lost)
            session.execute(row.values(status="declined"))
    elif reason == "busy":
        scene.assigned(loser, scene.load())
    elif reason == "off_duty":
        off = {"availability": "off_duty"}
        path = f"/v1/drivers/{loser.driver_id}"
        assert loser.patch(path, off).status == 200
    elif reason == "newer":
        scene.search(loser, at=DENVER)
    elif reason == "withdrawn":
        gone = scene.shipper.delete(f"/v1/loads/{load_id}/posting")
        assert gone.status == 200
    else:
        cheap = scene.shipper.patch(f"/v1/loads/{load_id}", {"price_cents": 1})
        assert cheap.status == 200

    run_jobs(only=RENEW)

    made = [offer for offer in offers_of(loser, load_id) if offer.renews_id]
    assert made == []


@pytest.mark.parametrize(("price_cents", "wins"), [(459_999, True), (150_000, False)])
def test_a_renewed_offer_replaces_a_worse_one_and_no_better_one(
    world: World, run_jobs: RunJobs, price_cents: int, wins: bool
) -> None:
    scene = Scene(world, {"OFFERS_PER_DRIVER": 1})
    scene.load(price_cents=250_000, weight_kg=12_000)
    loser, lost, load_id = lost_and_back(scene)
    run_jobs(only="search.offer_next", **scene.changes)
    (meanwhile,) = open_offers(loser)
    edit = {"price_cents": price_cents}
    assert scene.shipper.patch(f"/v1/loads/{load_id}", edit).status == 200

    run_jobs(only=RENEW, **scene.changes)

    (now_open,) = open_offers(loser)
    assert (now_open.renews_id == lost) == wins
    assert (now_open.id == meanwhile.id) != wins
    assert offer_row(meanwhile.id).status == ("superseded" if wins else "created")


def test_a_driver_who_was_rung_often_enough_is_left_alone(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world, {"RINGS_PER_DAY": 1})
    loser, _, _ = lost_and_back(scene)

    assert run_jobs(only=RENEW, **scene.changes) == [RENEW]

    assert open_offers(loser) == []


def test_a_repeat_after_a_decline_ends_no_other_offer(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world, {"OFFERS_PER_DRIVER": 1})
    for price_cents in (250_000, 240_000):
        scene.load(price_cents=price_cents, weight_kg=price_cents // 20)
    loser, lost, load_id = lost_and_back(scene)
    run_jobs(only="search.offer_next", **scene.changes)
    run_jobs(only=RENEW, **scene.changes)
    (again,) = open_offers(loser)
    declined = loser.put(f"/v1/offers/{again.id}/decline", {"reason": "price"})
    assert declined.status == 200
    rules, by = scene.rules, {"search_id": again.search_id, "now": utcnow()}
    with Session.begin() as session:
        offer_next(session, rules, **by)
    (following,) = open_offers(loser)

    with Session.begin() as session:
        by = {"offer_id": lost, "now": utcnow()}
        assert renew(session, rules.offers, rules.roads, **by) is None

    assert [offer.id for offer in open_offers(loser)] == [following.id]
    assert following.load_id != load_id


def test_a_swap_gives_the_old_load_back_to_its_losers(
    world: World, run_jobs: RunJobs
) -> None:
    scene = Scene(world)
    load_id = scene.load(price_cents=459_999)
    winner, loser = scene.driver(), scene.driver()
    mine, theirs = scene.offered(winner, loser)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    better = {"kind": "force_assign", "reason": "safety", "load_id": str(scene.load())}
    path = f"/v1/assignments/{won['id']}/override"
    assert scene.carrier.post(path, better).status == 201

    run_jobs(only=RENEW)

    assert [o.renews_id for o in open_offers(loser)] == [theirs]
    assert open_offers(loser)[0].load_id == load_id
