"""The operator's commands, called as on a command line."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from click.testing import Result
from sqlalchemy import select, update

from models.kernel.events import Event
from models.loads.loads import Load
from runtime import schema
from runtime.db import Session
from tests.over_http import over_http
from tests.source import ROOT
from tests.world import PASSWORD, Caller, World


def create_org(**changes: str | None) -> list[str]:
    options = {
        "name": "Ortiz Trucking",
        "kind": "carrier",
        "admin-name": "Dana Ortiz",
        "admin-email": "Dana@Ortiz.example.com",
        "password": PASSWORD,
        "usdot": "1234567",
        "mc": "654321",
        "role": "dispatcher",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    arguments = [f"--{k}={v}" for k, v in options.items() if v is not None]
    return ["create-org", *arguments]


class TestCreateOrg:
    def test_makes_a_company_whose_admin_signs_in_and_adds_people(
        self, committed: World, database_url: str
    ) -> None:
        done = subprocess.run(
            [sys.executable, "cli.py", *create_org()],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url},
            capture_output=True,
            text=True,
        )

        assert (done.returncode, done.stderr) == (0, "")
        found = re.fullmatch(r"Company (\S+), admin (\S+)\.\n", done.stdout)
        assert found
        login = {"login": "dana@ortiz.EXAMPLE.com", "password": PASSWORD}
        signed_in = Caller(committed.app, "").post("/v1/sessions", login)
        admin = Caller(committed.app, signed_in["access_token"])
        me = admin.get("/v1/me")
        assert (me["organisation"]["id"], me["member"]["id"]) == found.groups()
        assert me["member"]["roles"] == ["admin", "dispatcher"]
        person = {"name": "Sam", "phone": "+1 312 555 0143", "roles": ["driver"]}
        assert admin.post("/v1/invitations", person).status == 201

    def test_a_login_is_taken_once(
        self, committed: World, database_url: str, invoke: Callable[..., Result]
    ) -> None:
        assert invoke(*create_org()).exit_code == 0

        again = invoke(*create_org(admin_email="dana@ortiz.example.com", usdot="7"))
        twin = invoke(*create_org(admin_email="else@ortiz.example.com"))

        assert again.exit_code == twin.exit_code == 2
        assert again.stderr == "Another account signs in with this e-mail or phone.\n"
        assert twin.stderr == "A carrier with USDOT number 1234567 exists.\n"
        with psycopg.connect(database_url) as connection:
            count = connection.execute("select count(*) from organisations").fetchone()
        assert count == (1,)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"kind": "circus"}, "'circus' is not one of"),
            ({"kind": None}, "Missing option '--kind'"),
            ({"role": "shipper"}, "Members of a carrier can have the roles"),
            ({"role": "system"}, "'system' is not one of"),
            ({"password": "short"}, "At least 10 characters"),
            ({"admin_email": "dana"}, "An e-mail address, please"),
            ({"usdot": None}, "A carrier needs a USDOT number."),
            ({"usdot": None, "kind": "private_fleet"}, "A private_fleet needs a USDOT"),
            ({"usdot": None, "kind": "broker", "role": None}, "A broker needs a USDOT"),
            ({"usdot": "123456789"}, "'123456789' is not 1 to 8 digits"),
            ({"usdot": "12a"}, "'12a' is not 1 to 8 digits"),
            ({"usdot": "١٢٣"}, "is not 1 to 8 digits"),
            ({"mc": "MC-1"}, "'MC-1' is not 1 to 8 digits"),
            ({"country": "Mexico"}, "'Mexico' is not of ISO 3166-1"),
        ],
        ids=str,
    )
    def test_invalid_values_are_refused(
        self,
        invoke: Callable[..., Result],
        changes: dict[str, str | None],
        words: str,
    ) -> None:
        done = invoke(*create_org(**changes))

        assert done.exit_code == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


class TestCompanies:
    def test_a_verification_has_a_source_and_a_date(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        assert invoke(*create_org()).exit_code == 0
        boss = admin_of(committed)
        org = boss.get("/v1/me")["organisation"]
        assert org["country"] == "US"
        assert (org["usdot_number"], org["mc_number"]) == ("1234567", "654321")
        assert (org["verification"], org["verification_at"]) == ("unverified", None)
        assert (org["verification_source"], org["suspended_at"]) == (None, None)
        seen = []

        for state in ("verified", "refused", "unverified"):
            options = (f"--org={org['id']}", f"--state={state}", "--source=SAFER")
            done = invoke("verify-org", *options)
            assert (done.exit_code, done.stdout) == (0, f"Ortiz Trucking is {state}.\n")
            seen.append(boss.get("/v1/me")["organisation"])

        assert [company["verification"] for company in seen] == [
            *("verified", "refused", "unverified")
        ]
        sources = [company["verification_source"] for company in seen]
        assert sources == ["SAFER", "SAFER", None]
        assert [company["verification_at"] is None for company in seen] == [
            False,
            False,
            True,
        ]

    def test_a_verification_leaves_an_event_as_a_suspension_does(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        org_id = committed.company().org_id
        what = [
            ("verify-org", "--state=verified", "--source=SAFER"),
            ("suspend-org", "--reason=fraud"),
            ("resume-org",),
            ("verify-org", "--state=refused", "--source=a letter"),
        ]

        for command in what:
            assert invoke(*command, f"--org={org_id}").exit_code == 0

        with Session() as session:
            told = session.scalars(
                select(Event).where(Event.subject_id == org_id).order_by(Event.id)
            ).all()
        assert [(event.kind, event.reason, event.body) for event in told] == [
            (
                *("organisation.verified", None),
                {"verification": "verified", "source": "SAFER"},
            ),
            ("organisation.suspended", "fraud", {}),
            ("organisation.resumed", None, {}),
            (
                *("organisation.verified", None),
                {"verification": "refused", "source": "a letter"},
            ),
        ]
        assert {(event.org_id, event.actor_role) for event in told} == {
            (org_id, "system")
        }

    def test_a_suspension_applies_from_the_next_request_until_it_ends(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        assert invoke(*create_org()).exit_code == 0
        boss = admin_of(committed)
        org_id = boss.get("/v1/me")["organisation"]["id"]

        for _ in range(2):
            done = invoke("suspend-org", f"--org={org_id}", "--reason=fraud")
            assert done.exit_code == 0, done.stderr
        out = boss.get("/v1/me")
        again = invoke("resume-org", f"--org={org_id}")

        assert "is suspended; offers of 0 loads were withdrawn" in done.stdout
        assert (out.status, out.code) == (403, "organisation-suspended")
        assert again.stdout == "Ortiz Trucking takes part again.\n"
        assert boss.get("/v1/me").status == 200

    @pytest.mark.parametrize(
        "command",
        [
            ("verify-org", "--state=verified", "--source=x"),
            ("suspend-org", "--reason=x"),
            ("resume-org",),
        ],
        ids=lambda case: case[0],
    )
    def test_an_unknown_company_is_one_sentence(
        self, committed: World, invoke: Callable[..., Result], command: tuple[str, ...]
    ) -> None:
        unknown = str(uuid4())

        done = invoke(*command, f"--org={unknown}")

        assert (done.exit_code, done.stderr) == (2, f"No company {unknown}.\n")


class TestLoads:
    def test_odd_figures_are_confirmed_and_duplicates_listed_and_ended(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        body = committed.load_body(price_cents=1_000_000)
        first = committed.shipper().post("/v1/loads", body)
        second = committed.shipper().post("/v1/loads", body)
        assert first["is_unconfirmed"]

        named = f"--load={first['id']}"
        shown = invoke("loads", "show", named).stdout
        assert f"version {first['version']}, posted, not confirmed: USD 10," in shown
        assert f"price-odd: {first['warnings'][0]['detail']}\n" in shown
        confirm = ("loads", "confirm", named, "--reason=seen")
        stale = invoke(*confirm, f"--version={first['version'] - 1}")
        assert (stale.exit_code, stale.stdout) == (2, "")
        done = invoke(*confirm, f"--version={first['version']}")
        assert done.stdout == f"Load {first['load_number']} may be offered.\n"
        assert (
            committed.company().get("/v1/loads/market")["data"][0]["id"]
            == (first["id"])
        )

        (listed,) = invoke("loads", "duplicates").stdout.splitlines()
        assert f"posted {second['id']}, like {first['id']} of company" in listed
        pair = listed.split(":")[0]
        for _ in range(2):
            ended = invoke("loads", "end-duplicate", f"--id={pair}", "--word=fine")
            assert ended.stdout == f"Ended {pair}.\n"
        assert invoke("loads", "duplicates").stdout == ""

    def test_loads_are_measured_by_road_once(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        committed.load(committed.shipper())

        first, second = (invoke("loads", "measure", "--batch=1") for _ in range(2))

        assert first.stdout == "1 loads measured, 0 of them without a road.\n"
        assert second.stdout == "0 loads measured, 0 of them without a road.\n"

    def test_a_load_number_cannot_control_the_terminal(
        self, committed: World, invoke: Callable[..., Result]
    ) -> None:
        load = committed.load(committed.shipper())
        with Session.begin() as session:
            session.execute(
                update(Load)
                .where(Load.id == load["id"])
                .values(load_number="L\u00fc-7\n\x9b2J\u2028Load 8")
            )

        shown = invoke("loads", "show", f"--load={load['id']}").stdout

        assert shown.startswith("Load L\u00fc-7\\n\\x9b2J\\u2028Load 8 of")
        assert len(shown.splitlines()) == 1


def admin_of(world: World) -> Caller:
    login = {"login": "dana@ortiz.example.com", "password": PASSWORD}
    tokens = Caller(world.app, "").post("/v1/sessions", login)
    return Caller(world.app, tokens["access_token"])


class TestOthers:
    def test_migrate_may_be_repeated(self, invoke: Callable[..., Result]) -> None:
        done = invoke("migrate")

        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout == f"The schema is at {schema.head()}.\n"

    def test_every_command_says_what_it_does(
        self, invoke: Callable[..., Result]
    ) -> None:
        lines = invoke("--help").stdout.partition("Commands:\n")[2].splitlines()

        assert {
            *("create-org", "verify-org", "suspend-org", "resume-org"),
            *("migrate", "openapi", "rotate-keys", "give-backs"),
        } <= {li.split()[0] for li in lines}
        assert [line for line in lines if len(line.split()) < 3] == []


class TestAudit:
    def test_verifies_heads_kept_elsewhere(
        self, committed: World, invoke: Callable[..., Result], tmp_path: Path
    ) -> None:
        over_http(committed).truck(committed.company())

        kept = invoke("audit", "heads")
        (tmp_path / "heads").write_text(kept.output)
        good = invoke("audit", "verify", "--heads", str(tmp_path / "heads"))
        (tmp_path / "heads").write_text(kept.output.replace('"seq": 1', '"seq": 2'))
        bad = invoke("audit", "verify", "--heads", str(tmp_path / "heads"))

        assert good.exit_code == 0, good.output
        assert "1 entries and 2 signed heads checked, 0 faults." in good.output
        assert bad.exit_code == 1
        assert "the signature is not ours" in bad.output
