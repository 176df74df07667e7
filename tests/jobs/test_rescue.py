"""Jobs of dead workers run again, each once."""

import asyncio

import pytest
from sqlalchemy import text

from jobs import Job, enqueue, make_app, rescue
from jobs.rescue import MOST_ATTEMPTS, MOST_RESCUES
from runtime.db import Session
from tests.services.scene import Scene
from tests.test_worker import jobs_now


class TestRescue:
    @pytest.fixture
    def scene(self, committed):
        return Scene(committed)

    def rescue(self, database_url):
        async def run():
            app = make_app(database_url)
            async with app.open_async():
                await rescue.give_back(app)
                await rescue.give_back_failed(app)

        asyncio.run(run())

    def taken(self, *job_ids, beat="1 hour", attempts=0):
        """Let a worker whose last heartbeat is `beat` old have taken these jobs."""
        with Session.begin() as session:
            worker_id = session.scalar(
                text(
                    "insert into procrastinate_workers (last_heartbeat)"
                    f" values (now() - interval '{beat}') returning id"
                )
            )
            session.execute(
                text(
                    "update procrastinate_jobs set status = 'doing',"
                    " worker_id = :worker_id, attempts = :attempts"
                    " where id = any(:ids)"
                ),
                {"worker_id": worker_id, "ids": list(job_ids), "attempts": attempts},
            )

    def put(self, job, **options):
        with Session.begin() as session:
            return enqueue(session, job, **options)

    def test_a_dead_workers_job_waits_again(self, scene, database_url):
        job_id = self.put(Job.OFFERS_EXPIRE)
        self.taken(job_id)

        self.rescue(database_url)

        ((_, _, status, attempts, *_),) = jobs_now()
        assert (status, attempts) == ("todo", 1)

    def test_a_living_workers_job_is_left_alone(self, scene, database_url):
        job_id = self.put(Job.OFFERS_EXPIRE)
        self.taken(job_id, beat="15 seconds")

        self.rescue(database_url)

        assert [job.status for job in jobs_now()] == ["doing"]

    def test_a_stalled_job_whose_duplicate_waits_is_deleted_and_blocks_no_other(
        self, scene, database_url
    ):
        stalled = self.put(Job.OFFERS_SWEEP, once="offers.sweep")
        behind = self.put(Job.OFFERS_EXPIRE)
        self.taken(stalled, behind)
        waiting = self.put(Job.OFFERS_SWEEP, once="offers.sweep")

        self.rescue(database_url)

        assert {job.id: job.status for job in jobs_now()} == {
            behind: "todo",
            waiting: "todo",
        }

    def test_a_job_that_kills_every_worker_is_given_up(self, scene, database_url):
        job_id = self.put(Job.OFFERS_EXPIRE)
        self.taken(job_id, attempts=MOST_RESCUES)

        self.rescue(database_url)

        assert [job.status for job in jobs_now()] == ["failed"]

    def test_a_job_that_an_older_worker_did_not_know_runs_again(
        self, scene, database_url
    ):
        """While a release is rolled out, a worker of the one before takes a job of the
        new one, whose name it does not know."""
        job_id = self.put(Job.OFFERS_EXPIRE)
        older = make_app(database_url)

        with older.open():
            older.run_worker(wait=False, install_signal_handlers=False)
        assert [(job.status, job.attempts) for job in jobs_now()] == [("failed", 1)]
        self.rescue(database_url)

        assert [(job.id, job.status) for job in jobs_now()] == [(job_id, "todo")]

    @pytest.mark.parametrize(
        ("job", "attempts", "status"),
        [
            (Job.OFFERS_EXPIRE, MOST_ATTEMPTS - 1, "todo"),
            (Job.OFFERS_EXPIRE, MOST_ATTEMPTS, "failed"),
            # What no other job looks for.
            (Job.SEARCH_WAKE, MOST_ATTEMPTS, "todo"),
            (Job.SEARCH_WAKE_EACH, MOST_ATTEMPTS, "todo"),
            (Job.SEARCH_WOKEN, MOST_ATTEMPTS, "todo"),
            (Job.SEARCH_BEGIN_WAITING, MOST_ATTEMPTS, "todo"),
            (Job.SEARCH_ARRIVED, MOST_ATTEMPTS, "todo"),
            (Job.SEARCH_WOKEN, MOST_RESCUES, "failed"),
            # Made up by the clock.
            (Job.OFFERS_SWEEP, 1, "failed"),
        ],
    )
    def test_a_failed_job_is_given_back_if_its_work_would_be_lost(
        self, scene, database_url, job, attempts, status
    ):
        self.failed(self.put(job), attempts)

        self.rescue(database_url)

        assert [job.status for job in jobs_now()] == [status]

    def test_a_failed_job_of_a_newer_release_is_left_to_it(self, scene, database_url):
        job_id = self.put(Job.OFFERS_EXPIRE)
        self.failed(job_id, 1)
        with Session.begin() as session:
            session.execute(
                text("update procrastinate_jobs set task_name = 'moons.shine'")
            )

        self.rescue(database_url)

        assert [job.status for job in jobs_now()] == ["failed"]

    def test_a_failed_job_whose_duplicate_waits_stays_and_blocks_no_other(
        self, scene, database_url
    ):
        failed = self.put(Job.SEARCH_WAKE, once="wake:1")
        behind = self.put(Job.SEARCH_WOKEN)
        for job_id in (failed, behind):
            self.failed(job_id, 1)
        waiting = self.put(Job.SEARCH_WAKE, once="wake:1")

        self.rescue(database_url)

        assert {job.id: job.status for job in jobs_now()} == {
            failed: "failed",
            behind: "todo",
            waiting: "todo",
        }

    def failed(self, job_id, attempts):
        with Session.begin() as session:
            session.execute(
                text(
                    "update procrastinate_jobs set status = 'failed',"
                    " attempts = :attempts where id = :id"
                ),
                {"id": job_id, "attempts": attempts},
            )
