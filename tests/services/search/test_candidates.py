"""The search finds the loads that brute force finds, and it uses the index."""

import re
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from freight.equipment import Equipment
from freight.ranking import rank
from freight.situation import Parameters, Situation
from geo.areas import SearchArea
from geo.corridors import corridor_home
from geo.distance import METRES_PER_MILE
from geo.fences import CircleFence, PolygonFence
from geo.points import Point
from geo.roads import EstimatedRoads
from models.loads.loads import Load, Visibility
from runtime.db import Session
from services.search import candidates
from services.search.candidates import IN_BOXES, candidates_in
from tests.services.scene import Scene
from tests.world import CHICAGO, DALLAS, DENVER, NEW_YORK, utcnow

ROADS = EstimatedRoads()


def random_loads(rng, number, mine, theirs, now):
    """Yield rows of loads over half a continent; many may not be found."""

    def place():
        near = rng.choice([NEW_YORK, CHICAGO, DALLAS, DENVER])
        spread = rng.choice([0.3, 2, 8])
        return near.lat + rng.gauss(0, spread), near.lon + rng.gauss(0, spread)

    for n in range(number):
        (p_lat, p_lon), (d_lat, d_lon) = place(), place()
        opens = now + timedelta(hours=rng.uniform(-30, 10))
        closes = opens + timedelta(hours=rng.uniform(1, 60))
        until = now + timedelta(hours=rng.uniform(40, 200))
        org_id, posted_by = rng.choice([mine, theirs])
        yield {
            "id": uuid7(),
            "org_id": org_id,
            "posted_by": posted_by,
            "version": 1,
            "status": rng.choice(["posted"] * 5 + ["held", "booked", "cancelled"]),
            "visibility": rng.choice(["network", "network", "private"]),
            "load_number": f"R{n}",
            "references": [],
            "equipment": rng.choice([["van"], ["van", "reefer"], ["flatbed"]]),
            "weight_kg": rng.choice([None, 9_000, 19_000, 24_000]),
            "length_m": rng.choice([None, 10.0, 20.0]),
            "has_hazmat": rng.random() < 0.1,
            "price_cents": rng.randrange(10_000, 400_000),
            "currency": rng.choice(["USD"] * 5 + ["CAD"]),
            "rate_type": "all_in",
            "loaded_m": ROADS.distance_m(Point(p_lat, p_lon), Point(d_lat, d_lon)),
            "distance_source": "estimated",
            "lease_expires_at": now + timedelta(hours=rng.uniform(-5, 20)),
            "stop_count": 2,
            "pickup_lat": p_lat,
            "pickup_lon": p_lon,
            "pickup_from": opens,
            "pickup_until": closes,
            "delivery_lat": d_lat,
            "delivery_lon": d_lon,
            "delivery_from": opens,
            "delivery_until": until,
        }


def square(centre, degrees):
    lat, lon, d = centre.lat, centre.lon, degrees
    ring = [(lon - d, lat - d), (lon + d, lat - d), (lon + d, lat + d)]
    ring += [(lon - d, lat + d), (lon - d, lat - d)]
    return PolygonFence.from_geojson(
        {"type": "Polygon", "coordinates": [[list(p) for p in ring]]}
    )


def random_area(rng, drop, home):
    max_detour_m = rng.choice([50, 150, 300]) * METRES_PER_MILE
    operating = (square(drop, 6), square(home, 9)) if rng.random() < 0.4 else ()
    no_go = (square(drop, 0.2),) if rng.random() < 0.4 else ()
    return SearchArea(
        CircleFence(drop, rng.choice([50, 100, 250, 600]) * METRES_PER_MILE),
        corridor_home(drop, home, ROADS.distance_m(drop, home), max_detour_m),
        operating,
        no_go,
    )


def brute_force(session, org_id, now):
    """Return every load on the market for the company, as the search would see it."""
    found = []
    for load in session.scalars(select(Load)):
        is_ours = load.org_id == org_id or load.visibility is Visibility.NETWORK
        is_live = load.lease_expires_at > now and load.pickup_until > now
        if load.status == "posted" and is_ours and is_live:
            found.append(candidates.candidate(session, load.id))
    return found


def of_org(caller):
    return caller.org_id, caller.member_id


@pytest.fixture
def scene(world):
    return Scene(world)


def test_it_finds_every_load_that_ranking_could_want(scene, world):
    rng = Random(20)
    now = utcnow()
    other = Scene(world).shipper
    rows = random_loads(rng, 500, of_org(scene.carrier), of_org(other), now)
    pairs = [(NEW_YORK, CHICAGO), (DALLAS, DENVER), (CHICAGO, DALLAS)]
    ranked_at_all = 0
    with Session.begin() as session:
        session.execute(insert(Load), list(rows))
        everything = brute_force(session, scene.carrier.org_id, now)

        for number in range(25):
            drop, home = rng.choice(pairs)
            area = random_area(rng, drop, home)
            situation = Situation(
                drop, home, now, "USD", 100.0, 100.0, equipment=Equipment.VAN
            )
            rules = Parameters(max_detour_m=rng.choice([100_000.0, 482_803.0]))

            found = candidates_in(session, area, org_id=scene.carrier.org_id, now=now)

            inside = {
                c.load_id
                for c in everything
                if area.why_not(c.pickup, c.delivery) is None
            }
            assert inside <= {c.load_id for c in found}, number
            assert {c.load_id for c in found} <= {c.load_id for c in everything}
            by_index = rank(found, situation, rules, area, ROADS)
            by_force = rank(everything, situation, rules, area, ROADS)
            assert by_index.ranked == by_force.ranked
            ranked_at_all += len(by_index.ranked)
    assert ranked_at_all > 20


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        ({}, True),
        ({"visibility": "private"}, False),
        ({"currency": "CAD"}, True),
        ({"is_draft": True}, False),
    ],
    ids=["plain", "private", "other-currency", "draft"],
)
def test_what_a_search_may_see(scene, change, is_found):
    load_id = scene.load(**change)
    area = random_area(Random(1), NEW_YORK, CHICAGO)

    with Session() as session:
        found = candidates_in(session, area, org_id=scene.carrier.org_id, now=utcnow())

    assert ([c.load_id for c in found] == [load_id]) == is_found


def test_a_private_load_is_found_by_its_own_company(scene):
    load_id = scene.load(visibility="private")
    area = random_area(Random(1), NEW_YORK, CHICAGO)

    with Session() as session:
        found = candidates_in(session, area, org_id=scene.shipper.org_id, now=utcnow())

    assert [c.load_id for c in found] == [load_id]


def test_a_lapsed_lease_and_a_closed_window_are_never_found(scene):
    scene.load()
    area = random_area(Random(1), NEW_YORK, CHICAGO)

    with Session() as session:
        later = [utcnow() + timedelta(hours=hours) for hours in (0, 25, 49)]
        found = [
            len(candidates_in(session, area, org_id=scene.carrier.org_id, now=now))
            for now in later
        ]

    assert found == [1, 0, 0]


def test_the_two_ended_index_answers_among_twenty_thousand(committed, superuser):
    scene = Scene(committed)
    rng = Random(3)
    now = utcnow()
    ours = of_org(scene.shipper)
    area = SearchArea(
        CircleFence(NEW_YORK, 100 * METRES_PER_MILE),
        corridor_home(NEW_YORK, CHICAGO, 1_270_000, 100_000),
        (),
        (),
    )
    (pickup,), (delivery,) = area.pickup_boxes(), area.delivery_boxes()
    edges = candidates.edges(pickup, "1") | candidates.edges(delivery, "2")
    with OrmSession(superuser) as session, session.begin():
        some = list(random_loads(rng, 500, ours, ours, now))
        session.execute(insert(Load), some)
        # Skips the 40,000 foreign key checks, which are not tested here.
        session.execute(text("set local session_replication_role = replica"))
        changed = {
            "id": "gen_random_uuid()",
            "load_number": "load_number || '-' || n",
            "pickup_lat": "pickup_lat + n * 0.01",
            "delivery_lon": "delivery_lon + n * 0.01",
        }
        names = [f'"{column.name}"' for column in Load.__table__.columns]
        values = [changed.get(name.strip('"'), name) for name in names]
        session.execute(
            text(
                f"insert into loads ({', '.join(names)}) select {', '.join(values)}"
                " from loads, generate_series(1, 39) n"
            )
        )
        assert session.scalar(text("select count(*) from loads")) == 20_000
    with superuser.begin() as connection:
        connection.execute(text("analyze loads"))
    with Session.begin() as session:
        # As the worker, which searches: row security would keep the app off the index.
        plan = session.scalars(
            text(f"explain (analyze, format text) {IN_BOXES.text}"),
            edges | {"now": now, "org_id": scene.carrier.org_id},
        ).all()

    lines = "\n".join(plan)
    assert "ix_loads_two_ended" in lines
    # There are two companies only, so PostgreSQL reads them without an index.
    assert set(re.findall(r"Seq Scan on (\w+)", lines)) <= {"organisations"}
    condition = next(line for line in plan if "Index Cond" in line)
    assert condition.count("<@") == 2
