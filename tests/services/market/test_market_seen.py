"""The columns hold what the loads say, and each company sees what SQL lets it see."""

from datetime import timedelta
from random import Random
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select, text

from freight.equipment import Equipment
from geo.distance import destination
from geo.fences import CircleFence
from geo.roads import Highways
from models.loads.loads import Load
from runtime.db import Session
from services.loads.market import is_on_the_market
from services.market import columns
from services.market import market as module
from services.market.columns import T0_S, UNKNOWN_EQUIPMENT
from services.market.market import Market
from services.market.rows import NO_EXTRA
from tests.services.market.market_room import (
    STRANGER,
    cell,
    change,
    ids,
    stops_of,
    walked,
)
from tests.services.scene import Scene
from tests.world import CHICAGO, CLEVELAND, DALLAS, NEW_YORK, World, utcnow


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


class TestColumns:
    def test_hold_what_the_load_says(self, scene: Scene, market: Market) -> None:
        load_id = scene.load(NEW_YORK, DALLAS, length_m=12.5, equipment=["reefer"])

        listed = market.refresh()
        with Session() as session:
            row = session.execute(
                text("select *, org_id as company_id from loads")
            ).one()

        def of(name):
            return cell(listed, load_id, name)

        assert of("price_cents") == row.price_cents
        assert of("currency") == b"USD"
        assert of("equipment") == 1 << [*Equipment].index(Equipment.REEFER)
        assert of("weight_kg") == row.weight_kg
        assert of("length_m") == 12.5
        assert not of("has_hazmat")
        assert np.isnan(of("coldest_c"))
        assert np.isnan(of("warmest_c"))
        assert of("loaded_m") == round(row.loaded_m)
        assert of("pickup_lat_e7") == round(NEW_YORK.lat * 1e7)
        assert of("delivery_lon_e7") == round(DALLAS.lon * 1e7)
        assert of("pickup_from") == row.pickup_from.timestamp() // 1 - T0_S
        assert of("delivery_until") == -(-row.delivery_until.timestamp() // 1) - T0_S
        assert of("extra") == NO_EXTRA
        x, y, z = (of(f"pickup_{axis}") for axis in "xyz")
        assert np.degrees(np.arcsin(z)) == pytest.approx(NEW_YORK.lat, abs=1e-4)
        assert np.degrees(np.arctan2(y, x)) == pytest.approx(NEW_YORK.lon, abs=1e-4)

    def test_hold_the_nearest_figure_where_a_type_is_too_small(
        self, scene: Scene, market: Market
    ) -> None:
        """One odd load must not keep all others from being read."""
        odd, plain = scene.loads(2)
        change(
            "update loads set length_m = 1e-60, loaded_m = 1e200,"
            " delivery_until = '9999-01-01', equipment = '{van,spaceship}'"
            " where id = :id",
            id=odd,
        )

        listed = market.refresh()

        assert ids(listed) == {odd, plain}
        assert cell(listed, odd, "length_m") == 0
        assert cell(listed, odd, "loaded_m") == np.inf
        assert cell(listed, odd, "delivery_until") == np.iinfo("i4").max
        assert cell(listed, odd, "equipment") == 1 | 1 << UNKNOWN_EQUIPMENT

    @pytest.mark.parametrize("at_a_time", [columns.BYTES_AT_A_TIME, 1])
    def test_a_walked_load_has_all_its_stops_in_order(
        self,
        scene: Scene,
        market: Market,
        monkeypatch: pytest.MonkeyPatch,
        at_a_time: int,
    ) -> None:
        """Also where its stops do not come from the database at once."""
        monkeypatch.setattr(columns, "BYTES_AT_A_TIME", at_a_time)
        scene.load()
        one = walked(scene, NEW_YORK, CLEVELAND, CHICAGO)
        two = walked(scene, DALLAS, CHICAGO, CLEVELAND, NEW_YORK)

        listed = market.refresh()

        assert stops_of(listed, one) == [
            (p.lat, p.lon) for p in (NEW_YORK, CLEVELAND, CHICAGO)
        ]
        assert stops_of(listed, two) == [
            (p.lat, p.lon) for p in (DALLAS, CHICAGO, CLEVELAND, NEW_YORK)
        ]

    def test_the_places_are_of_the_roads_in_use(self, scene: Scene) -> None:
        """The load was posted when others were in use."""
        load_id, highways = scene.load(NEW_YORK, DALLAS), Highways.read(cache_mb=1)

        listed = Market(highways).refresh()

        kept = [
            cell(listed, load_id, f"{end}_place").tobytes()
            for end in ("pickup", "delivery")
        ]
        assert kept == highways.places([NEW_YORK, DALLAS]).to_bytes()


class TestNear:
    @pytest.mark.parametrize("radius_m", [2_000.0, 400_000.0])
    @pytest.mark.parametrize("at_a_time", [4, module.AT_A_TIME])
    def test_the_edge_of_the_circle_is_exact_to_a_metre(
        self,
        scene: Scene,
        market: Market,
        radius_m: float,
        at_a_time: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The product of two vectors of 32 bits alone is 30 m off there."""
        monkeypatch.setattr(module, "AT_A_TIME", at_a_time)
        bearings = (10, 130, 250)
        inside, _ = (
            {scene.load(destination(CHICAGO, b, radius_m + more_m)) for b in bearings}
            for more_m in (-1, 1)
        )

        found = market.refresh().near(
            CircleFence(CHICAGO, radius_m), STRANGER, utcnow()
        )

        assert set(found.ids) == inside


class TestVisible:
    def test_equals_the_definition_in_sql_for_300_random_companies(
        self, committed: World, market: Market
    ) -> None:
        scene, random = Scene(committed), Random(12)
        carrier, shipper = scene.carrier.org_id, scene.shipper.org_id
        scene.load()
        with Session.begin() as session:
            session.execute(
                text(
                    "insert into organisations (id, kind, name, suspended_at)"
                    " select gen_random_uuid(), 'carrier', 'c' || n,"
                    " case when random() < 0.1 then now() end"
                    " from generate_series(1, 300) n"
                )
            )
            companies = list(session.scalars(text("select id from organisations")))
            columns = list(
                session.scalars(
                    text(
                        "select column_name from information_schema.columns"
                        " where table_name = 'loads' and column_name not in"
                        " ('id', 'load_number', 'org_id', 'posted_by', 'status',"
                        " 'visibility', 'is_unconfirmed', 'pickup_until',"
                        " 'lease_expires_at', 'pickup_from', 'changed_xid')"
                    )
                )
            )
        _multiply(companies, columns, random)

        listed = market.refresh()

        for org_id in [*companies, carrier, shipper, STRANGER]:
            with Session() as session:
                now = session.scalars(select(func.now())).one()
                query = select(Load.id).where(is_on_the_market(org_id))
                found = set(session.scalars(query))
            assert ids(listed, org_id, now) == found

    def test_equals_it_for_some_rows_too(self, scene: Scene, market: Market) -> None:
        scene.loads(5)
        listed = market.refresh()
        now = utcnow()
        some = np.array([3, 1])

        found = listed.visible(STRANGER, now, some)

        assert found.tolist() == listed.visible(STRANGER, now)[some].tolist()


def _multiply(companies: list[UUID], columns: list[str], random: Random) -> None:
    """Copy the one load 300 times, with a random poster, status and times."""
    words = ", ".join(f'"{name}"' for name in columns)
    now = utcnow()
    with Session.begin() as session:
        session.execute(text("set constraints all deferred"))
        for number in range(300):
            until = now + timedelta(minutes=random.choice([-60, -1, 1, 600]))
            lease = random.choice([now - timedelta(hours=1), now + timedelta(hours=1)])
            org_id = random.choice(companies)
            member = session.scalar(
                text(
                    "insert into members (id, org_id, name, email, roles,"
                    " password_hash, locale) values (gen_random_uuid(), :org_id, 'm',"
                    " :email, '{admin}', 'x', 'en') returning id"
                ),
                {"org_id": org_id, "email": f"m{number}@x.example"},
            )
            session.execute(
                text(
                    "insert into loads (id, load_number, org_id, posted_by, status,"
                    " visibility, is_unconfirmed, pickup_until, lease_expires_at,"
                    f" pickup_from, {words}) select gen_random_uuid(), :number,"
                    " :org_id, :member, :status, :visibility, :is_unconfirmed, :until,"
                    f" :lease, :until, {words} from loads where load_number not like"
                    " 'R%' limit 1"
                ),
                {
                    "number": f"R{number}",
                    "org_id": org_id,
                    "member": member,
                    "status": random.choice(["posted"] * 4 + ["draft", "held"]),
                    "visibility": random.choice(["network", "network", "private"]),
                    "is_unconfirmed": random.random() < 0.1,
                    "until": until,
                    "lease": lease,
                },
            )
