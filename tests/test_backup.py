"""Backup and restore by the commands of OPERATIONS bring back roles and all rows."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from edges.start import audit_key
from local import create_database, server
from local.store import _wheel
from models.loads.loads import Load
from models.offers.pushes import Push
from runtime import migrating, schema
from runtime.config import Settings
from runtime.db import (
    DatabaseRole,
    Hand,
    Session,
    acting,
    check_role,
    check_schema,
    make_engine,
)
from services.fleet import positions
from services.people.tokens import Keyring
from services.upkeep import audit
from tests import checksums, market_day
from tests.market_day import Day
from tests.services.scene import active, rows_of
from tests.source import ROOT
from tests.tenants.rights import OF_PUBLIC
from tests.world import FakeGateway, World, drain_jobs, utcnow

LISTS = {
    "carrier": ("backhaul-searches", "offers", "assignments", "overrides"),
    "shipper": ("loads?status=in_transit", "loads?status=delivered", "loads"),
}
"""The lists that each desk reads."""


@contextmanager
def on(url: str) -> Iterator[Engine]:
    """Let the application work on this database; yield an engine of its login."""
    settings = Settings(DATABASE_URL=url)
    login, worker = make_engine(settings), make_engine(settings, DatabaseRole.WORKER)
    Session.configure(
        bind=worker,
        join_transaction_mode="conditional_savepoint",
        info={"acting": Hand.SERVER},
    )
    try:
        yield login
    finally:
        Session.configure(bind=None)
        login.dispose()
        worker.dispose()


def documented() -> list[str]:
    """Return the commands of OPERATIONS, "Backup and restore", line by line."""
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    section = manual.split("## Backup and restore")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.S)
    return [line for block in blocks for line in block.splitlines()]


def run(command: str, place: Path, **variables: str) -> None:
    """Run a documented command in `place`, with the wheel's programs."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=place,
        env={"PATH": f"{_wheel() / 'pginstall/bin'}:/usr/bin:/bin"} | variables,
        capture_output=True,
        text=True,
    )
    # The new server has its superuser already; no other error is allowed.
    faults = [line for line in done.stderr.splitlines() if "already exists" not in line]
    assert (done.returncode, faults) == (0, []), command


def figures(day: Day) -> dict[str, Any]:
    """Return the rows behind the demo's totals, as each desk reads them."""
    found: dict[str, Any] = {}
    for name, desk in (("carrier", day.carrier), ("shipper", day.shipper)):
        for noun in LISTS[name]:
            answer = desk.get(f"/v1/{noun}")
            assert answer.status == 200, answer.body
            found[noun] = answer.body["data"]
    assert all(found[noun] for noun in LISTS["carrier"])
    for search in found["backhaul-searches"]:
        path = f"/v1/backhaul-searches/{search['id']}"
        why = day.carrier.get(f"{path}/explanation?load_id={day.freight['id']}")
        assert why.status == 200
        found[path] = why.body
    for name, driver in (("winner", day.winner), ("loser", day.loser)):
        found[name] = driver.get("/v1/me").body
        del found[name]["server_time"]
    return found


def test_a_restored_market_is_the_same_market(
    app: Flask, keys: Keyring, settings: Settings, tmp_path: Path
) -> None:
    with server(tmp_path / "old") as old:
        url = create_database(old, "backhaul")
        with on(url) as login:
            migrating.upgrade(login)
            with Session.begin() as session:
                positions.make_partitions(session, now=utcnow())
            world = World(app, keys, settings)
            day = market_day.play(world, lambda: void(drain_jobs(settings)))
            with Session.begin() as session:
                # The rest is restored as entries that no chain covers yet.
                audit.chain(session, most=21)
            before = figures(day)
            seen = snapshot(login)
        backup, restore = documented()[:2], documented()[2:]
        for command in backup:
            run(command, tmp_path, DATABASE_URL=url)
    # The old server is gone, roles and all.
    with server(tmp_path / "new") as new:
        url = new.replace("/postgres?", "/backhaul?")
        for command in restore:
            run(command, tmp_path, NEW_SERVER_URL=new, NEW_DATABASE_URL=url)
        with on(url) as login:
            assert snapshot(login) == seen
            migrating.upgrade(login)
            assert figures(day) == before
            assert_fenced(login, day)
            assert_audited(settings)
            assert_goes_on(world, day)


def void(_: object) -> None:
    return


def snapshot(engine: Engine) -> dict[str, Any]:
    return {
        "rows": checksums.rows(engine),
        "fences": checksums.fences(engine),
        "sequences": checksums.sequences(engine),
    }


def assert_fenced(login: Engine, day: Day) -> None:
    check_schema(login, schema.head())
    with login.connect() as connection:
        for kind, query in OF_PUBLIC.items():
            assert connection.scalars(text(query)).all() == [], kind
    for role in DatabaseRole:
        engine = make_engine(Settings(DATABASE_URL=str(url_of(login))), role)
        check_role(engine, role)
        engine.dispose()
    with acting(Hand.NOBODY):
        assert rows_of(Load) == []
    assert day.stranger.get(f"/v1/offers/{day.won_offer}").status == 404
    assert day.stranger.get("/v1/offers")["data"] == []


def url_of(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(False)


def assert_audited(settings: Settings) -> None:
    with Session() as session:
        findings = audit.verify(session, audit_key(settings))
    assert findings.entries > 20
    assert findings.faults == ()
    assert findings.unchained != ()
    with Session.begin() as session:
        assert audit.chain(session) > 0
    with Session() as session:
        assert audit.verify(session, audit_key(settings)).faults == ()


def assert_goes_on(world: World, day: Day) -> None:
    """Check that wins are kept, due jobs are done, and another day can be played."""
    (assigned,) = active(load_id=UUID(day.freight["id"]))
    assert str(assigned.driver_id) == day.loser.driver_id
    late = day.loser.put(f"/v1/offers/{day.lost_offer}/acceptance")
    assert (late.status, late.code) == (410, "offer-taken")
    gateway = FakeGateway()
    owed = [push for push in rows_of(Push) if push.status == "queued"]
    assert owed != []

    assert "push.send" in drain_jobs(world.settings, gateway)

    assert {push.status for push in rows_of(Push)} <= {"accepted", "dropped"}
    assert "load_assigned" in gateway.kinds(f"ok-{day.loser.driver_id}")
    market_day.play(world, lambda: void(drain_jobs(world.settings)))


def test_the_manual_contains_each_step() -> None:
    assert [line.split()[0] for line in documented()] == [
        *("pg_dumpall", "pg_dump", "psql", "createdb", "pg_restore")
    ]


@pytest.fixture(autouse=True)
def _no_session_is_left() -> Iterator[None]:
    yield
    Session.configure(bind=None)
