"""Logs and metrics help to find a fault and contain nothing private."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from runtime.db import Session
from runtime.telemetry import (
    TRACE_ID,
    hide_private,
    hide_rows,
    log,
    start_logging,
    traced,
)
from tests import canaries
from tests.world import CHICAGO, NEWARK, Caller, FakeGateway, World, iso, utcnow

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(app: Flask) -> Iterator[Lines]:
    """Log as a production process does; yield a function that returns the events."""
    stderr, sys.stderr = sys.stderr, StringIO()
    written = sys.stderr
    start_logging("DEBUG")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    sys.stderr = stderr
    canaries.record()


class TestLines:
    def test_an_event_is_one_line_of_json(self, lines: Lines) -> None:
        log().info("load.posted", load_id="7", note="two\nlines")

        (line,) = lines()
        assert line["event"] == "load.posted"
        assert (line["level"], line["note"]) == ("info", "two\nlines")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line["timestamp"])

    @pytest.mark.usefixtures("lines")
    def test_a_line_and_its_end_are_written_at_once(self) -> None:
        """Between two writes another thread, or a library, may write its own line."""
        written: list[str] = []

        class Stream(StringIO):
            def write(self, text: str) -> int:
                written.append(text)
                return len(text)

        with redirect_stderr(Stream()):
            start_logging("DEBUG")
        log().info("load.posted")
        logging.getLogger("alembic").warning("slow")

        events = [json.loads(line)["event"] for line in written]
        assert events == ["load.posted", "slow"]
        assert all(line.endswith("\n") for line in written)

    def test_an_error_with_its_traceback_is_one_line(self, lines: Lines) -> None:
        try:
            raise ValueError("two\nlines")
        except ValueError as error:
            log().error("job.failed", exc_info=error)

        (line,) = lines()
        assert "Traceback" in line["exception"]
        assert "ValueError" in line["exception"]

    def test_a_librarys_warning_is_one_line(self, lines: Lines) -> None:
        logging.getLogger("alembic").warning("something %s", "odd")
        logging.getLogger("alembic").info("nothing")

        (line,) = lines()
        assert (line["event"], line["level"]) == ("something odd", "warning")

    def test_a_level_hides_what_is_below_it(self, lines: Lines) -> None:
        with redirect_stderr(StringIO()) as written:
            start_logging("WARNING")
        log().info("quiet")
        log().warning("loud")

        events = [json.loads(li)["event"] for li in written.getvalue().splitlines()]
        assert events == ["loud"]

    @pytest.mark.parametrize(
        "name",
        [
            *("token", "access_token", "password", "phone", "admin_phone", "email"),
            *("authorization", "secret", "lat", "lon", "position", "target"),
        ],
    )
    def test_private_values_are_hidden_by_name(self, name: str) -> None:
        assert hide_private(None, "", {name: "canary"}) == {name: "[hidden]"}

    @pytest.mark.parametrize(
        "secret",
        [
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMWEyIn0.c2lnbmF0dXJl",
            "Authorization: Bearer c2VjcmV0LWNhbmFyeQ",
            "01a20330-7c7b-771a-934d-521e071717f4.3.c2VjcmV0LWNhbmFyeS1zZWNyZXQ",
            "+13125550147",
            '"lat": 41.87817',
            "lon=-87.62983",
            "'latitude': '41.87817'",
        ],
    )
    @pytest.mark.parametrize("place", ["note", "event", "nested", "exception"])
    def test_private_values_are_hidden_by_their_form(
        self, lines: Lines, secret: str, place: str
    ) -> None:
        said = f"before {secret} after"
        match place:
            case "nested":
                log().info("x", note=[{"deep": (said,)}])
            case "exception":
                log().error("x", exc_info=ValueError(said))
            case "event":
                logging.getLogger("library").warning("%s", said)
            case _:
                log().info("x", note=said)

        (line,) = lines()
        written = json.dumps(line, ensure_ascii=False).replace('\\"', '"')
        assert "[hidden]" in written
        assert secret.rpartition(" ")[2].strip("'\"") not in written
        assert "before" in written
        assert "after" in written

    def test_private_names_are_hidden_at_any_depth(self) -> None:
        event = {"note": {"fix": [{"lat": 41.87817, "phone": "555"}]}}

        assert hide_private(None, "", event) == {
            "note": {"fix": [{"lat": "[hidden]", "phone": "[hidden]"}]}
        }

    @pytest.mark.parametrize(
        "value",
        [
            *("2026-11-22T12:00:00+00:00", "01a20330-7c7b-771a-934d-521e071717f4"),
            *("flat=3.5", "latency=1.25 ms", 41.5, None, "a+1"),
        ],
    )
    def test_values_that_only_resemble_private_ones_are_kept(
        self, value: object
    ) -> None:
        assert hide_private(None, "", {"note": value}) == {"note": value}

    @pytest.mark.parametrize("name", ["load_id", "status", "route", "latency_ms"])
    def test_other_names_are_not_hidden(self, name: str) -> None:
        assert hide_private(None, "", {name: "x"}) == {name: "x"}

    def test_a_database_error_does_not_repeat_the_row(
        self, world: World, lines: Lines
    ) -> None:
        statement = text("insert into members (id, name, phone) values (:a, :b, :c)")
        # Made outside of the call, as newer Pythons print all lines of a call.
        row = {"a": uuid4(), "b": "canary\nbird", "c": "canary"}
        try:
            with Session.begin() as session:
                session.execute(statement, row)
        except IntegrityError as error:
            log().error("http.bug", exc_info=error)

        (line,) = lines()
        assert "NotNullViolation" in line["exception"]
        assert "canary" not in str(line)
        assert "bird" not in str(line)

    def test_rows_of_several_lines_are_cut_from_text(self) -> None:
        said = "x\nDETAIL:  Failing row contains (7,\ncanary).\n[SQL: insert]\n"

        event = hide_rows(None, "", {"exception": said})

        assert event["exception"] == "x\nDETAIL: [hidden]\n[SQL: insert]\n"


class TestTraceId:
    @pytest.mark.parametrize("given", ["0123456789abcdef", "a.b-c_d8", "x" * 64])
    def test_the_callers_own_is_used_and_returned(
        self, app: Flask, lines: Lines, given: str
    ) -> None:
        answer = app.test_client().get("/healthz", headers={"X-Trace-Id": given})

        assert answer.headers["X-Trace-Id"] == given
        assert [line["trace_id"] for line in lines()] == [given]

    @pytest.mark.parametrize(
        "given", [None, "", "short", "x" * 65, "a b c d e f", "né-né-né-né", '"; drop']
    )
    def test_an_invalid_or_missing_one_is_replaced(
        self, app: Flask, given: str | None
    ) -> None:
        headers = {} if given is None else {"X-Trace-Id": given}

        made = app.test_client().get("/healthz", headers=headers).headers["X-Trace-Id"]

        assert made != given
        assert TRACE_ID.fullmatch(made)

    def test_each_request_has_its_own(self, app: Flask) -> None:
        made = {
            app.test_client().get("/healthz").headers["X-Trace-Id"] for _ in range(3)
        }

        assert len(made) == 3

    def test_is_passed_on_to_the_job(self, world: World) -> None:
        driver = world.dropped()

        with Session() as session:
            ids = session.scalars(
                text("select args->>'trace_id' from procrastinate_jobs")
            ).all()
        assert driver.driver_id
        assert ids
        assert all(TRACE_ID.fullmatch(trace_id or "") for trace_id in ids)

    def test_a_block_has_its_own(self) -> None:
        with traced("outer-trace") as outer, traced(None) as inner:
            assert outer != inner


class TestPrivacy:
    def test_after_a_whole_day_no_token_phone_number_or_place_is_in_the_log(
        self, world: World, lines: Lines, run_jobs: Callable[..., list[str]]
    ) -> None:
        canaries = {
            "phone": "+13125550147",
            "email": "canary@example.com",
            "password": "canary-password",
            "target": "canary-target",
            "home": "41.87817",
            "fix": "40.71283",
            "contact": "canary-contact",
        }
        boss = world.company()
        anonymous = Caller(world.app, "")
        person = {
            "name": "canary-name",
            "phone": canaries["phone"],
            "email": canaries["email"],
            "roles": ["driver"],
        }
        token = canaries["token"] = boss.post("/v1/invitations", person)["token"]
        place = {"token": token, "password": canaries["password"]}
        anonymous.post("/v1/invitations/acceptance", place)
        login = {"login": canaries["phone"], "password": canaries["password"]}
        tokens = anonymous.post("/v1/sessions", login)
        anonymous.post("/v1/sessions", login | {"password": "canary-wrong"})
        anonymous.post(
            "/v1/sessions/refresh", {"refresh_token": tokens["refresh_token"]}
        )
        # Refused input must not be logged either.
        boss.post("/v1/invitations", login | {"phone": canaries["phone"], "token": "x"})
        driver = world.dropped(carrier=boss, device=canaries["target"])
        driver.patch(
            f"/v1/drivers/{driver.driver_id}",
            {"home_lat": float(canaries["home"]), "home_lon": -87.62983},
        )
        fix = {"fixed_at": iso(utcnow()), "lat": float(canaries["fix"]), "lon": -74.006}
        driver.post("/v1/positions", {"fixes": [fix | {"fix_id": str(uuid4())}]})
        shipper = world.shipper()
        stops = [
            world.stop_body("pickup", NEWARK, contact={"name": canaries["contact"]}),
            world.stop_body("delivery", CHICAGO, ends_h=96),
        ]
        shipper.post("/v1/loads", world.load_body() | {"stops": stops})
        run_jobs(FakeGateway())

        written = lines()

        assert len(written) > 20
        text_ = json.dumps(written)
        secrets = [*canaries.values(), "canary-wrong", "canary-name"]
        secrets += [tokens["access_token"], tokens["refresh_token"], driver.token]
        assert [secret for secret in secrets if secret in text_] == []


class TestMetrics:
    def test_count_requests_by_route_not_by_id(self, world: World) -> None:
        boss = world.company()
        boss.get(f"/v1/trucks/{uuid4()}")
        boss.get("/v1/nothing")

        page = world.app.test_client().get("/metrics").get_data(as_text=True)

        families = {
            family.name: family for family in text_string_to_metric_families(page)
        }
        requests = families["backhaul_http_requests"].samples
        seen = {(s.labels["route"], s.labels["status"]) for s in requests}
        assert ("/v1/trucks/<uuid:truck_id>", "404") in seen
        assert ("unknown", "404") in seen
        assert {
            *("backhaul_http_request_seconds", "backhaul_jobs", "backhaul_job_seconds"),
            *("backhaul_pushes", "backhaul_periodic_last_success_timestamp_seconds"),
        } <= set(families)

    def test_an_unknown_method_makes_no_new_series(self, app: Flask) -> None:
        client = app.test_client()
        for number in range(3):
            client.open("/healthz", method=f"CANARY{number}")

        assert b"CANARY" not in client.get("/metrics").data

    @pytest.mark.process
    def test_web_workers_that_share_a_folder_report_common_totals(
        self, tmp_path: Path
    ) -> None:
        program = (
            "import os\nfrom runtime import telemetry\n"
            "telemetry.REQUESTS.labels('/x', 'GET', 200).inc()\n"
            "if os.fork() == 0:\n"
            "    telemetry.REQUESTS.labels('/x', 'GET', 200).inc(2)\n"
            "    os._exit(0)\n"
            "os.wait()\n"
            "print(telemetry.metrics_text().decode())\n"
        )

        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
        )

        assert done.returncode == 0, done.stderr
        assert re.search(r"^backhaul_http_requests_total\{.*\} 3.0$", done.stdout, re.M)
