"""The worker's loop: run jobs until told to stop, through restarts of the database."""

import asyncio
import signal
from collections.abc import Callable
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
LOST = (ConnectorException, Error)

Lost = Callable[[str], None]


class WorkerConnector(PsycopgConnector):
    """A connector that says when a statement was lost with its connection.

    procrastinate's worker goes on if it could not record that a job is done. Its
    heartbeats go on as well, so that job would never count as stalled.
    """

    def __init__(self, conninfo: str, role: str, lock_timeout_ms: int) -> None:
        options = f"-c role={role} -c lock_timeout={lock_timeout_ms}"
        super().__init__(
            conninfo=conninfo, kwargs={"options": options}, timeout=ANSWER_S
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


def make_worker_app(conninfo: str, *, role: str, lock_timeout_ms: int) -> App:
    """Return the app of a worker that works as this database role; connects later.

    lock_timeout_ms: how long its connections wait for one lock.
    """
    return App(connector=WorkerConnector(conninfo, role, lock_timeout_ms))


def work(app: App, *, concurrency: int, on_lost: Lost) -> None:
    """Run jobs until SIGTERM or SIGINT; running jobs then get GRACE_S to finish.

    Losing the database does not end the process. Running jobs are finished; when the
    database answers again, a new worker starts under a new name. Jobs that the old one
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
    while not stopping.is_set():
        lost.clear()
        reason = "closed"
        try:
            async with app.open_async():
                await _run(app, concurrency, stopping, lost)
        except LOST as error:
            reason = type(error.__cause__ or error).__name__
        if not stopping.is_set():
            on_lost(reason)
            await _until_it_answers(app.connector.conninfo, stopping)


async def _run(
    app: App, concurrency: int, stopping: asyncio.Event, lost: asyncio.Event
) -> None:
    """Work until asked to stop, the worker stops by itself, or a statement is lost."""
    working = asyncio.create_task(
        app.run_worker_async(
            concurrency=concurrency,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_S,
            fetch_job_polling_interval=POLL_S,
            install_signal_handlers=False,
        )
    )
    ends = [asyncio.create_task(event.wait()) for event in (stopping, lost)]
    await asyncio.wait([working, *ends], return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    # procrastinate's worker takes this as "stop": it finishes the running jobs first.
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


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
