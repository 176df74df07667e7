"""After SIGTERM a process finishes the work it has begun, once, and begins no other."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from demo.fcm import FakeFcm
from local.processes import Processes
from models.offers.pushes import Push
from tests.local.processes import contains_sigterm
from tests.services.scene import Scene, rows_of
from tests.test_worker import jobs_now, owe_one, worker_process
from tests.waiting import LONGEST_S, wait_until
from tests.web import ask, truck, waiters, web_process
from tests.world import World

IN_FLIGHT = 4
HELD_S = 2.0


class TestTheWorker:
    def test_finishes_a_running_job_once_and_takes_no_other(
        self, committed: World, database_url: str
    ) -> None:
        scene = Scene(committed)
        long, waiting = scene.driver(phones=0), scene.driver(phones=0)
        committed.phone(long, "slow-600-long")
        committed.phone(waiting, "ok-waiting")
        owe_one(long)
        env = {"WORKER_CONCURRENCY": "1", "PUSH_TIMEOUT_S": "1200"}
        with FakeFcm() as fcm, worker_process(database_url, fcm, **env) as process:
            wait_until(lambda: rows_of(Push, Push.attempts == 1), "the long job")
            owe_one(waiting)

            process.send_signal(signal.SIGTERM)
            wait_until(
                lambda: not contains_sigterm("ShdPnd", process.pid), "its delivery"
            )
            assert process.poll() is None
            fcm.hurry()
            process.wait(LONGEST_S)

        assert process.returncode == 0
        assert [push.target for push in fcm.received] == ["slow-600-long"]
        (done,) = rows_of(Push, Push.status == "accepted")
        (left,) = [job for job in jobs_now() if job.task_name == "push.send"]
        assert (left.status, left.attempts) == ("todo", 0)
        assert str(done.id) not in left.args["push_ids"]


@pytest.fixture
def web(committed: World, tmp_path: Path) -> Iterator[tuple[Processes, int]]:
    with web_process(committed.settings, tmp_path, workers=2) as running:
        yield running


class TestTheWeb:
    def test_answers_the_requests_in_flight_and_then_ends(
        self, committed: World, database_url: str, web: tuple[Processes, int]
    ) -> None:
        processes, port = web
        # Of one company each, which may not be at work in all threads at once.
        bosses = [committed.company() for _ in range(IN_FLIGHT)]
        server = processes.running["web"]

        def put_truck(number: int) -> int:
            bearer = f"Bearer {bosses[number].token}"
            return ask(
                *(port, "PUT", f"/v1/trucks/{uuid4()}", truck(number)),
                Authorization=bearer,
                Content_Type="application/json",
            ).status

        with (
            psycopg.connect(database_url, autocommit=True) as onlooker,
            psycopg.connect(database_url) as holder,
            ThreadPoolExecutor(IN_FLIGHT) as pool,
        ):
            holder.execute("lock table trucks in exclusive mode")
            asked = [pool.submit(put_truck, number) for number in range(IN_FLIGHT)]
            wait_until(lambda: waiters(onlooker) == IN_FLIGHT, "the waiters")
            server.terminate()
            time.sleep(HELD_S)
            assert server.poll() is None
            holder.rollback()
            statuses = [answer.result() for answer in asked]
            kept = onlooker.execute("select count(*) from trucks").fetchone()

        assert statuses == [200] * IN_FLIGHT
        assert kept == (IN_FLIGHT,)
        assert server.wait(LONGEST_S) == 0
