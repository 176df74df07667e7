"""The SQL that makes the logins of web and worker on a new server of compose."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from local.store import _wheel
from tests.source import ROOT

LOGINS = ("backhaul_app", "backhaul_worker")


@pytest.fixture
def made(server_url: str, tmp_path: Path) -> Iterator[list[tuple[object, ...]]]:
    """What the server knows of the logins. They get other names, as the server has
    these already, and other tests use them."""
    text = (ROOT / "deploy/postgres/logins.sql").read_text()
    names = {login: f"login_{uuid4().hex[:12]}" for login in LOGINS}
    for login, name in names.items():
        assert f"create role {login} login" in text
        text = text.replace(f"create role {login}", f"create role {name}")
    for kind in ("app", "worker"):
        (tmp_path / f"{kind}_password").write_text(f"it's {kind}'s\n")
    (tmp_path / "logins.sql").write_text(text.replace("/run/secrets/", f"{tmp_path}/"))
    psql = _wheel() / "pginstall/bin/psql"
    try:
        subprocess.run(
            [psql, "--no-psqlrc", "--quiet", "-f", tmp_path / "logins.sql", server_url],
            check=True,
        )
        with psycopg.connect(server_url) as connection:
            yield connection.execute(
                "select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole,"
                " rolpassword like 'SCRAM-SHA-256$%%' from pg_authid"
                " where rolname = any(%s)",
                [list(names.values())],
            ).fetchall()
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            for name in names.values():
                connection.execute(f"drop role if exists {name}")


def test_the_logins_have_a_password_and_are_no_superusers(
    made: list[tuple[object, ...]],
) -> None:
    assert made == [(True, False, False, False, True)] * 2
