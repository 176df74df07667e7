"""Each mutant still applies, and the judge of mutants gives true results."""

import ast
from pathlib import Path

import pytest

from tests.mutants import ROOT, DoesNotApply, Mutant
from tests.mutants.__main__ import judge, main
from tests.mutants.everything import MUTANTS

each = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def named(path: Path) -> set[str]:
    """Return all tests of the file, as `Class`, `Class::test` and `test`."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            tests = [test for test in node.body if isinstance(test, ast.FunctionDef)]
            found |= {f"{node.name}::{test.name}" for test in tests}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


class TestEachMutant:
    @each
    def test_still_changes_one_place_and_leaves_valid_python(
        self, mutant: Mutant, tmp_path: Path
    ) -> None:
        copy = tmp_path / mutant.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        before = (ROOT / mutant.file).read_text()
        copy.write_text(before)

        mutant.apply(tmp_path)

        assert copy.read_text() != before
        if copy.suffix == ".py":
            ast.parse(copy.read_text())

    @each
    def test_names_tests_that_exist(self, mutant: Mutant) -> None:
        for test in mutant.tests:
            path, _, name = test.partition("::")
            assert (ROOT / path).is_file(), test
            name, _, _ = name.partition("[")
            assert not name or name in named(ROOT / path), test

    def test_has_a_unique_name(self) -> None:
        assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("text", ["", "a\na\n"])
def test_a_text_that_is_not_there_exactly_once_is_not_changed(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "it.py").write_text(text)

    with pytest.raises(DoesNotApply, match=r"in it\.py"):
        Mutant("x", "it.py", "a", "b", ()).apply(tmp_path)

    assert (tmp_path / "it.py").read_text() == text


SURE = "def test_it(): pass"


@pytest.mark.process
class TestJudge:
    """The mutant changes a file that the test may or may not read."""

    @pytest.mark.parametrize(
        ("test", "result", "why"),
        [
            ("from it import A\ndef test_it(): assert A", "killed", "::test_it"),
            ("from it import A\n" + SURE, "survived", ""),
            ("from it import A\ndef test_it(x): assert A", "unjudged", "::test_it"),
            ("from it import A as B\nassert B\n" + SURE, "unjudged", "pytest ended"),
            ("", "unjudged", "pytest ended with 5"),
        ],
    )
    def test_tells_a_failed_test_from_one_that_could_not_run(
        self, test: str, result: str, why: str, tmp_path: Path
    ) -> None:
        (tmp_path / "it.py").write_text("A = 1\n")
        (tmp_path / "test_x.py").write_text(test)
        mutant = Mutant("x", "it.py", "1", "0", ("test_x.py",))

        found, said = judge(mutant, tmp_path, ())

        assert found == result
        assert why in said
        assert (tmp_path / "it.py").read_text() == "A = 1\n"

    @pytest.mark.parametrize(
        ("unfit", "result"),
        [("test_x.py::test_it[1]", "unjudged"), ("test_x.py::test_its", "killed")],
    )
    def test_a_test_that_fails_without_the_mutant_kills_no_mutant(
        self, unfit: str, result: str, tmp_path: Path
    ) -> None:
        (tmp_path / "it.py").write_text("A = 1\n")
        (tmp_path / "test_x.py").write_text("import it\ndef test_it(): assert it.A")
        mutant = Mutant("x", "it.py", "1", "0", ("test_x.py::test_it",))

        assert judge(mutant, tmp_path, (unfit,))[0] == result


def test_an_unknown_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-hole"]) == 2
    assert capsys.readouterr().err == "No mutant is called no-such-hole.\n"
