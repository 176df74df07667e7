"""`make run` for a new user, and the README's commands in a second terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.source import ROOT
from tests.tools import need
from tests.waiting import LONGEST_S, wait_until
from tests.web import free_port

pytestmark = pytest.mark.process

BACKHAUL = Path(sys.executable).with_name("backhaul")
README_LINES = re.compile(r"```sh\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of both terminals; it names no database."""
    given = {"DATABASE_URL", "DATABASE_URL_FILE", "PUSH", "HOST"}
    folder = tmp_path_factory.mktemp("run")
    return {name: text for name, text in os.environ.items() if name not in given} | {
        "BACKHAUL_DATA_DIR": str(folder / "postgres"),
        "DATA_DIR": str(folder / "keys"),
        "PORT": str(free_port()),
    }


def text_of(log: IO[str]) -> str:
    return Path(log.name).read_text()


@pytest.fixture(scope="module")
def running(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `backhaul run`; yield its process and the output until it was ready."""
    with (tmp_path_factory.mktemp("log") / "run.log").open("w") as log:
        process = subprocess.Popen(
            [BACKHAUL, "run"], env=environment, stdout=log, stderr=log, text=True
        )
        try:
            wait_until(
                lambda: "listens" in text_of(log) or process.poll() is not None,
                "the address it listens on",
            )
            assert process.poll() is None, text_of(log)
            yield process, text_of(log)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(LONGEST_S)
    assert code == 0
    assert "Traceback" not in text_of(log)


def backhaul(
    environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BACKHAUL, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        # From anywhere, not only from the checkout.
        cwd=Path(environment["BACKHAUL_DATA_DIR"]).parent,
    )


def test_it_says_where_it_listens_and_where_pushes_go(
    environment: dict[str, str], running: tuple[subprocess.Popen[str], str]
) -> None:
    _, said = running

    assert f"Backhaul listens on http://127.0.0.1:{environment['PORT']}:" in said
    assert "PUSH=console: pushes are printed" in said


def test_the_lines_of_the_readme_give_a_company_an_admin_and_a_load(
    environment: dict[str, str], running: tuple[subprocess.Popen[str], str]
) -> None:
    # The lines use it.
    need("curl")
    (lines,) = README_LINES.findall((ROOT / "README.md").read_text())
    assert ".venv/bin/backhaul" in lines
    assert "http://127.0.0.1:8000;" in lines
    lines = lines.replace(":8000;", f":{environment['PORT']};")
    # The path of the checkout may contain a space.
    lines = lines.replace(".venv/bin/", "")
    path = f"{BACKHAUL.parent}{os.pathsep}{environment['PATH']}"

    done = subprocess.run(
        ["/bin/sh", "-euc", lines],
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )

    assert done.returncode == 0, done.stderr
    company, load = done.stdout.split("\n", 1)
    assert re.fullmatch(r"Company \S+, admin \S+\.", company)
    posted = json.loads(load)
    assert (posted["status"], posted["price_cents"]) == ("posted", 210000)


def test_any_command_finds_its_database(
    environment: dict[str, str], running: tuple[subprocess.Popen[str], str]
) -> None:
    done = backhaul(environment, "audit", "verify")

    assert done.returncode == 0, done.stderr
    assert "0 faults" in done.stdout


def test_a_second_one_is_told_that_the_port_is_taken(
    environment: dict[str, str], running: tuple[subprocess.Popen[str], str]
) -> None:
    done = backhaul(environment, "run")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"port {environment['PORT']} (" in done.stderr
    assert "set PORT" in done.stderr
    assert running[0].poll() is None


def test_an_invalid_port_is_one_sentence(environment: dict[str, str]) -> None:
    for command in (["run"], ["web"]):
        done = backhaul(environment | {"PORT": "http"}, *command)

        assert (done.returncode, done.stdout) == (2, "")
        assert "http" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_options_of_web_need_no_database(environment: dict[str, str]) -> None:
    done = backhaul(environment, "web", "--help")

    assert done.returncode == 0
    assert "--workers-kill-timeout" in done.stdout


def test_without_it_a_command_says_in_one_sentence_how_to_start_one(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nothing_runs = environment | {"BACKHAUL_DATA_DIR": str(tmp_path / "nothing")}

    done = subprocess.run(
        [BACKHAUL, "audit", "verify"],
        env=nothing_runs,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "start `make run` in another terminal" in done.stderr
