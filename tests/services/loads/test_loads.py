from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from geo.points import Point
from geo.roads import EstimatedRoads
from models.kernel.events import Event
from models.loads.loads import Load, RateType, Visibility
from models.loads.stops import StopKind
from models.people.organisations import OrganisationKind
from runtime.db import Session
from runtime.errors import IdTaken
from services.kernel.actors import Actor
from services.kernel.versions import Precondition
from services.loads import loads, posting
from services.loads.posting import NumberTaken, PostingRules
from tests.services.scene import actor_of, after
from tests.world import World, utcnow

MARKET = PostingRules(timedelta(hours=4), EstimatedRoads())

FIELDS: dict[str, Any] = {
    "equipment": ["van"],
    "price_cents": 100,
    "visibility": Visibility.NETWORK,
    "rate_type": RateType.ALL_IN,
}


def stop(kind: StopKind, lat: float = 41.0, lon: float = -87.0) -> dict[str, Any]:
    now = utcnow()
    return {
        "kind": kind,
        "lat": lat,
        "lon": lon,
        "window_from": now,
        "window_until": now + timedelta(hours=9),
        "zone": "UTC",
    }


def post(actor: Actor, **given: Any) -> Callable[[OrmSession], Load]:
    fields = FIELDS | given.pop("fields", {})
    route = [stop(StopKind.PICKUP), stop(StopKind.DELIVERY)]

    def act(session: OrmSession) -> Load:
        return posting.post_load(
            session, actor, MARKET, fields=fields, stops=route, now=utcnow(), **given
        ).load

    return act


points = st.tuples(st.floats(-60, 75), st.floats(-180, 180))


@pytest.fixture
def poster(world: World) -> Actor:
    return actor_of(world.company(OrganisationKind.SHIPPER))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(points, min_size=2, max_size=6),
    hours=st.lists(st.integers(0, 40), min_size=6, max_size=6),
    kinds=st.lists(st.sampled_from(StopKind), min_size=6, max_size=6),
    edited=st.booleans(),
)
def test_the_ends_of_a_load_are_its_first_and_last_stop(
    session: OrmSession,
    poster: Actor,
    places: list[tuple[float, float]],
    hours: list[int],
    kinds: list[StopKind],
    edited: bool,
) -> None:
    now = utcnow()
    middle = kinds[: len(places) - 2]
    route = [
        stop(kind, *place)
        | {"window_from": now, "window_until": now + timedelta(hours=1 + hour)}
        for kind, place, hour in zip(
            [StopKind.PICKUP, *middle, StopKind.DELIVERY], places, hours, strict=False
        )
    ]
    other = [stop(StopKind.PICKUP), stop(StopKind.DELIVERY)]
    load = posting.post_load(
        session,
        poster,
        MARKET,
        fields=FIELDS,
        stops=other if edited else route,
        now=now,
    ).load
    if edited:
        seen = Precondition(frozenset({load.tag}))
        posting.edit_load(
            session, poster, MARKET, load.id, seen, fields={}, stops=route, now=now
        )

    session.flush()
    session.expire_all()
    kept = loads.get_load(session, poster, load.id)

    first, last = kept.stops[0], kept.stops[-1]
    assert [(s.lat, s.lon) for s in kept.stops] == places
    assert [s.sequence for s in kept.stops] == list(range(len(places)))
    assert kept.stop_count == len(places)
    assert (kept.pickup_lat, kept.pickup_lon) == (first.lat, first.lon)
    assert (kept.delivery_lat, kept.delivery_lon) == (last.lat, last.lon)
    assert (kept.pickup_from, kept.pickup_until) == (
        first.window_from,
        first.window_until,
    )
    assert (kept.delivery_from, kept.delivery_until) == (
        last.window_from,
        last.window_until,
    )
    legs = [MARKET.roads.distance_m(Point(*a), Point(*b)) for a, b in pairwise(places)]
    assert kept.loaded_m == pytest.approx(sum(legs))
    assert kept.distance_source == "estimated"


def test_an_unexpected_database_error_is_not_translated(session: OrmSession) -> None:
    stranger = Actor(uuid7(), uuid7(), OrganisationKind.SHIPPER, frozenset())

    with pytest.raises(IntegrityError):
        post(stranger)(session)


class TestTheSameRequestAtTheSameTime:
    def test_is_one_load(self, committed: World) -> None:
        act = post(actor_of(committed.shipper()), load_id=uuid7())

        repeated = after(act, act)

        with Session() as session:
            (kept,) = session.scalars(select(Load)).all()
            assert repeated.id == kept.id
            posted = select(func.count()).where(Event.kind == "load.post")
            assert session.scalar(posted) == 1

    def test_of_another_company_is_refused(self, committed: World) -> None:
        load_id = uuid7()
        one, other = (actor_of(committed.shipper()) for _ in range(2))

        with pytest.raises(IdTaken):
            after(post(one, load_id=load_id), post(other, load_id=load_id))

    def test_with_one_number_is_refused(self, committed: World) -> None:
        actor, numbered = actor_of(committed.shipper()), {"load_number": "7"}

        with pytest.raises(NumberTaken, match="a load 7 already"):
            after(post(actor, fields=numbered), post(actor, fields=numbered))
