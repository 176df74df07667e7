"""A failed start prints one sentence that says what to do; its exit code is 2."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine

from edges.start import keyring
from local import create_database
from local.processes import worker_argv
from runtime import schema
from runtime.config import Settings
from runtime.db import (
    OLDEST_SERVER,
    DatabaseUnusable,
    check_schema,
    check_server,
    make_engine,
)
from runtime.errors import CannotStart
from tests.runtime.production import PRODUCTION
from tests.source import ROOT
from tests.waiting import LONGEST_S

WEB = [sys.executable, "wsgi.py", "--host", "127.0.0.1", "--port", "0"]
WORKER = worker_argv()
MIGRATE = [sys.executable, "cli.py", "migrate"]

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


def run(argv: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "PUSH"}}
    # No server listens on port 1.
    clean["BACKHAUL_DATA_DIR"] = "/dev/null/nothing"
    return subprocess.run(
        argv,
        cwd=ROOT,
        env=clean | {"PUSH": "console"} | environ,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the program's message, after checking that it is one line."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


@pytest.fixture(scope="module")
def empty_database(server_url: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    yield create_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.mark.process
class TestPrograms:
    def test_no_database_url(self) -> None:
        said = sentence(run(MIGRATE))

        assert said.startswith("DATABASE_URL is not set: set it, or start `make run`")

    def test_no_server(self) -> None:
        said = sentence(run(WEB, DATABASE_URL=NOBODY))

        assert said.startswith("No PostgreSQL answers at DATABASE_URL (")
        assert "Connection refused" in said

    def test_no_schema(self, empty_database: str) -> None:
        said = sentence(run(WORKER, DATABASE_URL=empty_database))

        assert said == (
            "The database schema is at nothing, this release needs"
            f" {schema.head()}: run `make migrate`."
        )

    def test_nonsense_settings(self) -> None:
        said = sentence(run(WEB, OFFER_TTL_S="soon", LOG_LEVEL="loud"))

        assert said.startswith("Settings: OFFER_TTL_S: ")
        assert "LOG_LEVEL: one of" in said

    def test_no_push_credentials(self) -> None:
        said = sentence(run(WORKER, DATABASE_URL=NOBODY, PUSH="fcm"))

        assert said.startswith("No push credentials: set FCM_SERVICE_ACCOUNT")

    def test_no_audit_signing_key_in_production(
        self, database_url: str, tmp_path: Path
    ) -> None:
        environ = {k: v for k, v in PRODUCTION.items() if k != "AUDIT_SIGNING_KEY"}
        environ |= {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}

        said = sentence(run(WORKER, **environ))

        assert said.startswith("AUDIT_SIGNING_KEY is not set: this command needs it")
        assert list(tmp_path.iterdir()) == []


class TestCheckServer:
    def test_our_server_is_new_enough(self, engine: Engine) -> None:
        check_server(engine)

    def test_an_older_server_is_refused(self, engine: Engine) -> None:
        assert OLDEST_SERVER == 160_000

        with pytest.raises(DatabaseUnusable) as caught:
            check_server(engine, oldest=990_000)

        said = str(caught.value)
        assert said.endswith("Backhaul needs 99 or newer, please upgrade it.")
        assert said.startswith("The PostgreSQL server is version 1")

    @pytest.mark.parametrize(
        ("tail", "words"),
        [
            ("?sslmode=sideways", "sslmode"),
            ("?nonsense=1", "nonsense"),
            ("_that_is_not_there", "does not exist"),
        ],
    )
    def test_any_other_fault_is_one_sentence(
        self, database_url: str, tail: str, words: str
    ) -> None:
        base, _, query = database_url.partition("?")
        if tail.startswith("?") and query:
            tail = f"?{query}&{tail[1:]}"
        elif query:
            tail = f"{tail}?{query}"
        engine = make_engine(Settings(DATABASE_URL=base + tail))

        with pytest.raises(DatabaseUnusable) as caught:
            check_server(engine)

        engine.dispose()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_password_is_not_repeated(self) -> None:
        url = "postgresql://u:canary@127.0.0.1:1/x"

        with pytest.raises(DatabaseUnusable) as caught:
            check_server(make_engine(Settings(DATABASE_URL=url)))

        assert "canary" not in str(caught.value)


class TestCheckSchema:
    def test_the_head_revision_passes(self, engine: Engine) -> None:
        check_schema(engine, schema.head())

    def test_another_revision_is_refused_and_both_are_named(
        self, engine: Engine
    ) -> None:
        with pytest.raises(DatabaseUnusable, match="this release needs next-year: run"):
            check_schema(engine, "next-year")


class TestKeyring:
    def test_development_keys_are_kept_and_private(self, tmp_path: Path) -> None:
        settings = Settings(DATA_DIR=str(tmp_path / "new" / "place"))

        first, second = keyring(settings), keyring(settings)

        assert (first.kid, first.refresh) == (second.kid, second.refresh)
        kept = sorted((tmp_path / "new" / "place").iterdir())
        assert [path.name for path in kept] == [
            "encryption.key",
            "jwt.pem",
            "refresh.key",
        ]
        assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}

    def test_given_keys_are_used_and_no_file_is_written(self, tmp_path: Path) -> None:
        made = Settings(DATA_DIR=str(tmp_path / "a"))
        keyring(made)
        pem = (tmp_path / "a" / "jwt.pem").read_text()
        given = Settings(
            DATA_DIR=str(tmp_path / "b"),
            JWT_PRIVATE_KEY=pem,
            REFRESH_KEY="r" * 32,
            ENCRYPTION_KEY="s" * 32,
        )

        assert keyring(given).kid == keyring(made).kid
        assert not (tmp_path / "b").exists()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"JWT_PRIVATE_KEY": "x"}, "JWT_PRIVATE_KEY is not a P-256"),
            ({"REFRESH_KEY": "x"}, "REFRESH_KEY is shorter than 32 characters"),
            ({"ENCRYPTION_KEY": "x"}, "ENCRYPTION_KEY is shorter than 32 characters"),
            ({"DATA_DIR": "/dev/null/x"}, "correct DATA_DIR"),
        ],
    )
    def test_unusable_keys_are_one_sentence(
        self, tmp_path: Path, changes: dict[str, str], words: str
    ) -> None:
        with pytest.raises(CannotStart) as caught:
            keyring(Settings(**{"DATA_DIR": str(tmp_path)} | changes))

        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
