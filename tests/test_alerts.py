"""Every alert of OPERATIONS can fire, and the dashboard shows something: their metrics
and labels exist and are true."""

import json
import re
import subprocess
from typing import Any

import promql_parser
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from jobs import Job, enqueue
from notifications.sender import ALARMS, Outcome
from runtime import telemetry
from runtime.config import Settings
from runtime.db import Session, make_engine
from tests.alerts import RULES, alerts, rules
from tests.services.scene import Scene
from tests.source import ROOT
from tests.test_periodic import value
from tests.tools import need
from tests.world import World

PROMETHEUS_OWN = {"up"}

MANUAL = (ROOT / "docs/OPERATIONS.md").read_text()
ALERTS = {alert.name: alert.expression for alert in alerts()}
each_alert = pytest.mark.parametrize("name", sorted(ALERTS))

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy/grafana/backhaul.json").read_text()
)
QUERIES: list[tuple[str, str, str]] = [
    (
        panel["title"],
        # What Grafana puts there depends on the time that is shown.
        target["expr"].replace("$__rate_interval", "5m"),
        target["legendFormat"],
    )
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]
each_query = pytest.mark.parametrize(
    ("title", "expression", "legend"), QUERIES, ids=[q[0] for q in QUERIES]
)


def page_of(world: World) -> str:
    return world.app.test_client().get("/metrics").get_data(as_text=True)


@pytest.fixture
def page(world: World) -> str:
    """A metrics page of a process that has counted each metric at least once."""
    telemetry.PUSHES.labels("later")
    telemetry.JOBS.labels("push.send", "failed")
    telemetry.JOB_SECONDS.labels("push.send")
    telemetry.REQUESTS.labels("/v1/offers", "GET", 200)
    for route in re.findall(r'route="([^"]+)"', MANUAL):
        telemetry.REQUEST_SECONDS.labels(route)
    return page_of(world)


def selectors(node: Any) -> list[Any]:
    """Return the vector selectors of an expression, at any depth."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    inner = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")]
    inner += list(getattr(node, "args", None) or [])
    if isinstance(node, promql_parser.MatrixSelector):
        inner = [node.vector_selector]
    return [found for each in inner if each is not None for found in selectors(each)]


def test_the_alerts_are_found_in_the_manual() -> None:
    assert len(ALERTS) >= 12
    assert {"NoWorker", "PeriodicJobLate", "DatabaseUnavailable"} <= set(ALERTS)


def assert_exists(expression: str, page: str) -> set[str]:
    """Check that the metrics and labels of an expression are on the page; return the
    labels that its results may have."""
    there: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            there.setdefault(sample.name, set()).update(sample.labels)

    found = selectors(promql_parser.parse(expression))

    assert found != []
    for selector in found:
        if selector.name in PROMETHEUS_OWN:
            continue
        assert selector.name in there
        assert {m.name for m in selector.matchers.matchers} <= there[selector.name]
    by = {
        word
        for words in re.findall(r"by \(([\w, ]+)\)", expression)
        for word in words.split(", ")
    }
    assert by <= set().union(*(there.get(one.name, {"instance"}) for one in found))
    return by


@each_alert
def test_uses_metrics_and_labels_that_exist(name: str, page: str) -> None:
    assert_exists(ALERTS[name], page)


class TestTheRules:
    def test_are_those_of_the_manual(self) -> None:
        """`python -m tests.alerts` writes them anew."""
        assert RULES.read_text() == rules()

    def test_lack_no_row_of_the_table(self) -> None:
        section = MANUAL.split("\n## Alerts")[1].split("\n## ")[0]
        rows = re.findall(r"^\| [A-Z]\w+ \|", section, re.M)

        assert len(rows) == len(ALERTS) == RULES.read_text().count("  - alert: ")

    @pytest.mark.process
    def test_are_understood_by_prometheus(self) -> None:
        # It comes with Prometheus.
        promtool = need("promtool")

        done = subprocess.run(
            [promtool, "check", "config", RULES.with_name("prometheus.yml")],
            capture_output=True,
            text=True,
        )

        assert done.returncode == 0, done.stderr
        assert f"{len(ALERTS)} rules found" in done.stdout


class TestTheDashboard:
    @each_query
    def test_asks_for_metrics_and_labels_that_exist(
        self, title: str, expression: str, legend: str, page: str
    ) -> None:
        by = assert_exists(expression, page)

        assert set(re.findall(r"{{(\w+)}}", legend)) <= by

    def test_shows_metrics_that_the_manual_explains(self) -> None:
        section = MANUAL.split("\n## Metrics")[1].split("\n## ")[0]
        metrics = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
        shown = {
            selector.name.removesuffix("_bucket")
            for _, expression, _ in QUERIES
            for selector in selectors(promql_parser.parse(expression))
        }

        assert len(metrics) >= 14
        assert len(shown) >= 14
        assert shown - PROMETHEUS_OWN <= metrics

    def test_names_alerts_that_exist(self) -> None:
        words = " ".join(panel.get("description", "") for panel in DASHBOARD["panels"])
        named = {
            name
            for names in re.findall(r"Alerts? ((?:[A-Z]\w+(?: and )?)+)", words)
            for name in names.split(" and ")
        }

        assert len(named) >= 10
        assert named <= set(ALERTS)


@each_alert
def test_names_routes_that_exist(name: str, world: World) -> None:
    routes = {str(rule) for rule in world.app.url_map.iter_rules()}

    assert set(re.findall(r'route="([^"]+)"', ALERTS[name])) <= routes


def test_names_outcomes_of_pushes_that_exist() -> None:
    asked = {
        word
        for words in re.findall(r'outcome=~?"([\w|]+)"', " ".join(ALERTS.values()))
        for word in words.split("|")
    }

    assert asked - {"failed"} <= set(Outcome)
    assert {alarm.value for alarm in ALARMS} <= asked


class TestTheGaugesAreTrue:
    def test_a_jobs_wait_counts_from_its_due_time(self, world: World) -> None:
        with Session.begin() as session:
            enqueue(session, Job.PUSH_SEND, push_ids=["x"])
            enqueue(session, Job.PUSH_SEND, push_ids=["y"])
            session.execute(
                text(
                    "update procrastinate_jobs"
                    " set scheduled_at = now() - interval '90 seconds'"
                )
            )
            later = "update procrastinate_jobs set scheduled_at = now() + interval '1h'"
            enqueue(session, Job.SEARCH_OFFER_NEXT, search_id="z")
            session.execute(text(f"{later} where queue_name = 'match'"))

        page = page_of(world)

        assert value(page, "backhaul_jobs_waiting", queue="push") == 2
        oldest_s = value(page, "backhaul_jobs_oldest_waiting_seconds", queue="push")
        assert 85 < oldest_s < 150
        assert value(page, "backhaul_jobs_waiting", queue="match") == 0
        assert value(page, "backhaul_jobs_oldest_waiting_seconds", queue="match") == 0

    def test_failed_jobs_are_counted_by_name(self, world: World) -> None:
        with Session.begin() as session:
            enqueue(session, Job.PUSH_SEND, push_ids=["x"])
            session.execute(text("update procrastinate_jobs set status = 'doing'"))
            session.execute(text("update procrastinate_jobs set status = 'failed'"))

        page = page_of(world)

        assert value(page, "backhaul_jobs_failed", job="push.send") == 1
        assert value(page, "backhaul_jobs_failed", job="audit.sign_heads") == 0

    @pytest.mark.parametrize(("age_s", "alive"), [(5, 1), (40, 0)])
    def test_a_worker_without_a_heartbeat_is_dead(
        self, world: World, age_s: int, alive: int
    ) -> None:
        with Session.begin() as session:
            session.execute(
                text(
                    "insert into procrastinate_workers (last_heartbeat)"
                    f" values (now() - interval '{age_s} seconds')"
                )
            )

        assert value(page_of(world), "backhaul_workers") == alive

    def test_an_idle_transaction_of_any_role_is_counted(
        self, committed: World, database_url: str
    ) -> None:
        before_s = value(page_of(committed), "backhaul_oldest_transaction_seconds")
        with psycopg.connect(database_url) as idle:
            idle.execute("select pg_sleep(1)")

            now_s = value(page_of(committed), "backhaul_oldest_transaction_seconds")

        assert now_s >= 1
        assert before_s < now_s

    def test_a_role_that_cannot_see_others_reports_nothing_instead_of_0(
        self, world: World
    ) -> None:
        with Session.begin() as session:
            # Replaced in this transaction only, as taking the right from the role would
            # concern all databases of the server.
            session.execute(text("set local role backhaul_owner"))
            session.execute(
                text(
                    "create or replace function oldest_transaction_s() returns float8"
                    " language sql stable as 'select null::float8'"
                )
            )

        assert "backhaul_oldest_transaction_seconds" not in page_of(world)

    def test_without_the_database_only_that_is_reported(self, world: World) -> None:
        Scene(world).load()
        gone = make_engine(Settings(DATABASE_URL="postgresql://x@127.0.0.1:1/x"))
        bound = Session.kw["bind"]
        Session.configure(bind=gone)

        page = page_of(world)

        Session.configure(bind=bound)
        assert value(page, "backhaul_database_up") == 0
        assert "backhaul_workers" not in page
        assert value(page_of(world), "backhaul_database_up") == 1
