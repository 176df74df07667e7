"""The best of many loads are found without judging all of them."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import insert, select, text

from freight.bounds import Ceiling
from freight.equipment import Equipment
from freight.ranking import Ranking, rank
from freight.situation import Parameters, Situation
from geo.points import Point
from models.loads.loads import Load
from runtime.db import Session
from services.search import candidates
from services.search.candidates import FEW, add_best, are_few, candidates_in
from tests.services.scene import Scene
from tests.services.search.test_candidates import (
    ROADS,
    brute_force,
    of_org,
    random_area,
    random_loads,
)
from tests.world import CHICAGO, DALLAS, DENVER, NEW_YORK, utcnow


@pytest.fixture
def scene(world):
    return Scene(world)


def best(session, area, situation, rules, org_id, now, kept):
    ranking = Ranking(situation, rules, area, ROADS)
    ceiling = Ceiling.of(situation, rules, ROADS)
    asked = (session, ranking, area, situation, ceiling)
    add_best(*asked, org_id=org_id, now=now, kept=kept)
    return ranking.outcome()


def random_search(rng, now):
    drop, home = rng.choice(
        [(NEW_YORK, CHICAGO), (DALLAS, DENVER), (CHICAGO, DALLAS), (DENVER, DENVER)]
    )
    costs = rng.choice([(100.0, 100.0), (140.43, 140.43), (80.0, 200.0), (0.0, 0.0)])
    situation = Situation(
        *(drop, home, now, "USD", *costs),
        equipment=rng.choice([*[Equipment.VAN] * 3, Equipment.FLATBED, None]),
        payload_kg=rng.choice([None, 20_000]),
        deck_length_m=rng.choice([None, 16.0]),
        is_hazmat_allowed=rng.random() < 0.5,
    )
    rules = Parameters(
        max_detour_m=rng.choice([100_000.0, 482_803.0, 2_000_000.0]),
        fee_share=rng.choice([0.0, 0.0, 0.0, 0.1, 1.0]),
    )
    return random_area(rng, drop, home), situation, rules


def lively(rng, rows, now):
    """Yield the rows; most now go between cities, can be picked up, and pay."""
    later = now + timedelta(days=30)
    cities = [NEW_YORK, CHICAGO, DALLAS, DENVER]
    for row in rows:
        if rng.random() < 0.8:
            row |= {f"{end}_until": later for end in ("pickup", "delivery")}
            for end, city in zip(
                ("pickup", "delivery"), rng.sample(cities, 2), strict=True
            ):
                row[f"{end}_lat"] = city.lat + rng.gauss(0, 0.4)
                row[f"{end}_lon"] = city.lon + rng.gauss(0, 0.4)
            ends = (row["pickup_lat"], row["pickup_lon"])
            other = (row["delivery_lat"], row["delivery_lon"])
            row["loaded_m"] = ROADS.distance_m(Point(*ends), Point(*other))
            row["lease_expires_at"] = later
        yield row


def test_the_best_are_those_that_brute_force_ranks_first(scene, world):
    rng, now, org_id = Random(4), utcnow(), scene.carrier.org_id
    other = Scene(world).shipper
    rows = random_loads(rng, 1_500, of_org(scene.carrier), of_org(other), now)
    rows = lively(rng, rows, now)
    looked_at = compared = 0
    with Session.begin() as session:
        session.execute(insert(Load), list(rows))
        everything = brute_force(session, org_id, now)

        for number in range(100):
            area, situation, rules = random_search(rng, now)
            kept = rng.choice([1, 3, 10, 200])

            found = best(session, area, situation, rules, org_id, now, kept)

            by_force = rank(everything, situation, rules, area, ROADS)
            assert found.ranked[:kept] == by_force.ranked[:kept], number
            compared += len(by_force.ranked[:kept])
            looked_at += found.considered
    assert compared > 100
    assert looked_at < 100 * len(everything) / 4


def test_ties_at_the_end_are_broken_as_brute_force_breaks_them(scene):
    rng, now, org_id = Random(5), utcnow(), scene.carrier.org_id
    (row,) = random_loads(rng, 1, *[of_org(scene.shipper)] * 2, now)
    row |= {"status": "posted", "visibility": "network", "equipment": ["van"]}
    row |= {"pickup_lat": 40.8, "pickup_lon": -74.2, "price_cents": 400_000}
    row |= {"delivery_lat": 41.8, "delivery_lon": -87.7, "loaded_m": 1_300_000.0}
    row |= {"weight_kg": 9_000, "has_hazmat": False, "currency": "USD"}
    row |= {f"{end}_from": now for end in ("pickup", "delivery")}
    row |= {f"{end}_until": now.replace(year=2100) for end in ("pickup", "delivery")}
    row |= {"lease_expires_at": now.replace(year=2100), "length_m": None}
    same = [
        row | {"id": candidates.UUID(int=n), "load_number": f"S{n}"} for n in range(400)
    ]
    rng.shuffle(same)
    area = random_area(Random(1), NEW_YORK, CHICAGO)
    situation = Situation(
        NEW_YORK, CHICAGO, now, "USD", 100.0, 100.0, equipment=Equipment.VAN
    )
    area = replace(area, operating=(), no_go=())
    with Session.begin() as session:
        session.execute(insert(Load), same)

        found = best(session, area, situation, Parameters(), org_id, now, 50)

    first = [ranked.candidate.load_id.int for ranked in found.ranked[:50]]
    assert first == list(range(50))


@pytest.mark.parametrize(
    "change",
    [
        "visibility = 'private'",
        "lease_expires_at = now() - interval '1 s'",
        "pickup_until = now() - interval '1 s'",
        "status = 'held'",
    ],
)
def test_what_is_not_on_the_market_is_not_among_them(scene, change):
    load_id = scene.load()
    area = replace(random_area(Random(1), NEW_YORK, CHICAGO), operating=(), no_go=())
    situation = Situation(NEW_YORK, CHICAGO, utcnow(), "USD", 1.0, 1.0)
    situation = replace(situation, equipment=Equipment.VAN)
    asked = (area, situation, Parameters(), scene.carrier.org_id)

    with Session.begin() as session:
        before = best(session, *asked, utcnow(), 5)
        session.execute(
            text(f"update loads set {change} where id = :id"), {"id": load_id}
        )
        after = best(session, *asked, utcnow(), 5)

    assert [entry.candidate.load_id for entry in before.ranked] == [load_id]
    assert after.considered == 0


class TestFew:
    def test_counts_no_further_than_it_must(self, scene):
        rng, now, ours = Random(6), utcnow(), of_org(scene.shipper)
        area = random_area(Random(1), NEW_YORK, CHICAGO)
        area = replace(area, operating=(), no_go=())
        asked = {"org_id": scene.shipper.org_id, "now": now}
        with Session.begin() as session:
            answers = []
            for wanted in (FEW - 1, FEW, FEW + 1):
                rows = iter(random_loads(rng, 100_000, ours, ours, now))
                while len(candidates_in(session, area, **asked)) < wanted:
                    session.execute(insert(Load), [_near(next(rows), now)])
                answers.append(are_few(session, area, **asked))

        assert answers == [True, True, False]


def _near(row, now):
    """Return the row as a load on the market from New York to Chicago."""
    later = now.replace(year=2100)
    return row | {
        "load_number": f"N{row['id']}",
        "status": "posted",
        "pickup_lat": NEW_YORK.lat,
        "pickup_lon": NEW_YORK.lon,
        "delivery_lat": CHICAGO.lat,
        "delivery_lon": CHICAGO.lon,
        "lease_expires_at": later,
        "pickup_until": later,
        "delivery_until": later,
    }


def test_the_search_says_that_it_did_not_count_all(scene):
    now, ours = utcnow(), of_org(scene.shipper)
    with Session.begin() as session:
        rows = random_loads(Random(7), FEW + 50, ours, ours, now)
        for number, row in enumerate(rows):
            plain = {"equipment": ["van"], "currency": "USD", "visibility": "network"}
            plain |= {"weight_kg": 9_000, "length_m": None, "has_hazmat": False}
            plain |= {"loaded_m": 1_300_000.0, "price_cents": 300_000 + 100 * number}
            session.execute(insert(Load), [_near(row, now) | plain])
    driver = scene.driver()

    search = scene.search(driver)

    assert search.counts["rings"][-1]["is_complete"] is False
    assert FEW > search.counts["considered"] >= search.counts["ranked"] >= 50
    assert len(search.ranked) == 50
    with Session() as session:
        assert session.scalar(select(text("count(*)")).select_from(Load)) > FEW
