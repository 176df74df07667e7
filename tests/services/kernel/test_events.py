import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session as OrmSession

from models.kernel.events import Event
from tests.world import World


@pytest.mark.parametrize(
    "statement",
    [
        "update events set reason = 'another'",
        "update events set occurred_at = now() where id = (select min(id) from events)",
        "delete from events",
    ],
)
def test_an_event_cannot_be_changed(
    world: World, session: OrmSession, statement: str
) -> None:
    world.load(world.shipper())

    with (
        pytest.raises(DBAPIError, match="append-only"),
        session.begin_nested(),
    ):
        session.execute(text(statement))

    assert session.scalars(select(Event.kind)).all() == ["load.post"]
