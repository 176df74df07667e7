"""The job process: retries, jobs that run later, and a real process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from procrastinate.jobs import DeleteJobCondition
from procrastinate.jobs import Job as QueuedJob
from sqlalchemy import text
from uuid_utils.compat import uuid7

import worker
from demo.fcm import FakeFcm
from jobs import PERIODIC, Job, enqueue, make_app
from jobs.rescue import MOST_ATTEMPTS
from models.offers.offers import Offer
from models.offers.pushes import Push
from models.search.searches import BackhaulSearch
from notifications import outbox
from notifications.gateway import TryLater
from notifications.messages import MessageKind
from runtime.db import Session
from runtime.telemetry import traced
from tests import canaries
from tests.services.scene import Scene, let_waits_pass, queued, rows_of
from tests.waiting import LONGEST_S, wait_until
from tests.world import CHICAGO, NEW_YORK, FakeGateway, supplies_of
from worker import HANDLERS, Retry

ROOT = Path(__file__).parent.parent


def app_with(settings, gateway=None, url=""):
    """Return an app with all handlers, as a worker enqueues missed periodic jobs."""
    app = make_app(url)
    worker.register(app, replace(supplies_of(settings, gateway), queue=app))
    return app


def jobs_now():
    with Session() as session:
        found = session.execute(
            text(
                "select id, task_name, status::text, attempts, scheduled_at, args"
                " from procrastinate_jobs order by id"
            )
        )
        return found.all()


class TestRegister:
    def test_every_job_has_a_handler_in_its_queue(self, world):
        app = app_with(world.settings)

        ours = {j.value.name: (j.value.queue, j.value.priority) for j in Job}
        known = {
            name: (task.queue, task.priority)
            for name, task in app.tasks.items()
            if task.queue != "builtin"
        }
        assert known == ours

    def test_a_job_has_one_name(self):
        assert set(HANDLERS) == set(Job)
        for job, handler in HANDLERS.items():
            assert handler.__name__ == job.value.name.replace(".", "_")
            assert handler.__name__ == job.name.lower()

    def test_a_failed_periodic_job_waits_for_its_next_tick(self, world):
        app = app_with(world.settings)

        for job in Job:
            has_retry = app.tasks[job.value.name].retry_strategy is not None
            is_periodic = job in {*PERIODIC, Job.JOBS_RESCUE, Job.JOBS_PRUNE}
            assert has_retry != is_periodic, job


class TestRetry:
    @pytest.mark.parametrize(
        ("attempts", "wait_s"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, None)]
    )
    def test_a_job_with_a_bug_has_five_attempts(self, attempts, wait_s):
        job = QueuedJob(
            id=1,
            queue="match",
            lock=None,
            queueing_lock=None,
            task_name="x",
            attempts=attempts,
        )

        decision = Retry().get_retry_decision(exception=ValueError(), job=job)

        if wait_s is None:
            assert decision is None
        else:
            left = decision.retry_at - worker.utcnow()
            assert left.total_seconds() == pytest.approx(wait_s, abs=0.5)

    def test_after_the_last_retry_it_is_kept_as_failed(self, committed, database_url):
        class Broken:
            def send(self, *_):
                raise RuntimeError("a bug")

        scene = Scene(committed)
        owe_one(scene.driver())
        app = app_with(committed.settings, Broken(), database_url)
        seen = []

        for _ in range(MOST_ATTEMPTS + 1):
            run_once(app)
            ((_, _, status, attempts, *_),) = jobs_now()
            seen.append((status, attempts))
            let_waits_pass()

        assert seen == [("todo", n) for n in (1, 2, 3, 4)] + [("failed", 5)] * 2


class TestRunLater:
    def test_waiting_for_the_provider_does_not_count_as_an_attempt(
        self, committed, database_url
    ):
        scene = Scene(committed)
        owe_one(scene.driver())
        (owed,) = rows_of(Push)
        gateway = FakeGateway(errors=[TryLater("503", retry_after_s=30)] * 8)
        app = app_with(committed.settings, gateway, database_url)

        for _ in range(8):
            run_once(app)
            ((_, name, status, attempts, at, args),) = jobs_now()
            assert (name, status, attempts) == ("push.send", "todo", 0)
            assert args["push_ids"] == [str(owed.id)]
            assert 25 < (at - worker.utcnow()).total_seconds() < 40
            let_waits_pass()
        run_once(app)

        assert jobs_now() == []
        assert [target for target, _ in gateway.sent] != []
        (push,) = rows_of(Push)
        assert (push.status, push.attempts) == ("accepted", 9)

    def test_a_job_that_was_put_off_and_then_rescued_does_not_run_twice(
        self, committed, database_url
    ):
        """The worker is killed after it put the job off and before it finished it."""
        scene = Scene(committed)
        owe_one(scene.driver())
        gateway = FakeGateway(errors=[TryLater("429", retry_after_s=300)])
        app = app_with(committed.settings, gateway, database_url)
        run_once(app)
        (waiting,) = jobs_now()
        with Session.begin() as session:
            enqueue(session, Job.PUSH_SEND, push_ids=waiting.args["push_ids"])

        run_once(app)

        assert jobs_now() == [waiting]
        assert gateway.sent == []

    def test_jobs_of_a_great_many_pushes_are_put_off(self, committed):
        """The pushes of a job are all in its key, which the index must take."""
        driver = Scene(committed).driver()
        news = (MessageKind.LOAD_UNASSIGNED, UUID(driver.driver_id), uuid7())
        with Session.begin() as session:
            outbox.put_each(session, [news] * 300)
        app = app_with(committed.settings, FakeGateway(errors=[TryLater("503")] * 300))

        for job in queued("push.send"):
            app.tasks["push.send"].func(**job.args)

        put_off = [job for job in queued("push.send") if job.queueing_lock]
        assert sum(len(job.args["push_ids"]) for job in put_off) == 300

    def test_a_job_that_is_put_off_keeps_its_trace_id(self, committed):
        scene = Scene(committed)
        with traced("trace-of-the-request"):
            owe_one(scene.driver())
        (job,) = queued("push.send")
        assert job.args["trace_id"] == "trace-of-the-request"
        with Session.begin() as session:
            session.execute(text("delete from procrastinate_jobs"))
        app = app_with(committed.settings, FakeGateway(errors=[TryLater("503")]))

        app.tasks["push.send"].func(**job.args)

        (later,) = queued("push.send")
        assert later.args == job.args


def owe_one(driver):
    with Session.begin() as session:
        outbox.put(session, [driver.member_id], MessageKind.LOAD_ASSIGNED, uuid7())


def run_once(app):
    """Run the jobs that are due, as the process does, and return."""
    with app.open():
        app.run_worker(
            wait=False,
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
        )


@contextmanager
def worker_process(url, fcm, *, log=None, **env):
    """Run a real worker process against the fake FCM; it logs to the file `log`.

    Without one, to a file of its own: a pipe that nobody reads would stop it.
    """
    log = log or tempfile.NamedTemporaryFile("w")  # noqa: SIM115 - closed at the end
    process = subprocess.Popen(
        [sys.executable, "worker.py"],
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_URL": url,
            "FCM_SERVICE_ACCOUNT": json.dumps(fcm.service_account),
            "FCM_BASE_URL": fcm.url,
            "LOG_LEVEL": "INFO",
        }
        | env,
        stderr=log,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        canaries.heard.append(Path(log.name).read_text())
        log.close()


class TestTheProcess:
    def test_a_drop_reaches_the_phone_under_its_trace_id_and_sigterm_drains(
        self, committed, database_url
    ):
        scene = Scene(committed)
        freight = scene.load()
        driver = scene.driver(phones=0)
        own = committed.load(scene.shipper, CHICAGO, NEW_YORK)
        scene.assigned(driver, UUID(own["id"]))
        *_, last = own["stops"]
        with FakeFcm() as fcm, worker_process(database_url, fcm) as process:
            committed.phone(driver, f"slow-1.5-{driver.driver_id}")
            committed.drive(driver, scene.shipper, own | {"stops": own["stops"][:1]})
            committed.report(driver, last["id"], "arrival")
            done = driver.put(
                f"/v1/stops/{last['id']}/completion",
                {"occurred_at": worker.utcnow().isoformat()},
                X_Trace_Id="trace-of-this-drop",
            )
            assert done.status == 200
            wait_until(lambda: rows_of(Offer), "an offer")
            wait_until(
                lambda: rows_of(Push, Push.kind == "offer", Push.attempts == 1),
                "an attempt",
            )

            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST_S)
        log = canaries.heard[-1]

        assert process.returncode == 0
        arrived = [r.message["data"] for r in fcm.received]
        (offer,) = rows_of(Offer)
        assert offer.load_id == freight
        assert str(offer.id) in {data.get("offer_id") for data in arrived}
        assert offer.status == "sent"
        (search,) = rows_of(BackhaulSearch)
        assert search.trace_id == "trace-of-this-drop"
        assert not [job for job in jobs_now() if job.status == "doing"]
        lines = [json.loads(line) for line in log.splitlines() if line[:1] == "{"]
        concluded = [
            line
            for line in lines
            if line["event"] == "push.concluded" and line["kind"] == "offer"
        ]
        assert [line["trace_id"] for line in concluded] == ["trace-of-this-drop"]

    def test_kill_9_in_the_middle_loses_nothing(self, committed, database_url):
        scene = Scene(committed)
        drivers, slow = scene.drivers(6, phones=0), []
        for number, driver in enumerate(drivers):
            committed.phone(driver, f"ok-{number}")
            slow.append(UUID(committed.phone(driver, f"slow-600-{number}")))
            owe_one(driver)
        # Three of these are for pushes.
        env = {"WORKER_CONCURRENCY": "9", "PUSH_TIMEOUT_S": "1200"}
        with FakeFcm() as fcm:
            with worker_process(database_url, fcm, **env) as first:
                wait_until(lambda: len(fcm.received) >= 2, "two pushes")
                begun = (Push.attempts == 1, Push.device_id.in_(slow))
                wait_until(lambda: rows_of(Push, *begun), "a slow push")
                first.send_signal(signal.SIGKILL)
                first.wait(LONGEST_S)
            fcm.hurry()
            assert [job for job in jobs_now() if job.status == "doing"]
            with Session.begin() as session:
                # As after half a minute without a heartbeat.
                session.execute(
                    text(
                        "update procrastinate_workers"
                        " set last_heartbeat = now() - interval '1 minute'"
                    )
                )
                enqueue(session, Job.JOBS_RESCUE)
            let_waits_pass()
            with worker_process(database_url, fcm, **env):
                wait_until(
                    lambda: not rows_of(Push, Push.status != "accepted"), "the rest"
                )

        targets = {received.target for received in fcm.received}
        assert len(targets) == 12
        assert len(fcm.received) <= 12 + 3
