"""The worker's loop: run jobs until told to stop, through restarts of the database."""

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg import AsyncConnection, Error, OperationalError

GRACE_S = 30
POLL_S = 2
ANSWER_S = 5.0
"""How long the queue waits for a connection before it calls the database lost."""

PAUSE_S = 1.0

MOST_CONNECTIONS = 9
"""Of the queue's own pool: a queue listens on one each, statements use the others."""

FEW = 2
"""The most letters, and the most jobs of upkeep, that one process does at a time."""

WAKERS = 1
"""How many jobs of loads that came one process does at a time. There may be thousands,
and a process runs one thread at a time: with two, pushes for them took twice as long,
and the searches after drops share the process with all of them."""

LOST = (ConnectorException, Error)

Lost = Callable[[str], None]


class WorkerConnector(PsycopgConnector):
    """A connector that says when a statement was lost with its connection.

    procrastinate's worker goes on if it could not record that a job is done. Its
    heartbeats go on as well, so that job would never count as stalled.
    """

    def __init__(self, conninfo: str, options: str) -> None:
        super().__init__(
            conninfo=conninfo,
            kwargs={"options": options},
            max_size=MOST_CONNECTIONS,
            timeout=ANSWER_S,
        )
        self.conninfo = conninfo
        self.lost = asyncio.Event()

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:  # noqa: ANN401
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if isinstance(error.__cause__, OperationalError):
                self.lost.set()
            raise


def make_worker_app(
    conninfo: str, *, role: str, lock_timeout_ms: int, statement_timeout_ms: int
) -> App:
    """Return the app of a worker that works as this database role; connects later.

    lock_timeout_ms: how long its connections wait for one lock.
    statement_timeout_ms: how long one statement of the queue may take.
    """
    options = (
        f"-c role={role} -c lock_timeout={lock_timeout_ms}"
        f" -c statement_timeout={statement_timeout_ms}"
    )
    return App(connector=WorkerConnector(conninfo, options))


def slots(concurrency: int) -> dict[str, int]:
    """Return how many jobs of each queue one process does at a time.

    Each queue has slots of its own, at least one, so that none waits for another: not
    for a mail server or a push provider that does not answer, and not for many jobs of
    a higher priority.

    concurrency: of all queues together; below 5 it counts as 5.
    """
    few = min(FEW, max(1, concurrency // 4))
    left = max(2, concurrency - 2 * few - WAKERS)
    match = left // 2
    return {
        "push": left - match,
        "match": match,
        "wake": WAKERS,
        "letters": few,
        "maint": few,
    }


def work(app: App, *, concurrency: int, on_lost: Lost) -> None:
    """Run jobs until SIGTERM or SIGINT; running jobs then get GRACE_S to finish.

    There is one worker of the queue for each name of `slots(concurrency)`.

    Losing the database does not end the process. Running jobs are finished; when the
    database answers again, new workers start under new names. Jobs that the old ones
    could not finish count as stalled, and are rescued like those of a dead worker.

    on_lost: called with the kind of error each time the database is lost.
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_work(app, concurrency, on_lost))


async def _work(app: App, concurrency: int, on_lost: Lost) -> None:
    assert isinstance(app.connector, WorkerConnector)
    lost, stopping = app.connector.lost, asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    shares = slots(concurrency)
    # asyncio's own has four threads more than cores: fewer than there are slots. Two
    # more are for what is no job: look-ups of names, and a handler on the event loop.
    loop.set_default_executor(ThreadPoolExecutor(sum(shares.values()) + 2))
    while not stopping.is_set():
        lost.clear()
        reason = "closed"
        try:
            async with app.open_async():
                await _run(app, shares, stopping, lost)
        except LOST as error:
            reason = type(error.__cause__ or error).__name__
        if not stopping.is_set():
            on_lost(reason)
            await _until_it_answers(app.connector.conninfo, stopping)


async def _run(
    app: App, shares: dict[str, int], stopping: asyncio.Event, lost: asyncio.Event
) -> None:
    """Work until asked to stop, a worker stops by itself, or a statement is lost."""
    working = [
        asyncio.create_task(
            app.run_worker_async(
                queues=[queue],
                name=queue,
                concurrency=number,
                delete_jobs="successful",
                shutdown_graceful_timeout=GRACE_S,
                fetch_job_polling_interval=POLL_S,
                install_signal_handlers=False,
            )
        )
        for queue, number in shares.items()
    ]
    ends = [asyncio.create_task(event.wait()) for event in (stopping, lost)]
    await asyncio.wait([*working, *ends], return_when=asyncio.FIRST_COMPLETED)
    # procrastinate's worker takes this as "stop": it finishes the running jobs first.
    for task in (*ends, *working):
        task.cancel()
    for outcome in await asyncio.gather(*working, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def _until_it_answers(conninfo: str, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            connection = await AsyncConnection.connect(
                conninfo, connect_timeout=round(ANSWER_S)
            )
        except Error:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), PAUSE_S)
        else:
            await connection.close()
            return
