"""A job is a row that is written in the caller's transaction."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from procrastinate.sql import queries
from sqlalchemy import text
from structlog.contextvars import bound_contextvars

from jobs import Job, enqueue, enqueue_each, make_worker_app, take_along
from runtime.db import Session
from tests.services.scene import after, queued
from tests.world import utcnow

JOBS = 500

NOBODY = {"queues": None, "worker_id": None}


def test_the_worker_waits_for_a_lock_as_long_as_it_is_told(login_url):
    app = make_worker_app(
        login_url,
        role="backhaul_worker",
        lock_timeout_ms=1500,
        statement_timeout_ms=9000,
    )

    async def ask():
        async with app.open_async():
            return await app.connector.execute_query_one_async("show lock_timeout")

    assert asyncio.run(ask()) == {"lock_timeout": "1500ms"}


def put(session, **options):
    return enqueue(session, Job.SEARCH_OFFER_NEXT, **options)


def waiting():
    return queued("search.offer_next")


def test_a_rollback_leaves_no_job(session):
    def put_and_fail():
        with Session.begin() as inner:
            put(inner)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        put_and_fail()

    assert waiting() == []


def test_the_job_is_seen_only_after_the_commit(committed, engine):
    with Session.begin() as session:
        put(session)
        with engine.connect() as other:
            count = text("select count(*) from procrastinate_jobs")
            assert other.scalar(count) == 0
    assert len(waiting()) == 1


def test_a_duplicate_is_not_written_and_does_not_fail_the_transaction(session):
    with Session.begin() as inner:
        first = put(inner, once="k")
        assert put(inner, once="k") is None
        assert put(inner, once="other") is not None
        assert inner.scalar(text("select 1")) == 1

    assert [job.queueing_lock for job in waiting()] == ["k", "other"]
    assert waiting()[0].id == first


def test_without_a_key_every_call_is_a_job(session):
    with Session.begin() as inner:
        assert put(inner) != put(inner)


def test_a_running_job_does_not_block_a_new_one_with_its_key(session):
    with Session.begin() as inner:
        put(inner, once="k")
        inner.execute(text("update procrastinate_jobs set status = 'doing'"))

        assert put(inner, once="k") is not None


def test_of_two_concurrent_enqueues_with_one_key_one_is_written(committed):
    def put_it(session):
        return put(session, once="k")

    assert after(put_it, put_it) is None
    assert len(waiting()) == 1


def test_a_job_has_arguments_time_and_trace_id(session):
    at = utcnow()
    with bound_contextvars(trace_id="a-trace"), Session.begin() as inner:
        put(inner, at=at, search_id="x")

    (job,) = waiting()
    assert job.args == {"trace_id": "a-trace", "search_id": "x"}
    assert job.scheduled_at == at


def test_many_jobs_are_written_at_once_with_own_arguments_and_the_trace_id(session):
    with bound_contextvars(trace_id="a-trace"), Session.begin() as inner:
        each = [{"search_id": "x"}, {"search_id": "y"}]
        ids = enqueue_each(inner, Job.SEARCH_OFFER_NEXT, each)
        assert enqueue_each(inner, Job.SEARCH_OFFER_NEXT, []) == []

    assert [job.id for job in waiting()] == ids
    assert [job.args for job in waiting()] == [
        {"trace_id": "a-trace", "search_id": "x"},
        {"trace_id": "a-trace", "search_id": "y"},
    ]


def owed():
    return [*queued("search.wake"), *queued("search.woken")]


class TestTakeAlong:
    def test_takes_the_oldest_jobs_of_a_kind_that_could_run_now(self, session):
        with Session.begin() as inner:
            loads = [{"load_id": str(number)} for number in range(4)]
            enqueue_each(inner, Job.SEARCH_WAKE, loads)
            enqueue(
                inner, Job.SEARCH_WAKE, load_id="later", at=utcnow() + timedelta(days=1)
            )
            enqueue(inner, Job.SEARCH_WAKE, load_id="again", priority=0)
            enqueue(inner, Job.SEARCH_WOKEN, driver_id="x")

        with Session.begin() as inner:
            taken = take_along(inner, Job.SEARCH_WAKE, most=3)
            again = take_along(inner, Job.SEARCH_WAKE, most=3, priority=0)

        assert taken == loads[:3]
        assert again == [{"load_id": "again"}]
        left = [job.args.get("load_id") for job in owed()]
        assert sorted(left, key=str) == ["3", None, "later"]

    def test_takes_no_more_than_asked_for_however_the_statement_is_planned(
        self, session
    ):
        with Session.begin() as inner:
            enqueue_each(
                inner, Job.SEARCH_WAKE, [{"load_id": str(n)} for n in range(9)]
            )

        with Session.begin() as inner:
            # What is left is a loop over the queue, which a plan for few may be.
            for way in ["hashjoin", "mergejoin", "hashagg", "sort", "material"]:
                inner.execute(text(f"set local enable_{way} = off"))
            assert len(take_along(inner, Job.SEARCH_WAKE, most=3)) == 3

        assert len(owed()) == 6

    def test_leaves_them_in_the_queue_if_its_transaction_fails(self, session):
        with Session.begin() as inner:
            enqueue(inner, Job.SEARCH_WAKE, load_id="1")

        def take_and_fail():
            with Session.begin() as inner:
                taken = take_along(inner, Job.SEARCH_WAKE, most=3)
                raise ConnectionError(taken)

        with pytest.raises(ConnectionError, match="'load_id': '1'"):
            take_and_fail()

        assert [job.args["load_id"] for job in owed()] == ["1"]

    def test_takes_none_that_another_one_has(self, committed):
        with Session.begin() as inner:
            enqueue_each(inner, Job.SEARCH_WAKE, [{"load_id": "1"}, {"load_id": "2"}])

        with Session.begin() as one, Session.begin() as other:
            first = take_along(one, Job.SEARCH_WAKE, most=1)
            assert take_along(other, Job.SEARCH_WAKE, most=2) == [{"load_id": "2"}]

        assert first == [{"load_id": "1"}]
        assert owed() == []


def test_a_fetch_reads_few_rows_when_many_jobs_came_at_once(database_url):
    read = (
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables"
        " where relname = 'procrastinate_jobs' and schemaname like 'pg_temp%'"
    )
    # A copy, so that its size and statistics are those of a queue that was empty.
    copy = (
        "create temporary table procrastinate_jobs"
        " (like public.procrastinate_jobs including all) on commit drop"
    )
    put_jobs = (
        "insert into procrastinate_jobs (queue_name, task_name, priority)"
        " select 'match', 'search.run', 5 from generate_series(1, %s)"
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(copy)
        connection.execute(put_jobs, [1])
        connection.execute("analyze procrastinate_jobs")
        for _ in range(6):
            # From the sixth time on, PostgreSQL keeps the plan.
            connection.execute(queries["fetch_job"], NOBODY)
        connection.execute(put_jobs, [JOBS])
        (first,) = connection.execute(
            "select min(id) from procrastinate_jobs where status = 'todo'"
        ).fetchone()
        (before,) = connection.execute(read).fetchone()

        taken, *_ = connection.execute(queries["fetch_job"], NOBODY).fetchone()

        (after,) = connection.execute(read).fetchone()
    assert after - before <= 3 * JOBS
    assert taken == first
