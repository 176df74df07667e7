"""What a desk does and is told, and what its refused acts must leave as it was."""

from typing import Any

from sqlalchemy import text

from models.booking.overrides import Override
from models.kernel.events import Event
from models.loads.assignments import Assignment
from models.loads.loads import Load
from models.offers.pushes import Push
from runtime.db import Session
from tests.world import Answer


def override(dispatcher, assignment_id=None, **body):
    path = f"/v1/assignments/{assignment_id}/override" if assignment_id else None
    return dispatcher.post(path or "/v1/overrides", {"reason": "safety"} | body)


def won(scene, driver):
    (offer_id,) = scene.offered(driver)
    answer = driver.put(f"/v1/offers/{offer_id}/acceptance")
    assert answer.status == 200, answer.body
    return answer


def grounds(answer: Answer) -> list[str]:
    return [objection["ground"] for objection in answer["objections"]]


def change(table: str, to: str, which: str = "true", *, session: Any = None) -> None:
    """Change rows as no use case does: those that edit a load withdraw its offers."""
    act = text(f"update {table} set {to} where {which}")
    if session is None:
        with Session.begin() as own:
            own.execute(act)
    else:
        session.execute(act)


def everything():
    """Return all that a refused override must leave unchanged."""
    with Session() as session:
        loads = session.query(Load.id, Load.status, Load.version).order_by(Load.id)
        carried = session.query(Assignment.id, Assignment.status).order_by(
            Assignment.id
        )
        return (
            loads.all(),
            carried.all(),
            session.query(Override.id).count(),
            session.query(Push.id).count(),
            session.query(Event.id).count(),
        )
