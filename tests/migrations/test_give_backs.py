"""What revision 0015 does with rows that were there before it."""

from collections.abc import Callable
from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, text

from models.loads.loads import Load
from runtime.db import Session
from tests.services.scene import Scene, open_offers, rows_of
from tests.world import CHICAGO, NEWARK, World

revision = import_module("migrations.versions.0015_give_backs")


def test_a_place_that_names_a_facility_is_forgotten_and_a_town_is_kept(
    committed: World,
) -> None:
    shipper = committed.shipper()
    docks = [
        committed.stop_body("pickup", NEWARK, facility="Acme, Inc"),
        committed.stop_body(
            "delivery", CHICAGO, facility="Gary, IN", address={"city": "Gary, IN"}
        ),
    ]
    load_id = committed.load(shipper, stops=docks)["id"]
    with Session.begin() as session:
        old = "update loads set pickup_place = 'Acme, Inc' where id = :id"
        session.execute(text(old), {"id": load_id})

        for end, sequence in (("pickup", "0"), ("delivery", "loads.stop_count - 1")):
            session.execute(
                text(revision.FACILITIES.format(end=end, sequence=sequence))
            )

    (load,) = rows_of(Load, Load.id == load_id)
    assert (load.pickup_place, load.delivery_place) == (None, "Gary, IN")


def test_going_back_keeps_the_renewal_of_an_offer_and_forgets_the_lost_one(
    committed: World, superuser: Engine, run_jobs: Callable[..., list[str]]
) -> None:
    scene = Scene(committed)
    scene.load()
    winner, loser = scene.driver(), scene.driver()
    mine, lost = scene.offered(winner, loser)
    won = winner.put(f"/v1/offers/{mine}/acceptance")
    undone = {"kind": "unassign", "reason": "safety"}
    path = f"/v1/assignments/{won['id']}/override"
    assert scene.carrier.post(path, undone).status == 201
    run_jobs(only="offers.renew")
    (again,) = open_offers(loser)
    kept = text("select id from offers order by id")

    with superuser.connect() as connection:
        before = list(connection.scalars(kept))
        with Operations.context(MigrationContext.configure(connection)):
            connection.execute(text("set local role backhaul_owner"))
            revision.downgrade()
            connection.execute(text("reset role"))
            left = list(connection.scalars(kept))
            connection.execute(text("set local role backhaul_owner"))
            revision.upgrade()
        connection.rollback()

    assert before == sorted([mine, lost, again.id])
    assert left == sorted([mine, again.id])
