"""What revision 0018 does with rows that were there before it."""

from importlib import import_module

from sqlalchemy import text

from models.loads.assignments import Assignment
from runtime.db import Session
from tests.services.scene import Scene, rows_of
from tests.world import World

revision = import_module("migrations.versions.0018_claims")
fields = import_module("migrations.versions.0023_fields")


def test_an_assignment_that_was_cut_short_keeps_its_load(committed: World) -> None:
    scene = Scene(committed)
    lost = scene.assigned(scene.driver(), scene.load())
    scene.assigned(scene.driver(), scene.load())
    path = f"/v1/assignments/{lost}/override"
    undone = {"kind": "unassign", "reason": "safety"}
    assert scene.carrier.post(path, undone).status == 201
    (before,) = rows_of(Assignment, Assignment.id == lost)
    assert before.load_kept is not None
    # What a later revision keeps too.
    of_load = {name: before.load_kept.pop(name) for name in fields.NEW_OF_LOADS}
    for stop in before.load_kept["stops"]:
        of_stop = {name: stop.pop(name) for name in fields.NEW_OF_STOPS}

    with Session.begin() as session:
        session.execute(text("update assignments set load_kept = null"))
        session.execute(text(revision.KEEP_LOADS))

    kept = {row.id: row.load_kept for row in rows_of(Assignment)}
    assert kept.pop(lost) == before.load_kept
    assert list(kept.values()) == [None]
    assert of_load == {"takes_reefers": None, "crossings": 0, "domestic_country": "US"}
    assert of_stop == {"opening_hours": None, "country": "US", "state": "IL"}
