"""The release before the newest revision, taken from the history, on today's schema.

Its real web and job processes play the day's core calls, alone and beside today's.
"""

import http.client
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from demo.fcm import FakeFcm
from local.processes import Processes, web_argv, worker_argv
from runtime import migrating
from runtime.config import UNLIMITED
from runtime.db import Session
from tests import market_day
from tests.over_http import HttpWorld
from tests.source import ROOT
from tests.tools import need
from tests.waiting import LONGEST_S, wait_until
from tests.web import free_port
from tests.world import World


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True
    )
    if done.returncode:
        # A checkout from an archive has no history, and a shallow one not all of it.
        pytest.skip(f"There is no history to take it from: {done.stderr.strip()}")
    return done.stdout.strip()


def commit_that_added(path: Path) -> str:
    """Return its hash, or nothing while the file is not committed.

    Of a file that came by a merge, the merge.
    """
    on_main = ("-1", "-m", "--first-parent", "--diff-filter=A", "--format=%H")
    return git("log", *on_main, "--", str(path))


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the last code that did not know the newest revision."""
    need("git")
    scripts = ScriptDirectory.from_config(migrating._config()).walk_revisions()
    paths = [Path(script.path).relative_to(ROOT) for script in scripts]
    added = [commit_that_added(path) for path in paths]
    if len(set(added)) == 1:
        # Before the first release, or where a shallow checkout begins after it.
        pytest.skip("One commit added every revision: there is no earlier release.")
    path = paths[0]
    commit = f"{added[0]}^" if added[0] else "HEAD"
    archive = tmp_path_factory.mktemp("previous") / "it.tar"
    git("archive", "--output", str(archive), commit)
    shutil.unpack_archive(archive, archive.parent, filter="data")
    assert not (archive.parent / path).exists()
    return archive.parent


@dataclass
class Wire:
    """Carries what `Caller` asks of a Flask test client to a real process."""

    port: int
    sent: int = field(default=0)

    def test_client(self) -> "Wire":
        return self

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def open(self, path: str, *, method: str, json: Any, headers: Any) -> "Heard":
        self.sent += 1
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_S)
        body = None if json is None else dumps(json)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            line.request(method, path, body, dict(headers) | kind)
            answer = line.getresponse()
            # Granian writes names in small letters; a dict minds.
            heard = dict(answer.headers) | {"ETag": answer.headers.get("ETag")}
            return Heard(answer.status, answer.read(), heard)
        finally:
            line.close()


@dataclass(frozen=True)
class Heard:
    """An answer, as a Flask test client returns it."""

    status_code: int
    data: bytes
    headers: dict[str, str | None]


@contextmanager
def running(
    cwd: Path, argv: list[str], log: Path, env: dict[str, str]
) -> Iterator[Any]:
    """Run a program of a checkout there; it must still run at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, cwd=cwd, env=os.environ | env, stdout=output, stderr=output
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(LONGEST_S)


@pytest.mark.parametrize(
    ("web", "job_process"),
    [("previous", "previous"), ("previous", "today"), ("today", "previous")],
)
def test_the_previous_release_runs_on_todays_schema(
    web: str,
    job_process: str,
    committed: World,
    previous: Path,
    database_url: str,
    tmp_path: Path,
) -> None:
    where = {"previous": previous, "today": ROOT}
    port = free_port()
    with ExitStack() as stack:
        fcm = stack.enter_context(FakeFcm())
        env = {
            "DATABASE_URL": database_url,
            "DATA_DIR": committed.settings.DATA_DIR,
            "FCM_SERVICE_ACCOUNT": dumps(fcm.service_account),
            "FCM_BASE_URL": fcm.url,
            **UNLIMITED,
        }
        argv = web_argv("127.0.0.1", port, 1)
        for name, place, command in (
            ("web", where[web], argv),
            ("worker", where[job_process], worker_argv()),
        ):
            log = tmp_path / f"{name}.log"
            stack.enter_context(running(place, command, log, env))
        Processes().wait_for(f"http://127.0.0.1:{port}/readyz", LONGEST_S)
        wire = Wire(port)
        world = HttpWorld(wire, committed.keys, committed.settings)  # type: ignore[arg-type]

        day = market_day.play(world, lambda: wait_until(_all_is_done, "the jobs"))

        assert day.override["kind"] == "reassign"
        wait_until(lambda: len(fcm.received) >= 4, "the pushes")
        assert wire.sent > 30
    for name in ("web", "worker"):
        assert "Traceback" not in (tmp_path / f"{name}.log").read_text()


def _all_is_done() -> bool:
    due = text(
        "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
        " and queue_name <> 'maint'"
        " and (scheduled_at is null or scheduled_at <= now())"
    )
    with Session() as session:
        return session.scalar(due) == 0
