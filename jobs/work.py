"""The worker's life: work until told to stop, and outlive the database's restarts."""

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

    The queue's worker goes on after it could not write down that a job is done: its
    heart beats, so nobody would ever take that job for stalled.
    """

    def __init__(self, conninfo: str, role: str) -> None:
        super().__init__(
            conninfo=conninfo, kwargs={"options": f"-c role={role}"}, timeout=ANSWER_S
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


def make_worker_app(conninfo: str, *, role: str) -> App:
    """Return the app of a worker, which works as that database role."""
    return App(connector=WorkerConnector(conninfo, role))


def work(app: App, *, concurrency: int, on_lost: Lost) -> None:
    """Work until SIGTERM or SIGINT; jobs in hand get GRACE_S to end.

    A database that goes away ends nothing: jobs in hand are finished, then it is
    waited for and the worker begins anew, under a new name. What the old one could
    not finish is stalled, and is rescued like a dead worker's.

    on_lost: told the kind of error, each time.
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
    """Work until asked to stop, or until the queue's worker stops by itself."""
    working = asyncio.create_task(
        app.run_worker_async(
            concurrency=concurrency,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_S,
            fetch_job_polling_interval=POLL_S,
            install_signal_handlers=False,
        )
    )
    ends = [asyncio.create_task(it.wait()) for it in (stopping, lost)]
    await asyncio.wait([working, *ends], return_when=asyncio.FIRST_COMPLETED)
    for it in ends:
        it.cancel()
    # The queue's worker takes this for "stop": it ends the jobs in hand first.
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
