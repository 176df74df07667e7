"""One person's data: all of it on demand, none of it after an erasure."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from uuid_utils.compat import uuid7

from cli import cli
from freight.roles import Role
from models.search.standing import StandingBy
from runtime.db import Session
from runtime.errors import NotFound
from runtime.telemetry import start_logging
from services.fleet.drivers import DriverBusy
from services.upkeep import privacy
from tests.world import CHICAGO, NEW_YORK, PASSWORD, Caller, World, iso, utcnow

CANARIES = {
    "name": "Canary Jones",
    "email": "canary@example.com",
    "phone": "+13125550142",
    "target": "canary-target",
    "fix": "41.512345",
    "home": "41.878123",
    "label": "canary street",
    "area": "canary area",
    "note": "canary note",
}


def execute(statement: str, **values: Any) -> list[Any]:
    with Session.begin() as session:
        return list(session.execute(text(statement), values))


def everything() -> str:
    """Return every row of every table, as text."""
    names = [
        row[0]
        for row in execute(
            "select tablename from pg_tables where schemaname = 'public'"
            " and tablename not like 'positions_2%'"
        )
    ]
    return "\n".join(
        f"{name}: {written(row)}"
        for name in names
        for row in execute(f'select * from "{name}"')
    )


def written(row: Any) -> str:
    """Return the whole text of the row; its own repr is shortened."""
    return str([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row])


def erase(caller: Caller) -> None:
    assert caller.member_id is not None
    with Session.begin() as session:
        privacy.erase(session, caller.member_id, now=utcnow())


def export(caller: Caller) -> dict[str, Any]:
    assert caller.member_id is not None
    with Session() as session:
        return privacy.export(session, caller.member_id)


def sign_in(world: World, login: str) -> str:
    body = {"login": login, "password": PASSWORD}
    return Caller(world.app, "").post("/v1/sessions", body).code


@pytest.fixture
def boss(world: World) -> Caller:
    return world.company()


@pytest.fixture
def canary(world: World, boss: Caller, run_jobs: Callable[..., Any]) -> Caller:
    """A driver who has left traces in every table."""
    names = {name: CANARIES[name] for name in ("name", "email", "phone")}
    caller = world.member(boss, Role.DRIVER, Role.DISPATCHER, **names)
    driver_id = caller.get("/v1/me")["driver"]["id"]
    home = {
        "truck_id": world.truck(boss),
        "home_lat": float(CANARIES["home"]),
        "home_lon": CHICAGO.lon,
        "home_label": CANARIES["label"],
    }
    path = f"/v1/drivers/{driver_id}"
    assert boss.patch(path, home).status == 200
    assert caller.patch(path, {"availability": "available"}).status == 200
    caller = Caller(world.app, caller.token, caller.member_id, boss.org_id, driver_id)
    world.phone(caller, CANARIES["target"])
    caller.post("/v1/me/second-factor", {"current_password": PASSWORD})
    square = [[-105, 39], [-104, 39], [-104, 40], [-105, 40], [-105, 39]]
    area = {
        "kind": "no_go",
        "name": CANARIES["area"],
        "driver_id": driver_id,
        "geometry": {"type": "Polygon", "coordinates": [square]},
    }
    assert caller.put(f"/v1/areas/{uuid7()}", area).status == 200
    # Older than the two positions that tell of the drop.
    fix = {
        "fix_id": str(uuid7()),
        "fixed_at": iso(utcnow() - timedelta(minutes=10)),
        "lat": float(CANARIES["fix"]),
        "lon": CHICAGO.lon,
    }
    sent = caller.post("/v1/positions", {"sent_at": iso(utcnow()), "fixes": [fix]})
    assert sent.status == 200, sent.body
    world.load(caller, is_draft=True)
    shipper = world.shipper()
    first = world.load(shipper, CHICAGO, NEW_YORK)
    world.assign(boss, caller, first)
    flagged = {"occurred_at": "2001-01-01T00:00:00Z"}
    world.report(caller, first["stops"][0]["id"], "arrival", **flagged)
    world.drive(caller, shipper, first)
    for weight_kg in (15_000, 12_000):
        world.load(shipper, NEW_YORK, CHICAGO, weight_kg=weight_kg)
    run_jobs()
    offer_id = caller.get("/v1/offers")["data"][0]["id"]
    no = {"reason": "other", "note": CANARIES["note"]}
    assert caller.put(f"/v1/offers/{offer_id}/decline", no).status == 200
    loads = [{"load_id": first["id"], "search_id": str(uuid7()), "gain_cents": 1}]
    ids = {"driver_id": UUID(driver_id), "org_id": boss.org_id}
    with Session.begin() as session:
        row = {"loads": loads, "reason": "moving", "since": utcnow()}
        session.add(StandingBy(**ids, **row))
    return caller


class TestExport:
    def test_has_all_of_it_and_no_secret(self, canary: Caller) -> None:
        found = export(canary)

        text_of_it = json.dumps(found)
        assert [
            name for name, value in CANARIES.items() if value not in text_of_it
        ] == []
        assert {name for name, rows in found.items() if not rows} <= {
            *("password_resets", "overrides", "idempotency_keys"),
            # Written when a transaction is committed.
            *("audit", "audit_unchained"),
        }
        for secret in ("password_hash", "$argon2", "seed", "encrypted", "token_hash"):
            assert secret not in text_of_it

    def test_has_the_loads_they_posted_and_no_others(
        self, world: World, boss: Caller, canary: Caller
    ) -> None:
        world.load(boss, is_draft=True)
        posted = execute(
            "select id::text from loads where posted_by = :who", who=canary.member_id
        )

        assert len(posted) == 1
        assert [load["id"] for load in export(canary)["loads"]] == [posted[0][0]]

    def test_covers_every_table_that_names_a_member_or_a_driver(
        self, world: World, canary: Caller
    ) -> None:
        """A new table about people must be added here and to the erasure."""
        rows = execute(
            "select distinct table_name from information_schema.columns"
            " where table_schema = 'public' and table_name not like 'positions_2%'"
            " and table_name not like 'procrastinate%'"
            " and column_name in ('member_id', 'driver_id', 'device_id', 'actor_id',"
            " 'posted_by', 'invited_by')"
        )

        assert {row[0] for row in rows} <= set(export(canary))

    def test_has_nothing_of_a_colleague(
        self, world: World, boss: Caller, canary: Caller
    ) -> None:
        other = export(world.driver(boss))

        text_of_it = json.dumps(other)
        assert [name for name, value in CANARIES.items() if value in text_of_it] == []
        assert len(other["members"]) == 1


class TestErase:
    def test_leaves_no_trace_of_who_they_were(self, canary: Caller) -> None:
        before = everything()
        assert [name for name, value in CANARIES.items() if value not in before] == []

        erase(canary)

        after = everything()
        assert [name for name, value in CANARIES.items() if value in after] == []

    def test_keeps_what_happened(self, boss: Caller, canary: Caller) -> None:
        counted = (
            "select (select count(*) from assignments), (select count(*) from offers),"
            " (select count(*) from backhaul_searches), (select count(*) from loads),"
            " (select count(*) from events where kind <> 'offer.withdraw'"
            "  and kind <> 'member.erased')"
        )
        before = execute(counted)

        erase(canary)

        assert execute(counted) == before
        names = {
            member["id"]: member["name"] for member in boss.get("/v1/members")["data"]
        }
        assert names[str(canary.member_id)] == privacy.ERASED_NAME
        searches = boss.get("/v1/backhaul-searches")
        assert (searches.status, len(searches["data"])) == (200, 1)
        search_id = searches["data"][0]["id"]
        assert boss.get(f"/v1/backhaul-searches/{search_id}").status == 200
        assert boss.get("/v1/fleet").status == 200

    def test_ends_their_sign_ins_and_frees_their_logins(
        self, world: World, boss: Caller, canary: Caller
    ) -> None:
        erase(canary)

        assert canary.get("/v1/me").code == "unauthenticated"
        for login in (CANARIES["email"], CANARIES["phone"]):
            assert sign_in(world, login) == "wrong-credentials"
        again = world.member(
            boss, Role.DRIVER, email=CANARIES["email"], phone=CANARIES["phone"]
        )
        assert again.member_id != canary.member_id

    def test_may_be_repeated(self, canary: Caller) -> None:
        erase(canary)
        first = everything()

        erase(canary)

        kept = [li for li in first.splitlines() if not li.startswith("devices:")]
        assert [li for li in kept if li not in everything().splitlines()] == []
        events = execute("select count(*) from events where kind = 'member.erased'")
        assert [row[0] for row in events] == [1]

    def test_ends_their_open_offers(self, canary: Caller) -> None:
        open_ones = "select count(*) from offers where status in ('created', 'sent')"
        assert execute(open_ones)[0][0] > 0

        erase(canary)

        assert execute(open_ones)[0][0] == 0

    def test_waits_for_the_end_of_their_load(self, world: World, boss: Caller) -> None:
        driver = world.driver(boss)
        world.assign(boss, driver, world.load(world.shipper()))

        with pytest.raises(DriverBusy):
            erase(driver)

        assert driver.get("/v1/me").status == 200

    def test_leaves_other_people_alone(
        self, world: World, boss: Caller, canary: Caller
    ) -> None:
        colleague = world.driver(boss, device="colleague-phone")
        before = export(colleague)

        erase(canary)

        assert export(colleague) == before
        assert colleague.get("/v1/me").status == 200

    def test_of_an_unknown_member_is_not_found(self, world: World) -> None:
        with Session() as session:
            for act in (
                lambda: privacy.export(session, uuid7()),
                lambda: privacy.erase(session, uuid7(), now=utcnow()),
            ):
                with pytest.raises(NotFound):
                    act()


class TestAColleaguesKeptAnswer:
    def test_is_given_again_without_who_they_were(
        self, world: World, boss: Caller
    ) -> None:
        home = {"home_label": "canary street", "home_lat": 41.8, "home_lon": -87.6}
        drivers = [world.driver(boss, device=None) for _ in range(2)]
        shipper = world.shipper()
        asked, first = [], []
        for driver in drivers:
            path = f"/v1/drivers/{driver.driver_id}"
            assert boss.patch(path, home).status == 200
            sent = world.load_body()
            sent["stops"][0]["contact"] = {"name": "Ann at the dock"}
            load = shipper.post("/v1/loads", sent).body
            body = {"load_id": load["id"], "driver_id": driver.driver_id}
            asked.append((body, str(uuid7())))
            first.append(give(boss, *asked[-1]))
            world.drive(driver, shipper, load)
        (first_answer, theirs), gone = first, drivers[0]
        assert first_answer["driver"]["name"] != privacy.ERASED_NAME

        erase(gone)

        again, other = [give(boss, *request) for request in asked]
        forgotten = {"name": privacy.ERASED_NAME} | dict.fromkeys(home)
        assert again.status == 201
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again["load"]["stops"][0]["contact"]["name"] == "Ann at the dock"
        assert again.body == first_answer.body | {
            "driver": first_answer["driver"] | forgotten
        }
        assert other.body == theirs.body
        assert other["driver"]["home_label"] == "canary street"


def give(boss: Caller, body: dict[str, Any], key: str) -> Any:
    return boss.post("/v1/assignments", body, Idempotency_Key=key)


class TestCommands:
    @pytest.fixture
    def person(
        self, committed: World, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., Result]:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("LOG_LEVEL", "CRITICAL")
        bound = Session.kw.get("bind")

        def run(*arguments: str, answer: str = "") -> Result:
            result = CliRunner().invoke(cli, ["person", *arguments], input=answer)
            if (used := Session.kw.get("bind")) is not bound and used is not None:
                used.dispose()
            Session.configure(bind=bound)
            start_logging("CRITICAL")
            return result

        return run

    def test_export_prints_json_and_erase_asks_first(
        self, committed: World, person: Callable[..., Result]
    ) -> None:
        boss = committed.company()
        member = f"--member={boss.member_id}"
        email = boss.get("/v1/me")["member"]["email"]

        exported = person("export", member)
        refused = person("erase", member, answer="n\n")
        still = person("export", member)
        erased = [person("erase", member, "--yes") for _ in range(2)]

        assert json.loads(exported.stdout)["members"][0]["email"] == email
        assert refused.exit_code == 1
        assert email in still.stdout
        assert [done.exit_code for done in erased] == [0, 0]
        assert erased[0].stdout == f"Member {boss.member_id} is erased.\n"
        assert email not in person("export", member).stdout

    def test_an_unknown_member_is_reported_in_one_sentence(
        self, person: Callable[..., Result]
    ) -> None:
        unknown = UUID(int=7)

        done = person("export", f"--member={unknown}")

        assert (done.exit_code, done.stderr) == (2, f"No member {unknown}.\n")
