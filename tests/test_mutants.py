"""Each hole can still be opened, and whether one was noticed is told truly."""

import ast
from pathlib import Path

import pytest

from tests.mutants import ROOT, DoesNotApply, Mutant
from tests.mutants.__main__ import Run, main, run_tests
from tests.mutants.everything import MUTANTS

each = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it.name)


def named(path: Path) -> set[str]:
    """Return `Class`, `Class::test` and `test` of all there are in the file."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            tests = [it for it in node.body if isinstance(it, ast.FunctionDef)]
            found |= {f"{node.name}::{it.name}" for it in tests}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


class TestEachMutant:
    @each
    def test_still_changes_one_place_into_python(
        self, mutant: Mutant, tmp_path: Path
    ) -> None:
        copy = tmp_path / mutant.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        before = (ROOT / mutant.file).read_text()
        copy.write_text(before)

        mutant.apply(tmp_path)

        assert copy.read_text() != before
        ast.parse(copy.read_text())

    @each
    def test_names_tests_that_there_are(self, mutant: Mutant) -> None:
        for test in mutant.tests:
            path, _, name = test.partition("::")
            assert (ROOT / path).is_file(), test
            assert not name or name in named(ROOT / path), test

    def test_has_a_name_of_its_own(self) -> None:
        assert len({it.name for it in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("text", ["", "a\na\n"])
def test_what_is_not_there_once_is_not_changed(text: str, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(text)

    with pytest.raises(DoesNotApply, match=r"in it\.py"):
        Mutant("x", "it.py", "a", "b", ()).apply(tmp_path)

    assert (tmp_path / "it.py").read_text() == text


class TestRunTests:
    @pytest.mark.parametrize(
        ("body", "failed", "trouble"),
        [
            ("def test_it(): pass", "", ""),
            ("def test_it(): assert 1 == 2", "test_x.py::test_it", ""),
            ("def test_it(nothing): pass", "", "ERROR test_x.py::test_it"),
            ("import nothing_of_this_name", "", "pytest ended with"),
            ("", "", "pytest ended with 5"),
        ],
    )
    def test_tells_a_judgement_from_trouble(
        self, body: str, failed: str, trouble: str, tmp_path: Path
    ) -> None:
        (tmp_path / "test_x.py").write_text(body)

        run = run_tests(tmp_path, ["test_x.py"])

        assert run.failed == failed
        assert trouble in run.trouble
        assert (run == Run()) is (body == "def test_it(): pass")


def test_an_unknown_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-hole"]) == 2
    assert capsys.readouterr().err == "No mutant is called no-such-hole.\n"
