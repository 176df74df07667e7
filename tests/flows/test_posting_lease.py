"""A load whose posting lease lapsed is not found until its poster renews it."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as OrmSession

from models.kernel.events import Event
from runtime.db import Session
from services.loads import leases
from tests.services.scene import Scene, after
from tests.world import Caller, World, utcnow

LEASE, WINDOW = "lease_expires_at", "pickup_until"


def pass_by(session: OrmSession, load: dict[str, Any], column: str) -> None:
    """Put the end of the lease or of the pickup window one second into the past."""
    session.execute(
        text(
            f"update loads set {column} = now() - interval '1 second',"
            " pickup_from = pickup_from - interval '9 days' where id = :id"
        ),
        {"id": load["id"]},
    )


def status_of(shipper: Caller, load: dict[str, Any]) -> str:
    return str(shipper.get(f"/v1/loads/{load['id']}")["status"])


def loads_of(driver: Caller, query: str = "") -> list[str]:
    offers = driver.get(f"/v1/offers?{query}")["data"]
    return [offer["load_id"] for offer in offers]


def acts_of(session: OrmSession, load: dict[str, Any]) -> list[str]:
    kinds = select(Event.kind).where(Event.subject_id == load["id"])
    return list(session.scalars(kinds.order_by(Event.id)))


@pytest.mark.parametrize("column", [LEASE, WINDOW])
def test_a_lapsed_load_is_not_found_even_before_the_job_ran(
    world: World,
    session: OrmSession,
    column: str,
) -> None:
    scene = Scene(world)
    shipper, driver = scene.shipper, scene.driver(phones=0)
    late, fresh = world.load(shipper), world.load(shipper)
    pass_by(session, late, column)

    search = scene.search(driver)

    assert search.counts["considered"] == 1
    assert loads_of(driver) == [fresh["id"]]
    market = scene.carrier.get("/v1/loads/market")["data"]
    assert [row["id"] for row in market] == [fresh["id"]]
    assert status_of(shipper, late) == "posted"


@pytest.mark.parametrize(
    ("column", "status", "kind"),
    [(LEASE, "held", "load.lapse"), (WINDOW, "expired", "load.expire")],
)
def test_the_job_marks_a_lapsed_load_ends_its_offers_and_may_run_again(
    world: World,
    session: OrmSession,
    column: str,
    status: str,
    kind: str,
) -> None:
    scene = Scene(world)
    shipper, driver = scene.shipper, scene.driver(phones=0)
    load = world.load(shipper)
    scene.search(driver)
    assert loads_of(driver, "is_open=true") == [load["id"]]
    pass_by(session, load, column)

    marked = [leases.lapse(session, now=utcnow()) for _ in range(2)]
    session.flush()

    assert marked == [1, 0]
    assert status_of(shipper, load) == status
    assert acts_of(session, load) == ["load.post", kind]
    assert [o["status"] for o in driver.get("/v1/offers")["data"]] == ["withdrawn"]
    refused = driver.put(
        f"/v1/offers/{driver.get('/v1/offers')['data'][0]['id']}/acceptance"
    )
    assert (refused.status, refused.code) == (410, "offer-withdrawn")


def test_a_held_load_whose_window_closes_expires(
    world: World, session: OrmSession
) -> None:
    shipper = world.shipper()
    load = world.load(shipper)
    for column, status in [(LEASE, "held"), (WINDOW, "expired")]:
        pass_by(session, load, column)

        leases.lapse(session, now=utcnow())
        session.flush()

        assert status_of(shipper, load) == status


def test_fresh_draft_and_carried_loads_are_left_alone(
    world: World, session: OrmSession
) -> None:
    shipper, carrier = world.shipper(), world.company()
    fresh, draft, carried = (
        world.load(shipper),
        world.load(shipper, is_draft=True),
        world.load(shipper),
    )
    world.assign(carrier, world.driver(carrier, device=None), carried)
    for load in (draft, carried):
        pass_by(session, load, WINDOW)
        pass_by(session, load, LEASE)

    assert leases.lapse(session, now=utcnow()) == 0

    assert [status_of(shipper, kept) for kept in (fresh, draft, carried)] == [
        "posted",
        "draft",
        "booked",
    ]


def test_renewal_brings_a_held_load_back_to_the_search(
    world: World, session: OrmSession
) -> None:
    scene = Scene(world)
    shipper, driver = scene.shipper, scene.driver(phones=0)
    load = world.load(shipper)
    pass_by(session, load, LEASE)
    leases.lapse(session, now=utcnow())
    session.flush()

    renewed = shipper.put(f"/v1/loads/{load['id']}/posting")
    scene.search(driver)

    assert (renewed.status, renewed["status"]) == (200, "posted")
    assert loads_of(driver) == [load["id"]]


def test_an_expired_load_needs_a_new_window_first(
    world: World, session: OrmSession
) -> None:
    shipper = world.shipper()
    load = world.load(shipper)
    pass_by(session, load, WINDOW)
    leases.lapse(session, now=utcnow())
    session.flush()
    url = f"/v1/loads/{load['id']}"

    refused = shipper.put(f"{url}/posting")
    edited = shipper.patch(url, {"stops": world.load_body()["stops"]})
    renewed = shipper.put(f"{url}/posting")

    assert (refused.status, refused.code) == (409, "pickup-window-closed")
    assert (edited["status"], renewed["status"]) == ("expired", "posted")


def test_the_job_does_many_a_few_at_a_time(world: World, session: OrmSession) -> None:
    shipper = world.shipper()
    for _ in range(5):
        pass_by(session, world.load(shipper), LEASE)

    marked = [leases.lapse(session, now=utcnow(), most=2) for _ in range(4)]

    assert marked == [2, 2, 1, 0]


def test_a_load_being_renewed_is_left_to_its_renewal(committed: World) -> None:
    """The job skips a locked row instead of waiting for it."""
    shipper = committed.shipper()
    load = committed.load(shipper)
    with Session.begin() as session:
        pass_by(session, load, LEASE)

    with Session.begin() as locking, Session.begin() as job:
        locking.execute(text("select 1 from loads for update"))
        assert leases.lapse(job, now=utcnow()) == 0

    assert status_of(shipper, load) == "posted"


def test_a_renewal_waits_for_the_job_and_undoes_it(committed: World) -> None:
    shipper = committed.shipper()
    load = committed.load(shipper)
    with Session.begin() as session:
        pass_by(session, load, LEASE)

    answer = after(
        lambda session: leases.lapse(session, now=utcnow()),
        lambda _: shipper.put(f"/v1/loads/{load['id']}/posting"),
    )

    assert (answer.status, answer["status"]) == (200, "posted")
