"""A noun's rows are read through its scope function (`visible_...`, `market_loads`).

A query elsewhere needs a comment `# scope: why` in its function. A module in which only
the server acts may have that comment before its first import.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import Row
from tests.source import ROOT, files, layer

DOOR = re.compile(r"^(visible_\w+|market_loads)$")
ESCAPE = re.compile(r"# scope: \S.{5}")

NOBODYS = {"rate_limits", "sign_in_failures", "periodic_runs"}
"""Tables whose rows belong to no company."""
MODELS = {
    mapper.class_.__name__
    for mapper in Row.registry.mappers
    if mapper.local_table.name not in NOBODYS  # type: ignore[attr-defined]
}
TABLES = re.compile(
    r"\b(?:from|join|update|into)\s+\"?("
    + "|".join(set(Row.metadata.tables) - NOBODYS)
    + r")\b",
    re.I,
)


def queries(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that read or change rows: ORM, SQL expressions and text."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else name
        if name in {"select", "update", "delete", "get", "get_one", "exists"}:
            named = {n.id for arg in call.args for n in ast.walk(arg) if _is_name(n)}
            if named & MODELS:
                yield call
        elif name == "text" and TABLES.search(ast.unparse(call.args[0])):
            yield call


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def bypasses(source: str) -> list[tuple[int, str]]:
    """Return (line, function) of each query outside of a scope without a reason."""
    module = ast.parse(source)
    lines = source.splitlines()
    first_import = next(
        (n.lineno for n in module.body if isinstance(n, ast.Import | ast.ImportFrom)), 1
    )
    if any(ESCAPE.search(line) for line in lines[: first_import - 1]):
        return []
    found = []
    for top in module.body:
        for unit in _units(top):
            start = min([unit.lineno, *(d.lineno for d in _decorators(unit))])
            text = lines[max(0, start - 2) : unit.end_lineno]
            is_door = isinstance(unit, ast.FunctionDef) and DOOR.match(unit.name)
            if not is_door and not any(ESCAPE.search(line) for line in text):
                name = getattr(unit, "name", "module")
                found += [(call.lineno, name) for call in queries(unit)]
    return found


def _decorators(unit: ast.stmt) -> list[ast.expr]:
    return getattr(unit, "decorator_list", [])


def _units(top: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the functions, methods of classes, and other statements of a module."""
    if isinstance(top, ast.ClassDef):
        for inner in top.body:
            yield from _units(inner)
    else:
        yield top


SEARCHED = [
    path
    for path in files()
    if layer(path) in {"services", "api", "notifications", "jobs"}
]


@pytest.mark.parametrize("path", SEARCHED, ids=str)
def test_a_query_starts_at_its_nouns_scope_or_says_why_not(path: Path) -> None:
    assert bypasses((ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    "query",
    [
        "session.scalars(select(Load).where(Load.id == 1))",
        "session.get(Offer, 1)",
        "session.execute(update(Driver).values(a=1))",
        "session.scalar(select(func.count()).select_from(Truck).where(exists(Truck.id)))",
        "session.execute(text('select id from members'))",
    ],
)
class TestTheLint:
    def test_finds_a_query_without_a_scope(self, query: str) -> None:
        assert len(bypasses(f"def f(session):\n    return {query}\n")) == 1

    def test_accepts_a_scope_or_a_reason(self, query: str) -> None:
        said = (
            f"def f(session):\n    # scope: the caller locked it\n    return {query}\n"
        )

        assert bypasses(said) == []
        assert bypasses(f"def visible_x(session):\n    return {query}\n") == []
        assert bypasses(f"# scope: the worker\nimport os\nX = {query}\n") == []

    def test_does_not_accept_an_empty_reason(self, query: str) -> None:
        assert bypasses(f"def f(session):\n    # scope:\n    return {query}\n") != []
