"""The worker survives an outage of its database: it waits and then works again."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import sql
from sqlalchemy import text

from demo.fcm import FakeFcm
from jobs import Job, enqueue, make_worker_app
from jobs.work import ANSWER_S, slots
from models.offers.pushes import Push
from runtime.db import Session
from tests.services.scene import Scene, let_waits_pass, rows_of
from tests.test_worker import jobs_now, owe_one, worker_process
from tests.waiting import LONGEST_S, wait_until
from tests.world import World

UNTIL_IT_CANNOT_BE_WRITTEN_S = ANSWER_S + 2
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
 where datname = %s and pid <> pg_backend_pid()
"""


@pytest.fixture
def scene(committed: World) -> Scene:
    return Scene(committed)


@contextmanager
def outage(server_url: str, name: str) -> Iterator[None]:
    """Cut every connection to the database, and refuse new ones in the block."""
    allow = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            connection.execute(CUT, [name])
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
            Session.kw["bind"].dispose()


def name_of(database_url: str) -> str:
    return psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]


def owe_to(scene: Scene, target: str):
    driver = scene.driver(phones=0)
    scene.world.phone(driver, target)
    owe_one(driver)


def is_accepted(*targets: str) -> bool:
    return len(rows_of(Push, Push.status == "accepted")) == len(targets)


def events_of(folder):
    """Return the events that a worker has logged so far, whole lines only."""
    *lines, _ = (folder / "log").read_text().split("\n")
    return [json.loads(line)["event"] for line in lines if line[:1] == "{"]


class TestAnOutage:
    def test_the_process_waits_for_its_end_and_then_takes_jobs_again(
        self, scene, database_url, server_url, tmp_path
    ):
        with (
            (tmp_path / "log").open("w+") as log,
            FakeFcm() as fcm,
            worker_process(database_url, fcm, log=log) as process,
        ):
            owe_to(scene, "ok-before")
            wait_until(lambda: is_accepted("before"), "a push before the outage")

            for number in range(2):
                with outage(server_url, name_of(database_url)):
                    assert cannot_connect(database_url)
                    wait_until(
                        lambda losses=number + 1: (
                            events_of(tmp_path).count("worker.database_lost") >= losses
                        ),
                        "the worker to notice the outage",
                    )
                owe_to(scene, f"ok-after{number}")
                wait_until(
                    lambda so_far=number + 2: is_accepted(*range(so_far)),
                    "a push after the outage",
                )

            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST_S)

        assert process.returncode == 0
        assert events_of(tmp_path).count("worker.started") == 1

    def test_a_job_that_ends_during_it_is_left_to_the_rescue(
        self, scene, database_url, server_url
    ):
        env = {"PUSH_TIMEOUT_S": "1200"}
        with FakeFcm() as fcm, worker_process(database_url, fcm, **env):
            owe_to(scene, "slow-600-driver")
            wait_until(lambda: rows_of(Push, Push.attempts == 1), "an attempt")
            with outage(server_url, name_of(database_url)):
                fcm.hurry()
                wait_until(lambda: fcm.received, "the attempt's end")
                time.sleep(UNTIL_IT_CANNOT_BE_WRITTEN_S)
            owe_to(scene, "ok-after")
            wait_until(lambda: is_accepted("after"), "a push after the outage")
            assert not is_accepted("after", "driver")

            wait_until(lambda: a_minute_passes() or not pushing(), "the rescue")
            assert is_accepted("after", "driver")

    def test_sigterm_ends_the_process_during_it(
        self, scene, database_url, server_url, tmp_path
    ):
        with (
            (tmp_path / "log").open("w+") as log,
            FakeFcm() as fcm,
            worker_process(database_url, fcm, log=log) as process,
        ):
            owe_to(scene, "ok-before")
            wait_until(lambda: is_accepted("before"), "a push before the outage")
            with outage(server_url, name_of(database_url)):
                assert cannot_connect(database_url)
                process.send_signal(signal.SIGTERM)
                process.wait(LONGEST_S)

        assert process.returncode == 0


def cannot_connect(database_url: str) -> bool:
    try:
        psycopg.connect(database_url).close()
    except psycopg.OperationalError:
        return True
    return False


def pushing():
    return [job for job in jobs_now() if job.task_name == "push.send"]


def a_minute_passes() -> None:
    """Make earlier workers' heartbeats a minute old; make waiting pushes due."""
    time.sleep(1)
    let_waits_pass()
    with Session.begin() as session:
        session.execute(
            text(
                "update procrastinate_workers set last_heartbeat = now() - interval"
                " '1 minute' where id <="
                " (select max(id) - :new from procrastinate_workers)"
            ),
            {"new": len(slots(1))},
        )
        enqueue(session, Job.JOBS_RESCUE)


@pytest.mark.parametrize(
    ("statement", "is_lost"),
    [("select pg_terminate_backend(pg_backend_pid())", True), ("select 1/0", False)],
)
def test_a_statement_lost_with_its_connection_ends_the_worker(
    statement, is_lost, database_url
):
    """If the worker went on, the job of the lost statement would stay in `doing`."""
    app = make_worker_app(
        database_url, role="none", lock_timeout_ms=1000, statement_timeout_ms=9000
    )

    async def ask() -> None:
        async with app.open_async():
            await app.connector.execute_query_async(statement)

    with pytest.raises(ConnectorException):
        asyncio.run(ask())

    assert app.connector.lost.is_set() is is_lost
