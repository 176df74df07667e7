"""In a run by several processes, the tests of the whole suite see what all saw."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import codes, workers
from tests.source import ROOT
from tests.waiting import LONGEST_S

pytestmark = pytest.mark.process

SEES = """
from time import sleep
from tests import codes

def test_a_code_is_seen():
    sleep({pause_s})
    codes.seen.add("{code}")
"""

JUDGES = """
from tests import codes

def test_the_whole_suite_saw_both(all_saw):
    assert {"seen-at-once", "seen-late"} <= codes.seen
    assert all_saw.is_dir()

def test_nothing_of_the_kind():
    assert "seen-at-once" not in codes.seen or "seen-late" not in codes.seen
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the suite in `folder` with our plugin for several processes."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    argv = [sys.executable, "-m", "pytest", "-rf", *options]
    argv += ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    return subprocess.run(
        [*argv, "--confcutdir", folder, "--rootdir", folder, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A suite of three files, each of which may go to another process."""
    at_once = SEES.format(pause_s=0, code="seen-at-once")
    late = SEES.format(pause_s=1.5, code="seen-late")
    (tmp_path / "test_a.py").write_text(JUDGES)
    (tmp_path / "test_b.py").write_text(late)
    (tmp_path / "test_c.py").write_text(at_once)
    return tmp_path


class TestWhatSumsUp:
    def test_has_what_every_process_saw(self, small: Path) -> None:
        ended = run(small, "-n", "2")

        assert ended.returncode == 0, ended.stdout
        assert "4 passed" in ended.stdout

    def test_fails_when_one_of_them_crashed(self, small: Path) -> None:
        (small / "test_c.py").write_text("import os\ndef test_it(): os._exit(1)\n")

        ended = run(small, "-n", "2")

        assert ended.returncode == 1
        assert "crashed: what it saw is lost" in ended.stdout

    def test_stops_waiting_after_a_time(self, tmp_path: Path) -> None:
        with pytest.raises(
            AssertionError, match="Never happened: gw1 says what it saw"
        ):
            workers.gather(tmp_path, ["gw1"], within_s=0)


class TestWhatIsSeen:
    def test_arrives_unchanged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = ("GET", "/v1/me", "not-promised")
        monkeypatch.setattr(codes, "unpromised", {told})
        workers.publish(tmp_path, "gw1")
        codes.unpromised.clear()

        workers.gather(tmp_path, ["gw1"])

        assert codes.unpromised == {told}


def test_examples_are_written_by_one_process(small: Path) -> None:
    refused = run(small, "-n", "2", "--write-examples")

    assert refused.returncode == 4
    assert "One process writes the examples" in refused.stderr
