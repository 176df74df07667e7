"""Which rows the app's role sees and writes, whatever condition a query forgets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session as OrmSession
from uuid_utils.compat import uuid7

from geo.fences import CircleFence
from geo.points import Point
from models import Row
from models.loads.loads import Load
from models.search.standing import StandingBy
from runtime.config import Settings
from runtime.db import Hand, Session, Tenant, acting, make_engine
from services.kernel.tenancy import act_on_loads
from services.loads.market import is_on_the_market
from services.market.market import Market
from services.upkeep import audit
from tests.services.scene import Scene, open_offers
from tests.world import GARY, NEWARK, ROADS, Caller, World, utcnow

NO_COMPANY = {"alembic_version", "rate_limits", "sign_in_failures", "periodic_runs"}
"""Tables whose rows belong to no company."""

UNREAD = {
    *("pushes", "audit_unchained", "audit_heads", "audit_signatures", "duplicates"),
    "load_tombstones",
}
"""Tables that the app may not read at all: it writes pushes but does not read them."""

UNUSED = {"invitations", "password_resets", "second_factors", "idempotency_keys"}
UNUSED |= {"rate_limits", "sign_in_failures", "periodic_runs"}
"""Tables that the fixture `street` may leave empty."""

BEYOND = {
    # The stop is the poster's; the carrier's driver dropped there.
    ("backhaul_searches", "stop_id"),
    # Hidden from the app altogether.
    ("pushes", "device_id"),
}
"""Foreign keys by the id alone, each with its reason."""


def tenant(caller: Caller) -> Tenant:
    assert caller.org_id is not None
    assert caller.member_id is not None
    return Tenant(caller.org_id, caller.member_id)


@contextmanager
def seen_by(whom: Tenant | Hand) -> Iterator[OrmSession]:
    with acting(whom), Session.begin() as session:
        yield session


def count(session: OrmSession, table: str) -> int:
    return session.scalar(text(f'select count(*) from "{table}"')) or 0


@pytest.fixture
def street(committed: World) -> tuple[Scene, Scene]:
    """Two carriers with everything: one has won a load, both were offered others."""
    one, other = Scene(committed), Scene(committed)
    other.shipper = one.shipper
    one.loads(2)
    for scene in (one, other):
        driver = scene.driver()
        scene.search(driver)
        committed.phone(driver, f"more-{driver.driver_id}")
        driver.post("/v1/positions", fix_body())
        area = {"kind": "no_go", "name": "Loop", "geometry": square()}
        scene.carrier.put(f"/v1/areas/{uuid7()}", area)
        load = {"load_id": str(uuid7()), "search_id": str(uuid7()), "gain_cents": 1}
        row = {"loads": [load], "reason": "moving", "since": utcnow()}
        ids = {"driver_id": UUID(driver.driver_id), "org_id": scene.carrier.org_id}
        with Session.begin() as session:
            session.add(StandingBy(**ids, **row))
    winner = one.driver()
    one.search(winner)
    offer = open_offers(winner)[0]
    assert winner.put(f"/v1/offers/{offer.id}/acceptance").status == 200
    assignment = winner.get("/v1/me")["assignments"][0]["id"]
    one.carrier.post(
        f"/v1/assignments/{assignment}/override",
        {"kind": "unassign", "reason": "safety"},
    )
    with Session.begin() as session:
        audit.chain(session)
    return one, other


def fix_body() -> dict[str, Any]:
    fix = {"fix_id": str(uuid7()), "fixed_at": utcnow().isoformat()}
    return {"fixes": [fix | {"lat": 41.5, "lon": -87.5}]}


def square() -> dict[str, Any]:
    ring = [[-98, 31], [-97, 31], [-97, 32], [-98, 32], [-98, 31]]
    return {"type": "Polygon", "coordinates": [ring]}


class TestEveryTable:
    def test_has_row_security_that_binds_the_owner_too(self, engine: Engine) -> None:
        with engine.connect() as connection:
            tables = connection.execute(
                text(
                    "select relname, relrowsecurity and relforcerowsecurity,"
                    " relispartition from pg_class where relkind in ('r', 'p')"
                    " and relnamespace = 'public'::regnamespace"
                )
            ).all()
            of_partitions = connection.scalar(
                text(
                    "select count(*) from information_schema.role_table_grants"
                    " where grantee = 'backhaul_app' and table_name like 'positions_2%'"
                )
            )

        open_ones = {
            name for name, is_fenced, part in tables if not (is_fenced or part)
        }
        assert {
            name for name in open_ones if not name.startswith("procrastinate_")
        } == NO_COMPANY
        # A partition has no policy of its own; it is reached through its parent only.
        assert of_partitions == 0

    def test_keys_cannot_leave_the_company(self) -> None:
        loose = {
            (table.name, column)
            for table in Row.metadata.tables.values()
            for key in table.foreign_key_constraints
            for column in key.column_keys
            if len(key.column_keys) == 1 and key.referred_table.name != "organisations"
        }

        assert loose == BEYOND

    def test_unique_keys_begin_with_the_company(self) -> None:
        """Otherwise a unique key would reveal a row that the company cannot see."""
        meant = {
            # A number of the register belongs to one company of each kind.
            "uq_organisations_kind_usdot_number",
            # Hashes of tokens that cannot be guessed.
            *("ix_invitations_token_hash", "ix_password_resets_token_hash"),
            # A login belongs to one account across all companies.
            "uq_members_email",
            "uq_members_phone",
            # A target rings one phone.
            "uq_devices_live_target",
            # One driver for each load; one load in each slot of a driver and a truck.
            "uq_assignments_active_load",
            "uq_assignments_active_driver_slot",
            "uq_assignments_active_truck_slot",
            # Written only by a company that sees the search or the load.
            "uq_offers_search_load",
            "uq_offers_open_driver_load",
            "uq_stops_load_id_sequence",
            "uq_backhaul_searches_stop_id_trigger",
            "uq_backhaul_searches_assignment_id",
        }
        found = set()
        for table in Row.metadata.tables.values():
            for index in table.indexes:
                if index.unique:
                    found.add((str(index.name), str(next(iter(index.expressions)))))
            for key in table.constraints:
                if key.__visit_name__ == "unique_constraint":
                    assert table.name
                    columns = [column.name for column in key.columns]  # type: ignore[attr-defined]
                    name = f"uq_{table.name}_{'_'.join(columns)}"
                    found.add((name, columns[0]))

        assert {name for name, first in found if "org_id" not in first} == meant

    def test_shows_nothing_without_a_tenant(self, street: tuple[Scene, Scene]) -> None:
        with seen_by(Hand.NOBODY) as session:
            counts = {
                name: count(session, name) for name in set(Row.metadata.tables) - UNREAD
            }

        assert {name for name, number in counts.items() if number} == set()

    def test_shows_a_company_its_own(self, street: tuple[Scene, Scene]) -> None:
        one, other = street
        with Session() as session:
            everything = {
                name: count(session, name) for name in set(Row.metadata.tables) - UNREAD
            }
        with seen_by(tenant(one.carrier)) as session:
            mine = {name: count(session, name) for name in everything}
        with seen_by(tenant(other.carrier)) as session:
            theirs = {name: count(session, name) for name in everything}

        assert {name for name, number in everything.items() if not number} <= UNUSED
        assert mine["members"] == 3
        assert theirs["members"] == 2
        for name in (
            *("members", "drivers", "trucks", "devices", "offers", "positions"),
            "standing_by",
        ):
            assert mine[name] + theirs[name] <= everything[name], name
            assert mine[name] > 0, name
            assert theirs[name] > 0, name
        for name in ("overrides", "assignments"):
            assert (mine[name], theirs[name]) == (everything[name], 0), name
        # The shipper's members belong to neither carrier.
        assert mine["members"] + theirs["members"] < everything["members"]


class TestBound:
    def test_a_pooled_connection_keeps_nothing(
        self, street: tuple[Scene, Scene], database_url: str
    ) -> None:
        """Many members over three connections, with rollbacks and savepoints."""
        url = make_url(database_url).set(username="backhaul_app")
        settings = Settings(
            DATABASE_URL=url.render_as_string(hide_password=False), DB_POOL_SIZE=2
        )
        small = make_engine(settings)
        Session.configure(bind=small)
        whose = {scene.carrier.org_id: tenant(scene.carrier) for scene in street}
        rng = Random(5)
        plan = [(rng.choice(list(whose)), rng.random()) for _ in range(300)]

        def look(step: tuple[UUID, float]) -> set[UUID]:
            org_id, luck = step
            with acting(whose[org_id]), Session() as session:
                if luck < 0.3:
                    with session.begin_nested():
                        session.execute(text("select count(*) from trucks"))
                found = set(session.scalars(text("select org_id from trucks")))
                if luck > 0.7:
                    session.rollback()
                    found |= set(session.scalars(text("select org_id from trucks")))
                return found - {org_id}

        with ThreadPoolExecutor(12) as pool:
            strangers = set().union(*pool.map(look, plan))
        with small.connect() as connection:
            outside = connection.scalar(text("select count(*) from trucks"))
        small.dispose()

        assert strangers == set()
        assert outside == 0

    def test_a_rolled_back_savepoint_forgets_the_loads_it_added(
        self, street: tuple[Scene, Scene]
    ) -> None:
        one, other = street
        load_id = one.load()
        one.search(one.driver())
        with seen_by(tenant(other.carrier)) as session:
            savepoint = session.begin_nested()
            before = count(session, "offers")
            act_on_loads(session, [load_id])
            added = count(session, "offers")
            savepoint.rollback()
            after = count(session, "offers")

        assert added > before == after


class TestWriting:
    """The database refuses changes of other companies' rows."""

    STATEMENTS = (
        "update trucks set unit_number = 'X' where org_id = :theirs",
        "update members set name = 'X' where org_id = :theirs",
        "update drivers set availability = 'off_duty' where org_id = :theirs",
        "update offers set status = 'declined' where org_id = :theirs",
        # The company sees the stops of an offered load, but cannot change them.
        "update stops set lat = 1 where org_id = :shipper",
        "delete from areas where org_id = :theirs",
        "update devices set dead_at = now() where member_id = :their_member",
    )

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_another_companys_rows_cannot_be_changed(
        self, street: tuple[Scene, Scene], statement: str
    ) -> None:
        one, other = street
        names = {
            "theirs": one.carrier.org_id,
            "shipper": one.shipper.org_id,
            "their_member": one.carrier.member_id,
        }
        with seen_by(tenant(other.carrier)) as session:
            given = {k: v for k, v in names.items() if f":{k}" in statement}
            changed = session.execute(text(statement), given)

        assert changed.rowcount == 0  # type: ignore[attr-defined]

    def test_a_row_of_another_company_is_refused(
        self, street: tuple[Scene, Scene]
    ) -> None:
        one, other = street
        insert = text(
            "insert into trucks (id, org_id, unit_number, equipment, is_hazmat_allowed)"
            " values (gen_random_uuid(), :org, 'X1', 'van', false)"
        )
        with seen_by(tenant(other.carrier)) as session:
            session.execute(insert, {"org": other.carrier.org_id})
            with pytest.raises(ProgrammingError, match="row-level security"):
                session.execute(insert, {"org": one.carrier.org_id})
            session.rollback()

    # A booked load is no longer on the market; one with another price still is.
    @pytest.mark.parametrize("what", ["status = 'booked'", "price_cents = 1"])
    def test_a_market_load_may_be_locked_on_sight_and_changed_only_in_an_act_on_it(
        self, street: tuple[Scene, Scene], what: str
    ) -> None:
        one, other = street
        load_id = one.load()
        lock = text("select id from loads where id = :id for update")
        change = text(f"update loads set {what} where id = :id")
        with seen_by(tenant(other.carrier)) as session:
            assert session.scalar(lock, {"id": load_id}) == load_id
            with pytest.raises(ProgrammingError, match="row-level security"):
                session.execute(change, {"id": load_id})
            session.rollback()
        with seen_by(tenant(other.carrier)) as session:
            act_on_loads(session, [load_id])
            session.execute(change, {"id": load_id})
            session.rollback()

    def test_even_the_server_cannot_join_rows_of_two_companies(
        self, street: tuple[Scene, Scene]
    ) -> None:
        one, other = street
        mix = text(
            "update drivers set truck_id = (select id from trucks"
            " where org_id = :theirs limit 1) where org_id = :ours"
        )
        ids = {"theirs": one.carrier.org_id, "ours": other.carrier.org_id}
        with seen_by(Hand.SERVER) as session:
            with pytest.raises(IntegrityError, match="fk_drivers_org_id_truck_id"):
                session.execute(mix, ids)
            session.rollback()


def test_the_search_finds_what_row_security_would_show(committed: World) -> None:
    """The market in memory and the app with row security find the same loads, for
    random circles and companies."""
    rng = Random(11)
    stages = [Scene(committed) for _ in range(4)]
    for number in range(40):
        places = [
            type(NEWARK)(
                center.lat + rng.uniform(-2, 2), center.lon + rng.uniform(-2, 2)
            )
            for center in (NEWARK, GARY)
        ]
        committed.load(
            rng.choice(stages).shipper,
            *places,
            visibility="private" if number % 3 == 0 else "network",
        )
    now, listed = utcnow(), Market(ROADS).refresh()
    found = []
    for _ in range(60):
        circle = CircleFence(rng.choice([NEWARK, GARY]), rng.uniform(2e4, 4e5))
        # A shipper's fleet may carry its own private loads.
        asker = rng.choice([rng.choice(stages).shipper, rng.choice(stages).carrier])
        assert asker.org_id is not None
        near = listed.near(circle, asker.org_id, now)
        with seen_by(tenant(asker)) as session:
            ends = select(Load.id, Load.pickup_lat, Load.pickup_lon)
            fenced = session.execute(ends.where(is_on_the_market(asker.org_id)))
            within = {
                load_id
                for load_id, lat, lon in fenced
                if circle.contains(Point(lat, lon))
            }
        assert set(near.ids) == within
        found.append(len(near))

    assert max(found) > 5
    assert len(set(found)) > 3
