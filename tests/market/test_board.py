"""A generated market, written into the database as the operator's command does it."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

import psycopg
import pytest

from local import create_database
from market.board import Ids, write_board
from market.loads import market
from runtime import migrating
from runtime.config import Settings
from runtime.db import make_engine
from services.people.passwords import matches
from tests.source import ROOT

NOON = datetime(2026, 3, 6, 17, tzinfo=UTC)
SIZE = {"loads": 300, "trucks": 40, "orgs": 8, "seed": 7, "now": NOON}
TABLES = ("organisations", "members", "trucks", "drivers", "loads", "stops")
CHECKSUM = "select md5(string_agg(listed::text, ',' order by id)) from {} listed"


@pytest.fixture(scope="module")
def make_database(server_url):
    """A function that returns a new, migrated database at each call."""
    names = []

    def make():
        names.append(f"board_{uuid4().hex[:12]}")
        url = create_database(server_url, names[-1])
        engine = make_engine(Settings(DATABASE_URL=url))
        migrating.upgrade(engine)
        engine.dispose()
        return url

    yield make
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in names:
            connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def board(make_database):
    url = make_database()
    companies = write_board(url, password_hash="x", **SIZE)
    with psycopg.connect(url, autocommit=True) as connection:
        yield companies, connection


def one(connection, query, *values):
    return connection.execute(query, values).fetchone()[0]


class TestTheBoard:
    def test_has_what_was_asked_for(self, board):
        companies, connection = board

        counted = {t: one(connection, f"select count(*) from {t}") for t in TABLES}

        assert len(companies) == 8
        assert counted == {
            "organisations": 8,
            "members": 8 + 40,
            "trucks": 40,
            "drivers": 40,
            "loads": 300,
            "stops": 600,
        }
        assert {company.kind for company in companies} >= {
            "carrier",
            "shipper",
            "broker",
        }

    def test_its_loads_are_those_of_the_generated_market(self, board):
        _, connection = board

        written = connection.execute(
            "select load_number, price_cents, loaded_m, pickup_lat, pickup_lon,"
            " delivery_lat, delivery_lon, pickup_from, delivery_until, weight_kg,"
            " status, visibility from loads order by load_number"
        ).fetchall()

        assert written == sorted(
            (
                *(load.reference, load.price_cents, load.loaded_m),
                *(
                    load.pickup.lat,
                    load.pickup.lon,
                    load.delivery.lat,
                    load.delivery.lon,
                ),
                *(load.pickup_from, load.delivery_until, load.weight_kg),
                *("posted", "network"),
            )
            for load in market(300, seed=7, now=NOON)
        )

    def test_every_reference_is_valid_and_stops_agree_with_their_load(self, board):
        _, connection = board

        assert (
            one(
                connection,
                "select count(*) from loads join members on members.id = posted_by"
                " and members.org_id = loads.org_id join organisations o"
                " on o.id = loads.org_id and o.kind in ('shipper', 'broker')",
            )
            == SIZE["loads"]
        )
        assert (
            one(
                connection,
                "select count(*) from stops join loads on loads.id = load_id"
                " and loads.org_id = stops.org_id where (kind, sequence, lat, lon,"
                " window_from, window_until) in (('pickup', 0, pickup_lat, pickup_lon,"
                " pickup_from, pickup_until), ('delivery', 1, delivery_lat,"
                " delivery_lon, delivery_from, delivery_until))",
            )
            == 2 * SIZE["loads"]
        )
        assert (
            one(
                connection,
                "select count(*) from drivers join members on members.id = member_id"
                " and members.org_id = drivers.org_id join trucks on trucks.id ="
                " truck_id and trucks.org_id = drivers.org_id where home_lat > 0",
            )
            == SIZE["trucks"]
        )

    def test_is_the_same_for_the_same_seed_and_moment(self, board, make_database):
        _, connection = board
        url = make_database()
        write_board(url, password_hash="x", **SIZE)

        with psycopg.connect(url) as other:
            for table in ("loads", "stops", "drivers"):
                # These columns are set by the database.
                columns = one(
                    connection,
                    "select string_agg(quote_ident(column_name), ', ')"
                    " from information_schema.columns where table_name = %s"
                    " and column_name not in"
                    " ('created_at', 'updated_at', 'changed_xid')",
                    table,
                )
                query = CHECKSUM.format(f"(select {columns} from {table})")
                assert one(connection, query) == one(other, query), table

    def test_is_added_to_an_earlier_market(self, make_database):
        url = make_database()
        for hour in (1, 2):
            write_board(
                url, password_hash="x", **SIZE | {"now": NOON.replace(hour=hour)}
            )

        with psycopg.connect(url) as connection:
            assert one(connection, "select count(*) from loads") == 2 * SIZE["loads"]

    def test_loads_without_a_company_are_refused(self, make_database):
        with pytest.raises(ValueError, match="no company"):
            write_board(make_database(), password_hash="x", **SIZE | {"orgs": 1})


class TestIds:
    def test_are_distinct_uuids_of_version_7_with_the_given_time(self):
        ids = Ids(Random(1), NOON)
        drawn = [ids.draw() for _ in range(1_000)]

        assert len(set(drawn)) == 1_000
        assert {drawn_id.version for drawn_id in drawn} == {7}
        assert {drawn_id.variant for drawn_id in drawn} == {"specified in RFC 4122"}
        assert {drawn_id.int >> 80 for drawn_id in drawn} == {
            int(NOON.timestamp() * 1000)
        }


class TestTheCommand:
    def run(self, url, *arguments, **environment):
        return subprocess.run(
            [sys.executable, "cli.py", "seed", *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url, **environment},
            capture_output=True,
            text=True,
        )

    def test_prints_the_logins(self, make_database):
        url = make_database()
        size = ("--loads", "50", "--trucks", "5", "--orgs", "4", "--seed", "3")
        ended = self.run(url, *size, "--password", "the long way home")

        assert ended.returncode == 0, ended.stderr
        desks = [line.split()[-1].rstrip(".") for line in ended.stdout.splitlines()]
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "select email, password_hash from members where name = 'Desk'"
            ).fetchall()
            assert one(connection, "select count(*) from loads") == 50
        assert {email.rpartition(".")[0] for email, _ in found} == {
            desk.rpartition(".")[0] for desk in desks
        }
        assert matches(found[0][1], "the long way home")

    def test_is_refused_in_production(self, make_database):
        ended = self.run(
            make_database(), "--password", "x" * 12, ENVIRONMENT="production"
        )

        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr
