"""What revision 0018 does with rows that were there before it."""

from importlib import import_module

from sqlalchemy import text

from models.loads.loads import Load
from runtime.db import Session
from tests.services.scene import rows_of
from tests.world import CHICAGO, NEWARK, World

revision = import_module("migrations.versions.0018_give_backs")


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
