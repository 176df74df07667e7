"""API4, unrestricted resource consumption: all that a client sends has a limit, and
each limit accepts n and refuses n + 1."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import pytest
from flask import Flask

from api.kernel.bodies import MOST_ITEMS
from runtime.config import Settings
from tests.owasp.operations import Operation, document, guarded, operations
from tests.owasp.proofs import missing
from tests.source import ROOT, files, layer
from tests.world import NEWARK, Answer, Caller, World

BODIES = "api/kernel/test_bodies.py::"
LIMITS = "api/kernel/test_limits.py::"

PROOFS = {
    # Settings.
    "MAX_BODY_BYTES": BODIES + "TestSize::test_a_body_has_a_limit",
    "STATEMENT_TIMEOUT_S": BODIES + "TestTime::test_a_slow_statement_is_cut_off",
    "LIMIT_PERSON_PER_MIN": LIMITS + "TestPeople::test_have_a_quota_of_their_own",
    "LIMIT_DEVICE_PER_MIN": LIMITS
    + "TestPeople::test_two_devices_of_one_person_are_counted_apart",
    "LIMIT_ADDRESS_PER_MIN": LIMITS
    + "TestAddresses::test_are_limited_without_a_sign_in",
    "LIMIT_LISTS_PER_MIN": LIMITS + "TestPeople::test_lists_have_a_quota_of_their_own",
    "LIMIT_SEARCHES_PER_MIN": LIMITS
    + "TestPeople::test_searches_that_are_asked_for_have_a_quota_of_their_own",
    "LIMIT_ACCEPTS_PER_MIN": LIMITS
    + "TestPeople::test_acceptances_are_limited_for_each_driver",
    "LIMIT_BOOKINGS_PER_HOUR": LIMITS
    + "TestPeople::test_bookings_are_limited_for_each_company",
    "LIMIT_FIXES_PER_HOUR": "api/fleet/test_positions.py::TestTheFixesOfADriver"
    "::test_have_a_quota_of_their_own",
    "LIMIT_ADDRESS_AT_ONCE": "edges/test_adapter.py::TestTheThreads"
    "::test_an_address_has_n_requests_in_hand_and_no_more",
    "OFFERS_PER_DRIVER": "services/booking/test_answer.py::TestLimits"
    "::test_a_driver_has_at_most_n_open_offers",
    "OFFERS_PER_LOAD": "services/booking/test_answer.py::TestLimits"
    "::test_a_load_has_at_most_k_open_offers_and_the_next_driver_gets_the_next_best",
    # Constants of the web process and its use cases.
    "MOST_SEPARATORS": BODIES + "TestSize::test_a_body_has_a_limit_of_values",
    "MOST_SMALL_PARTS": "edges/test_reading.py::TestTheParts"
    "::test_a_body_in_crumbs_is_not_read_to_its_end",
    "MOST_DRAINED_BYTES": "edges/test_reading.py::TestTheSize"
    "::test_the_rest_of_a_large_body_is_read_for_a_while",
    "MOST_WAITING": "edges/test_threads.py::TestThreads"
    "::test_lets_so_many_wait_and_refuses_the_next",
    "LONGEST_WAIT_S": "edges/test_threads.py::TestThreads"
    "::test_refuses_those_who_waited_too_long",
    "MOST_CONNECTIONS": "edges/test_serving.py"
    "::test_a_process_accepts_as_many_connections_as_it_may_have_files",
    "MOST_HEADER_BUFFER_BYTES": "edges/test_web_process.py::TestHostileRequests"
    "::test_bytes_that_are_no_request_do_not_harm_the_process",
    "MOST_HEADER_BYTES": BODIES + "TestSize::test_the_headers_have_a_limit",
    "MOST_LEVELS": BODIES + "TestShape::test_nesting_has_a_limit",
    "MOST_ITEMS": BODIES + "TestShape::test_items_of_a_body_have_a_limit",
    "MOST_FIXES": BODIES + "TestShape::test_fixes_of_a_batch_have_a_limit",
    "MOST_PHONES": "api/people/test_devices.py::TestRegister"
    "::test_pushes_go_to_the_ten_phones_that_registered_last",
    "MOST_TARGET": "api/people/test_devices.py::TestRegister"
    "::test_the_longest_target_fits_the_index",
    "MOST_AREAS": "api/fleet/test_areas.py::TestRoom"
    "::test_a_company_has_a_limit_of_shared_areas",
    "MOST_VERTICES": "api/fleet/test_areas.py::TestRoom"
    "::test_all_areas_of_one_driver_fit_into_a_search",
    "MOST_FAILURES": "api/people/test_lockouts.py::TestLock"
    "::test_five_failures_lock_for_15_minutes_also_the_right_password",
    "LONGEST_PROOF": "api/people/test_phone_keys.py::TestAProof"
    "::test_may_be_as_long_as_it_says",
    "MOST_USED_PROOFS": "api/people/test_phone_keys.py::TestAPhoneWithAKey"
    "::test_has_many_proofs_remembered",
    "LONGEST_CURSOR": "owasp/test_api04_resource_consumption.py"
    "::test_every_text_of_a_query_may_be_n_long_and_no_longer",
}
"""limit -> the test that sends n and n + 1 of it."""

OF_A_CLIENT = re.compile(
    r"^(MOST|MAX|LONGEST)_|_(PER_MIN|PER_HOUR|AT_ONCE)$|^OFFERS_PER_|_TIMEOUT_S$"
)
NO_CLIENT_S = {
    # They limit the search's arithmetic and our own requests to other servers.
    *("MAX_DEADHEAD_MI", "MAX_DETOUR_MI", "PUSH_TIMEOUT_S", "SMTP_TIMEOUT_S"),
}


def constants() -> set[str]:
    """Return the limits that api, services and edges name at module level."""
    return {
        target.id
        for path in files()
        if layer(path) in {"api", "services", "edges"}
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and OF_A_CLIENT.search(target.id)
    }


def test_every_limit_that_has_a_name_has_its_test() -> None:
    settings = {
        setting.name for setting in fields(Settings) if OF_A_CLIENT.search(setting.name)
    }

    assert settings - NO_CLIENT_S | constants() == set(PROOFS)
    assert missing(*PROOFS.values()) == []
    page = (ROOT / "docs" / "SETTINGS.md").read_text()
    assert [name for name in settings if f"| `{name}` |" not in page] == []


@dataclass(frozen=True)
class Bounded:
    """A text or a list of a request, its place in the body, and its greatest length."""

    operation: Operation
    steps: tuple[str, ...]
    kind: str
    most: int | None
    is_closed: bool
    words: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        return "#/" + "/".join(self.steps)

    def body(self, size: int) -> Any:
        """Return a body with only this text or list, of the given length."""
        inner: Any = "x" * size
        if self.kind == "array":
            inner = [self._item()] * size
        for step in reversed(self.steps):
            inner = [inner] if step == "0" else {step: inner}
        return inner

    def _item(self) -> Any:
        """Return a valid entry: the length is checked only if every entry is valid."""
        return self.words[0] if self.words else ITEMS[self.steps[-1]]


STOP = {"kind": "delivery", "lat": 40.7, "lon": -74.1, "zone": "America/New_York"}
STOP |= {
    "window_from": "2026-11-23T08:00:00Z",
    "window_until": "2026-11-24T08:00:00Z",
}
ITEMS: dict[str, Any] = {
    "stops": STOP,
    "references": {"qualifier": "PO", "value": "1"},
    "fixes": {},
    "opening_hours": {"days": ["mon"], "from": "08:00", "until": "16:00"},
    "preferences": {"kind": "no_nights", "cents": 1},
    "countries": "US",
}


def parts(app: Flask) -> Iterator[Bounded]:
    """Yield the texts and lists of all bodies.

    Not those of a drawing: its lists have one limit together, MAX_VERTICES, which
    tests/api/kernel/test_bodies.py tests.
    """
    schemas = document(app)["components"]["schemas"]
    for operation in operations(app):
        if operation.body:
            for part in _parts(schemas, operation, schemas[operation.body], ()):
                if part.steps[0] != "geometry":
                    yield part


def _parts(
    schemas: Any, operation: Operation, schema: Any, steps: tuple[str, ...]
) -> Iterator[Bounded]:
    schema = _resolved(schemas, schema)
    for way in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(way, []):
            yield from _parts(schemas, operation, inner, steps)
    kinds = schema.get("type") or []
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "string" in kinds:
        is_closed = bool({"enum", "const", "format", "pattern"} & set(schema))
        most = schema.get("maxLength")
        yield Bounded(operation, steps, "string", most, is_closed)
    if "array" in kinds:
        words = tuple(_resolved(schemas, schema["items"]).get("enum", ()))
        most = schema.get("maxItems")
        yield Bounded(operation, steps, "array", most, False, words)
        yield from _parts(schemas, operation, schema["items"], (*steps, "0"))
    for name, inner in schema.get("properties", {}).items():
        yield from _parts(schemas, operation, inner, (*steps, name))


def _resolved(schemas: Any, schema: Any) -> Any:
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def test_no_request_has_a_text_or_a_list_without_a_limit(app: Flask) -> None:
    found = list(parts(app))

    endless = [
        (str(part.operation), part.pointer)
        for part in found
        if part.most is None and not part.is_closed
    ]

    assert endless == []
    assert len(found) > 100


@pytest.fixture
def everybody(world: World) -> dict[frozenset[str], Caller]:
    """A caller for each permission, by the set of permissions the caller has."""
    callers = [
        world.company(),
        world.shipper(),
        world.driver(world.company(), device=None),
    ]
    granted = {
        frozenset(caller.get("/v1/me")["permissions"]): caller for caller in callers
    }
    return granted | {frozenset(): Caller(world.app, "")}


@pytest.fixture
def own_load(world: World, everybody: dict[frozenset[str], Caller]) -> dict[str, str]:
    """The id of a load of the caller who asks for the lists of a load."""
    poster = next(
        who for granted, who in everybody.items() if "loads:cancel" in granted
    )
    return {"load_id": world.load(poster, NEWARK)["id"]}


def ask(
    everybody: dict[frozenset[str], Caller],
    operation: Operation,
    body: Any,
    query: str = "",
    **ids: str,
) -> Answer:
    caller = next(
        member for granted, member in everybody.items() if operation.scopes <= granted
    )
    path = operation.with_any_id(**ids) + query
    return caller.call(operation.method, path, body, If_Match='"1"')


def pointers(answer: Answer) -> set[str]:
    errors = (answer.body or {}).get("errors", [])
    return {
        error["pointer"]
        for error in errors
        if re.search(r"[Ll]ength|Longer|Shorter", error["detail"])
    }


def test_every_text_and_list_of_a_body_may_be_n_long_and_no_longer(
    app: Flask, everybody: dict[frozenset[str], Caller]
) -> None:
    tried = 0

    for part in parts(app):
        # More entries than a body may have; PROOFS names the test of the fixes.
        if part.most is None or (part.kind == "array" and part.most >= MOST_ITEMS):
            continue
        at_n, beyond = (
            ask(everybody, part.operation, part.body(part.most + over))
            for over in (0, 1)
        )
        where = (str(part.operation), part.pointer, part.most)
        assert beyond.status == 422, where
        assert part.pointer in pointers(beyond), (where, beyond.body)
        assert part.pointer not in pointers(at_n), (where, at_n.body)
        tried += 1

    assert tried > 60


def queries(app: Flask, name: str) -> list[Operation]:
    return [
        operation
        for operation in guarded(app)
        if any(
            (p["in"], p["name"]) == ("query", name)
            for p in operation.spec.get("parameters", [])
        )
    ]


def test_every_list_gives_at_most_200_at_once(
    app: Flask, everybody: dict[frozenset[str], Caller], own_load: dict[str, str]
) -> None:
    lists = queries(app, "limit")
    paged = {
        operation
        for operation in guarded(app)
        if operation.method == "GET" and "cursor" in str(operation.spec)
    }
    assert {str(operation) for operation in lists} == {
        str(operation) for operation in paged
    }
    assert len(lists) > 10

    for operation in lists:
        outcomes = {
            n: ask(everybody, operation, None, f"?limit={n}", **own_load).status
            for n in (0, 1, 200, 201)
        }
        assert outcomes == {0: 422, 1: 200, 200: 200, 201: 422}, str(operation)


def test_every_text_of_a_query_may_be_n_long_and_no_longer(
    app: Flask, everybody: dict[frozenset[str], Caller], own_load: dict[str, str]
) -> None:
    tried = 0

    for operation in guarded(app):
        for parameter in operation.spec.get("parameters", []):
            schema = parameter["schema"]
            if parameter["in"] != "query" or "string" not in schema.get("type", []):
                continue
            if {"enum", "format"} & set(schema):
                continue
            name, most = parameter["name"], schema["maxLength"]
            at_n, beyond = (
                ask(
                    *(everybody, operation, None, f"?{name}={'x' * (most + over)}"),
                    **own_load,
                )
                for over in (0, 1)
            )
            assert beyond.status == 422, (str(operation), name)
            assert at_n.code == "cursor-invalid", (str(operation), name, at_n.body)
            tried += 1

    assert tried > 10


def test_an_idempotency_key_may_be_255_long_and_no_longer(
    app: Flask, everybody: dict[frozenset[str], Caller]
) -> None:
    keyed = [
        operation
        for operation in guarded(app)
        if any(
            p["name"] == "Idempotency-Key" for p in operation.spec.get("parameters", [])
        )
    ]
    assert keyed

    for operation in keyed:
        caller = next(
            who for granted, who in everybody.items() if operation.scopes <= granted
        )
        codes = []
        for size in (255, 256):
            key = {"Idempotency_Key": "k" * size}
            answer = caller.post(operation.with_any_id(), {}, **key)
            codes.append(
                str((answer.body or {}).get("code")) == "idempotency-key-missing"
            )
        assert codes == [False, True], str(operation)
