"""/healthz and /readyz answer 200 or say what is wrong, also in a real web process."""

import json
import urllib.request
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from local.processes import Processes, web_argv
from runtime.config import Settings
from runtime.db import Session, make_engine
from services.upkeep import health
from tests.waiting import LONGEST_S
from tests.web import free_port
from tests.world import World


class TestHealth:
    def test_a_process_that_answers_is_healthy(self, app: Flask) -> None:
        answer = app.test_client().get("/healthz")

        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})

    def test_ready_reports_the_schema_and_the_age_of_the_oldest_job(
        self, world: World
    ) -> None:
        world.dropped()

        answer = world.app.test_client().get("/readyz")

        state = answer.get_json()
        assert (answer.status_code, state["status"]) == (200, "ok")
        assert state["schema"] == world.app.extensions["schema_head"]
        assert 0 <= state["oldest_job_s"] < 60

    def test_a_database_that_is_gone_is_503(self, world: World) -> None:
        gone = make_engine(Settings(DATABASE_URL="postgresql://x@127.0.0.1:1/x"))
        bound = Session.kw["bind"]
        Session.configure(bind=gone)

        answer = world.app.test_client().get("/readyz")

        Session.configure(bind=bound)
        assert answer.status_code == 503
        assert answer.get_json()["reason"].startswith("database: ")
        assert "127.0.0.1" not in answer.get_data(as_text=True)

    def test_an_old_schema_is_503(self, world: World) -> None:
        with Session.begin() as session:
            session.execute(text("update alembic_version set version_num = 'old'"))

        answer = world.app.test_client().get("/readyz")

        assert answer.status_code == 503
        assert "run `make migrate`" in answer.get_json()["reason"]

    def test_no_schema_at_all_is_503(self, world: World) -> None:
        with Session.begin() as session:
            session.execute(text("set local role backhaul_owner"))
            session.execute(text("alter table alembic_version rename to gone"))

        assert world.app.test_client().get("/readyz").status_code == 503

    @pytest.mark.parametrize(
        ("change", "is_said"),
        [
            ("set status = 'todo'", True),
            ("set status = 'doing'", False),
            ("set status = 'todo', scheduled_at = now() + interval '1 hour'", False),
            ("set status = 'todo', scheduled_at = now() - interval '1 minute'", False),
        ],
    )
    def test_a_job_that_waits_too_long_is_reported_but_the_server_stays_ready(
        self, world: World, change: str, is_said: bool
    ) -> None:
        world.dropped()
        old = f"{health.TOO_OLD_S + 60} seconds"
        with Session.begin() as session:
            session.execute(
                text(
                    "update procrastinate_events set at = at - cast(:old as interval)"
                ),
                {"old": old},
            )
            session.execute(text(f"update procrastinate_jobs {change}"))

        answer = world.app.test_client().get("/readyz")

        state = answer.get_json()
        assert (answer.status_code, state["status"]) == (200, "ok")
        assert ("jobs are waiting" in state.get("reason", "")) is is_said


class TestMetrics:
    def test_all_statements_of_a_probe_share_one_time(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slow database must not hold the probe for each statement's time."""
        slow = text("select 0.0 from pg_sleep(0.4)")
        for name in ("NOW", "LAST_ARCHIVED", "OLDEST_TRANSACTION"):
            monkeypatch.setattr(health, name, slow)
        monkeypatch.setattr(health, "PATIENCE_S", 0.6)

        with Session() as session, pytest.raises(OperationalError):
            health.gauges(session)

    def test_readiness_is_not_asked_for_longer(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "PATIENCE_S", 0.1)
        monkeypatch.setattr(health, "OLDEST_JOB", text("select 0 from pg_sleep(30)"))

        answer = world.app.test_client().get("/readyz")

        assert (answer.status_code, answer.get_json()["reason"]) == (
            *(503, "database: OperationalError"),
        )


class TestProcesses:
    def test_the_web_process_serves_and_stops(
        self, database_url: str, tmp_path: Path
    ) -> None:
        port = free_port()
        environ = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "data")}
        with Processes(tmp_path) as processes:
            processes.start("web", web_argv("127.0.0.1", port, 1), environ)
            processes.wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/docs/") as page:
                assert page.status == 200

        written = (tmp_path / "web.log").read_text()
        assert "Traceback" not in written
        assert [json.loads(line)["route"] for line in written.splitlines()] == [
            "/readyz",
            "/docs/",
        ]
