"""Each periodic job may run twice, and the time of its last success is reported."""

import asyncio
import re
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest
from procrastinate import App
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from uuid_utils.compat import uuid7

import worker
from demo.fcm import FakeFcm
from jobs import PERIODIC, Job, make_app
from models import Row
from runtime.db import Session
from services.upkeep import periodic
from tests import checksums
from tests.over_http import HttpWorld
from tests.services.scene import Scene
from tests.source import ROOT
from tests.test_worker import jobs_now, worker_process
from tests.waiting import LONGEST_S, wait_until
from tests.web import free_port
from tests.world import DENVER, World, supplies_of

LAST_SUCCESS = "backhaul_periodic_last_success_timestamp_seconds"

OWN_CLOCKWORK = {
    *("periodic_runs", "procrastinate_periodic_defers", "procrastinate_workers"),
    # Tables that each request and each enqueueing writes to.
    "alembic_version",
}

OLD = "now() - interval '400 days'"


def value(page: str, name: str, **labels: str) -> float:
    """Return the value of one sample of a metrics page."""
    (found,) = (
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )
    return found


@pytest.fixture
def kind_of_world() -> type[World]:
    """Some jobs clear up behind requests, as those for idempotency keys."""
    return HttpWorld


@pytest.fixture
def clockwork(committed: World, database_url: str) -> Callable[[Job], None]:
    """A function that runs a periodic job as the worker does."""
    made = make_app(database_url)
    worker.register(made, replace(supplies_of(committed.settings), queue=made))

    async def run(app: App, name: str) -> None:
        async with app.open_async():
            await app.tasks[name].func()

    def tick(job: Job) -> None:
        function = made.tasks[job.value.name].func
        if asyncio.iscoroutinefunction(function):
            asyncio.run(run(made, job.value.name))
        else:
            function()

    return tick


OFFER_OVER = f"update offers set expires_at = {OLD}"
LEASE_OVER = f"update loads set lease_expires_at = {OLD} where status = 'posted'"
OLD_KEYS = f"update idempotency_keys set created_at = {OLD}"
OLD_PUSH = f"update pushes set id = :id, status = 'accepted', ended_at = {OLD}"
OLD_PUSH += " where id = (select id from pushes limit 1)"
OLD_SEARCH = (
    f"update backhaul_searches set id = :id, searched_at = {OLD} where not exists"
    " (select from offers where search_id = backhaul_searches.id)"
)
OLD_INVITATION = (
    "insert into invitations (id, org_id, invited_by, name, email, roles, locale,"
    " token_hash, expires_at) select :id, org_id, id, 'x', 'x@example.com',"
    f" '{{driver}}', 'en', 'x', {OLD} from members limit 1"
)
AN_OLD_TOMBSTONE = (
    f"insert into load_tombstones (load_id, deleted_at) values (:id, {OLD})"
)
A_JOB = "insert into procrastinate_jobs (queue_name, task_name) values ('push', 'x')"
AN_OLD_FAILURE = (
    f"{A_JOB}; update procrastinate_jobs set status = 'doing';"
    " update procrastinate_jobs set status = 'failed';"
    f" update procrastinate_events set at = {OLD}"
)
A_STALLED_JOB = (
    "insert into procrastinate_workers (last_heartbeat) values"
    f" (now() - interval '1 hour'); {A_JOB}; update procrastinate_jobs"
    " set status = 'doing', worker_id = (select max(id) from procrastinate_workers)"
)
A_LOST_REQUEST = (
    "insert into backhaul_searches (id, org_id, driver_id, trigger, request, outcome,"
    " searched_at, situation, parameters, area, map, counts, ranked, timings)"
    f" select :id, org_id, id, 'requested', '{{}}', 'pending', {OLD}, '{{}}', '{{}}',"
    " '{}', '{}', '{}', '[]', '{}' from drivers limit 1"
)
NO_PARTITION = (
    "do $$ begin execute 'drop table if exists positions_'"
    " || to_char((now() at time zone 'utc')::date + 3, 'YYYYMMDD'); end $$"
)
NEGLECT = {
    Job.OFFERS_SWEEP: OFFER_OVER,
    Job.LEASES_LAPSE: LEASE_OVER,
    Job.SEARCHES_GIVE_UP: A_LOST_REQUEST,
    Job.LOCKOUTS_PRUNE: f"insert into sign_in_failures values ('x', 1, {OLD})",
    Job.POSITIONS_PARTITION: NO_PARTITION,
    Job.AUDIT_CHAIN: "select 'the scene is audited'",
    Job.AUDIT_SIGN_HEADS: "select 'the scene is audited'",
    Job.IDEMPOTENCY_PRUNE: OLD_KEYS,
    Job.LIMITS_PRUNE: "insert into rate_limits values ('x', 1)",
    Job.CREDENTIALS_PRUNE: OLD_INVITATION,
    Job.PUSHES_PRUNE: OLD_PUSH,
    Job.SEARCHES_PRUNE: OLD_SEARCH,
    Job.TOMBSTONES_PRUNE: AN_OLD_TOMBSTONE,
    Job.JOBS_RESCUE: A_STALLED_JOB,
    Job.JOBS_PRUNE: AN_OLD_FAILURE,
}
"""Makes rows for each periodic job to work on, by job."""


def ancient() -> str:
    """Return a UUID with a time in 2020."""
    return f"0170{str(uuid7())[4:]}"


def neglect(superuser: Engine, statements: str) -> None:
    with superuser.begin() as connection:
        for statement in re.split(r";(?! end)", statements):
            connection.execute(text(statement), {"id": ancient()})


@pytest.mark.parametrize("job", list(PERIODIC), ids=lambda job: job.value.name)
def test_running_a_periodic_job_twice_has_the_effect_of_once(
    job: Job, committed: World, superuser: Engine, clockwork: Callable[[Job], None]
) -> None:
    scene = Scene(committed)
    scene.load()
    scene.offered(scene.driver())
    scene.search(scene.driver(), at=DENVER)
    neglect(superuser, NEGLECT[job])
    before = checksums.rows(superuser, OWN_CLOCKWORK)

    clockwork(job)
    once = checksums.rows(superuser, OWN_CLOCKWORK)
    clockwork(job)

    assert once != before, "It found nothing to do: the test tests nothing."
    assert checksums.rows(superuser, OWN_CLOCKWORK) == once


def test_the_rescue_gives_back_what_stalled_and_what_failed_and_is_owed(
    committed: World, superuser: Engine, clockwork: Callable[[Job], None]
) -> None:
    failed = "insert into procrastinate_jobs (queue_name, task_name) values ('match',"
    failed += " 'search.woken'); update procrastinate_jobs set status = 'failed'"
    neglect(superuser, f"{failed}; {A_STALLED_JOB} where task_name = 'x'")

    clockwork(Job.JOBS_RESCUE)

    status = {job.task_name: job.status for job in jobs_now()}
    assert (status["search.woken"], status["x"]) == ("todo", "todo")


class TestLastSuccess:
    def test_a_job_that_never_ran_is_reported_with_0(self, world: World) -> None:
        page = world.app.test_client().get("/metrics").get_data(as_text=True)

        for job, schedule in PERIODIC.items():
            name = job.value.name
            assert value(page, LAST_SUCCESS, job=name) == 0
            every_s = value(page, "backhaul_periodic_interval_seconds", job=name)
            assert every_s == schedule.every_s

    def test_web_reports_the_workers_successes(
        self, committed: World, clockwork: Callable[[Job], None]
    ) -> None:
        before = worker.utcnow().timestamp()
        clockwork(Job.LIMITS_PRUNE)
        clockwork(Job.JOBS_PRUNE)
        after = worker.utcnow().timestamp()

        page = committed.app.test_client().get("/metrics").get_data(as_text=True)

        for done in ("limits.prune", "jobs.prune"):
            assert before - 1 <= value(page, LAST_SUCCESS, job=done) <= after + 1
        assert value(page, LAST_SUCCESS, job="audit.sign_heads") == 0

    def test_a_failure_does_not_count_as_success(
        self, committed: World, database_url: str
    ) -> None:
        app = make_app(database_url)
        supplies = replace(supplies_of(committed.settings), audit_key=None)
        worker.register(app, supplies)
        # Over the API, so that there is an entry to sign.
        committed.truck(committed.company())
        with pytest.raises(AttributeError):
            app.tasks["audit.sign_heads"].func()

        with Session() as session:
            assert periodic.ages_s(session)[Job.AUDIT_SIGN_HEADS] is None


class TestMissedTicks:
    @pytest.fixture(autouse=True)
    def _all_is_well(self, world: World) -> None:
        with Session.begin() as session:
            for job in PERIODIC:
                periodic.note_success(session, job)

    def late(self, job: Job, age_s: int) -> list[Job]:
        """Return the jobs that are enqueued if the last success is `age_s` old."""
        with Session.begin() as session:
            session.execute(
                text(
                    "update periodic_runs set last_success_at = now()"
                    f" - interval '{age_s} seconds' where job = :job"
                ),
                {"job": job.value.name},
            )
            return periodic.make_up(session)

    def test_a_job_that_ran_in_time_is_not_enqueued(self) -> None:
        assert self.late(Job.AUDIT_SIGN_HEADS, 86_400 + 30) == []

    def test_a_missed_tick_is_enqueued_once(self) -> None:
        assert self.late(Job.AUDIT_SIGN_HEADS, 86_400 + 90) == [Job.AUDIT_SIGN_HEADS]
        assert self.late(Job.AUDIT_SIGN_HEADS, 86_400 + 90) == []

    def test_a_missed_tick_is_not_enqueued_while_the_job_runs(self) -> None:
        self.late(Job.AUDIT_SIGN_HEADS, 100_000)
        with Session.begin() as session:
            session.execute(text("update procrastinate_jobs set status = 'doing'"))

        assert self.late(Job.AUDIT_SIGN_HEADS, 100_000) == []


def test_on_a_new_database_every_job_is_enqueued(world: World) -> None:
    with Session.begin() as session:
        assert periodic.make_up(session) == list(PERIODIC)
        assert periodic.make_up(session) == []


class TestTheProcess:
    def test_a_new_worker_does_every_job_and_web_reports_it_after_the_worker_ended(
        self, committed: World, database_url: str
    ) -> None:
        """A daily job must not be unknown for a day, nor be forgotten at a restart."""
        port = free_port()

        def unknown() -> list[str]:
            url = f"http://127.0.0.1:{port}/metrics"
            with urllib.request.urlopen(url, timeout=LONGEST_S) as answer:
                page = answer.read().decode()
            names = [job.value.name for job in PERIODIC]
            return [name for name in names if not value(page, LAST_SUCCESS, job=name)]

        env = {"WORKER_METRICS_PORT": str(port)}
        with FakeFcm() as fcm, worker_process(database_url, fcm, **env) as process:
            wait_until(lambda: _answers(port), "the worker's metrics")
            assert _listening(process.pid) == {"127.0.0.1"}
            # The first tick of the rescue comes within a minute.
            wait_until(lambda: unknown() == [], "every job's success")
            process.terminate()
            process.wait(LONGEST_S)

        page = committed.app.test_client().get("/metrics").get_data(as_text=True)
        assert all(value(page, LAST_SUCCESS, job=job.value.name) for job in PERIODIC)
        assert value(page, "backhaul_workers") == 0


def _listening(pid: int) -> set[str]:
    """Return the addresses on which the process listens."""
    sockets = psutil.Process(pid).net_connections("inet")
    return {socket.laddr.ip for socket in sockets if socket.status == "LISTEN"}


def _answers(port: int) -> Any:
    try:
        return urllib.request.urlopen(
            f"http://127.0.0.1:{port}/metrics", timeout=LONGEST_S
        )
    except OSError:
        return None


def test_the_manual_says_how_long_each_table_is_kept() -> None:
    """Each table is pruned, or the manual says why it is not."""
    manual = (ROOT / "docs/OPERATIONS.md").read_text()
    section = manual.split("## What is kept")[1].split("\n## ")[0]
    said = set(re.findall(r"`(\w+)\*?`", section))

    assert set(Row.metadata.tables) - {"positions"} <= said
    assert {"positions_", "procrastinate_"} <= said
    assert {job.value.name for job in PERIODIC} <= set(
        re.findall(r"^\| `([\w.]+)` \|", manual, re.M)
    )
