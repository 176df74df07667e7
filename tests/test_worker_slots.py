"""Each queue of a worker has slots of its own: none waits for another's."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import errors
from sqlalchemy import text

from demo.fcm import FakeFcm
from jobs import Job, enqueue, make_worker_app
from jobs.work import slots
from models.offers.pushes import Push
from runtime.db import Session
from tests.services.scene import Scene, rows_of
from tests.test_worker import jobs_now, owe_one, worker_process
from tests.waiting import wait_until
from tests.world import World

MORE_THAN_ALL_SLOTS = 24
PHONES = 8


@pytest.fixture
def silent() -> Iterator[str]:
    """Yield the URL of a mail server that accepts connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=100)) as server:
        yield f"smtp://127.0.0.1:{server.getsockname()[1]}"


def names(status: str) -> list[str]:
    return [job.task_name for job in jobs_now() if job.status == status]


class TestAWorkerWhoseMailServerAndPushProviderAreSilent:
    def test_goes_on_to_search_to_offer_and_to_keep_house(
        self, committed: World, database_url: str, silent: str
    ) -> None:
        scene = Scene(committed)
        desk = committed.company()
        for number in range(MORE_THAN_ALL_SLOTS):
            person = {"name": "X", "email": f"x{number}@example.com"}
            made = desk.post("/v1/invitations", person | {"roles": ["driver"]})
            assert made.status == 201, made.body
        for driver in scene.drivers(MORE_THAN_ALL_SLOTS // PHONES, phones=0):
            for phone in range(PHONES):
                committed.phone(driver, f"slow-600-{driver.driver_id}-{phone}")
            owe_one(driver)
        long = {"PUSH_TIMEOUT_S": "1200", "SMTP_TIMEOUT_S": "1200", "SMTP_URL": silent}
        long["REFRESH_KEY"] = committed.keys.refresh[0].decode()
        with FakeFcm() as fcm, worker_process(database_url, fcm, **long):
            wait_until(lambda: rows_of(Push, Push.attempts == 1), "a push that hangs")
            wait_until(
                lambda: names("doing").count("invitations.mail") == 2,
                "two letters that hang",
            )
            asked = [Job.OFFERS_EXPIRE, Job.LEASES_LAPSE, Job.JOBS_RESCUE]
            with Session.begin() as session:
                ids = {enqueue(session, job) for job in asked}

            wait_until(
                lambda: not ids & {job.id for job in jobs_now()}, "the other queues"
            )

            assert names("failed") == []
            assert names("doing").count("invitations.mail") == 2
            assert names("todo").count("push.send") > 0
            assert fcm.received == []


def test_every_statement_of_the_queue_has_a_time_limit(database_url: str) -> None:
    app = make_worker_app(
        database_url, role="none", lock_timeout_ms=1000, statement_timeout_ms=200
    )

    async def ask() -> None:
        async with app.open_async():
            await app.connector.execute_query_async("select pg_sleep(600)")

    with pytest.raises(ConnectorException) as caught:
        asyncio.run(ask())

    assert isinstance(caught.value.__cause__, errors.QueryCanceled)


@pytest.mark.parametrize(
    ("concurrency", "push", "match", "letters", "maint"),
    [(1, 1, 1, 1, 1), (6, 2, 1, 1, 1), (8, 2, 1, 2, 2), (16, 6, 5, 2, 2)],
)
def test_the_slots_of_all_queues_are_as_many_as_the_setting_says(
    concurrency: int, push: int, match: int, letters: int, maint: int
) -> None:
    found = slots(concurrency)

    assert found == {
        **{"push": push, "match": match, "wake": 1},
        **{"letters": letters, "maint": maint},
    }
    assert sum(found.values()) == max(5, concurrency)


def test_without_work_all_its_queues_are_known_to_be_alive(
    committed: World, database_url: str
) -> None:
    every = {job.value.queue for job in Job}
    assert set(slots(1)) == every
    with FakeFcm() as fcm, worker_process(database_url, fcm):
        wait_until(lambda: alive() == len(every), "a heartbeat of each queue")


def alive() -> int:
    with Session() as session:
        found = session.scalar(text("select count(*) from procrastinate_workers"))
    return int(found or 0)
