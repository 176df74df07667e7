"""Limits of size (STYLE 1.5), and rules of style that ruff does not check."""

import ast
import re
from pathlib import Path
from statistics import median

import pytest

from tests import sizes
from tests.source import ROOT, files, layer, nodes, suite, tree

each_file = pytest.mark.parametrize("path", sizes.measured(), ids=str)

TALK_TO_A_PERSON = {"demo", "bench", "cli"}

LIMITED_SUBQUERY = re.compile(
    r"""
    \b in \s* \( \s* select \b
    (?: [^()] | \( (?: [^()] | \( [^()]* \) )* \) )*?
    \b limit \b
    """,
    re.VERBOSE,
)

LONG_FOR_A_REASON = {
    "freight/lifecycles.py:_load_moves": "one table, a row for each move",
}
"""`file:function` -> why it may be longer than the limit."""


@pytest.mark.parametrize("path", [*sizes.measured(), *suite()], ids=str)
def test_a_file_fits_one_reading(path: Path) -> None:
    assert sizes.lines(path) <= sizes.MOST_LINES


@each_file
def test_a_function_fits_one_screen(path: Path) -> None:
    long = [
        f"{function.name} has {function.lines} lines"
        for function in sizes.functions(path)
        if function.lines > sizes.MOST_FUNCTION_LINES
        and f"{path}:{function.name}" not in LONG_FOR_A_REASON
    ]

    assert long == []


def test_most_functions_are_short() -> None:
    lengths = [
        function.lines
        for path in sizes.measured()
        for function in sizes.functions(path)
    ]

    assert median(lengths) <= sizes.MOST_FUNCTION_MEDIAN
    assert sizes.p95(lengths) <= sizes.MOST_FUNCTION_P95


def test_the_table_has_a_line_for_each_folder() -> None:
    table = sizes.table().splitlines()

    assert {"api", "geo", "freight", "services", "root", "all"} <= {
        line.split()[0] for line in table
    }


@each_file
def test_a_constant_has_one_value(path: Path) -> None:
    """A second one, as a merge may leave it, would silently win."""
    bound = [
        target.id
        for block in tree(path).body
        if isinstance(block, ast.Assign)
        for target in block.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    ]

    assert sorted(bound) == sorted(set(bound))


def test_a_module_begins_with_a_docstring() -> None:
    silent = [p for p in sizes.measured() if not ast.get_docstring(tree(p))]

    assert silent == []


@each_file
def test_public_functions_of_the_inner_rooms_have_a_docstring(path: Path) -> None:
    if layer(path) not in {"services", "geo", "freight", "jobs", "notifications"}:
        return
    silent = [
        node.name
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]

    assert silent == []


def test_only_modules_for_a_terminal_print() -> None:
    prints = [
        f"{path}:{node.lineno}"
        for path in [*files(), *suite()]
        if layer(path) not in TALK_TO_A_PERSON
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"print", "pprint"}
    ]

    assert prints == []


def test_an_ignored_rule_is_named() -> None:
    """A bare `noqa` or `type: ignore` would also hide later errors."""
    bare = [
        f"{path}:{number}"
        for path in [*files(), *suite()]
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if line.rstrip().endswith(("# " + "noqa", "# type: " + "ignore"))
    ]

    assert bare == []


@each_file
def test_rows_are_chosen_once(path: Path) -> None:
    """`in (select ... limit)` may be run for each row, and finds others each time."""
    again = LIMITED_SUBQUERY.findall((ROOT / path).read_text())

    assert again == []


@pytest.mark.parametrize(
    "condition",
    [
        "a < now() order by id limit 3",
        "a < {NOW}\n    limit :most for update skip locked",
        "coalesce(a, now()) <= now() limit 3",
    ],
)
def test_a_subquery_with_a_limit_is_found(condition: str) -> None:
    statement = (
        f"delete from jobs where id in (\n select id from jobs where {condition})"
    )

    assert LIMITED_SUBQUERY.findall(statement)


def test_no_variable_is_named_it() -> None:
    """A noun says what it is."""
    named = [
        f"{path}:{node.lineno}"
        for path in [*files(), *suite()]
        for node in nodes(path)
        if (isinstance(node, ast.Name) and node.id == "it")
        or (isinstance(node, ast.arg) and node.arg == "it")
    ]

    assert named == []


HE = re.compile(r"\b(?:he|his|him|himself|whoever)\b", re.I)
PAPERS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
"""The change log too: what is not released may still be said in better words."""


def test_people_are_they() -> None:
    texts = [*(ROOT / path for path in [*files(), *suite()]), *PAPERS]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in texts
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if HE.search(line)
    ]

    assert found == []
