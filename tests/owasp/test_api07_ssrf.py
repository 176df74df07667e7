"""API7, server side request forgery: no client can make us request a URL."""

import ast
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from edges.pushing import DEFAULT_FCM_URL
from notifications.fcm import FCM_URL
from notifications.fcm_token import SCOPE
from tests.owasp.hostile import answer, hostile
from tests.owasp.operations import document, operations
from tests.source import ROOT, files, layer
from tests.world import World

URL_FORMATS = {"uri", "uri-reference", "url", "iri", "hostname", "ipv4", "ipv6"}
URL_NAMES = re.compile(
    r"(^|_)(ur[il]s?|href|link|webhook|callback|hook|host|hostname|endpoint|domain"
    r"|image|avatar|logo|proxy|redirect|return_to)(_|$)"
)

CALLERS = {
    "notifications/answers.py",
    "notifications/fcm.py",
    "notifications/fcm_answers.py",
    "notifications/fcm_token.py",
    "notifications/mail.py",
}
"""The modules that talk to other servers than our own."""

TALKS = re.compile(
    r"^(requests|urllib\.request|urllib3|http\.client|httpx|aiohttp|socket|smtplib"
    r"|ftplib|firebase_admin|google)(\.|$)"
)
SERVER = {"api", "services", "notifications", "jobs", "models", "freight", "geo"}
EDGES = {
    "wsgi.py",
    "worker.py",
    "edges/mailing.py",
    "runtime/db.py",
    "runtime/config.py",
    "runtime/telemetry.py",
}


def requested(app: Flask) -> Iterator[tuple[str, str, Any]]:
    """Yield (operation, field, schema) of everything that a client may send."""
    schemas = document(app)["components"]["schemas"]
    for operation in operations(app):
        for parameter in operation.spec.get("parameters", []):
            yield str(operation), parameter["name"], parameter["schema"]
        if operation.body:
            yield from _fields(schemas, str(operation), schemas[operation.body])


def _fields(schemas: Any, where: str, schema: Any) -> Iterator[tuple[str, str, Any]]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for inner in [*schema.get("anyOf", []), *schema.get("oneOf", [])]:
        yield from _fields(schemas, where, inner)
    if "items" in schema:
        yield "items", where, schema["items"]
        yield from _fields(schemas, where, schema["items"])
    for name, inner in schema.get("properties", {}).items():
        yield where, name, inner
        yield from _fields(schemas, where, inner)


def test_no_request_field_is_a_url(app: Flask) -> None:
    found = list(requested(app))

    addresses = [
        (operation, name)
        for operation, name, schema in found
        if schema.get("format") in URL_FORMATS or URL_NAMES.search(name)
    ]

    assert addresses == []
    assert len(found) > 200


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_listed_modules_talk_to_other_servers() -> None:
    talking = {
        str(path)
        for path in files()
        if layer(path) in SERVER or str(path) in EDGES
        for name in imported(ast.parse((ROOT / path).read_text()))
        if TALKS.search(name)
    }

    assert talking == CALLERS


def test_the_only_hosts_in_the_code_are_googles() -> None:
    named = {
        found.rstrip(".")
        for path in files()
        if layer(path) in SERVER or str(path) == "worker.py"
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for found in re.findall(r"https?://[\w.-]+", node.value)
    }

    assert FCM_URL == DEFAULT_FCM_URL
    # The scope is a name in a token; Google's key file has the token's endpoint.
    assert named == {FCM_URL, f"https://{urlsplit(SCOPE).hostname}"}


def test_urls_in_the_texts_of_a_load_are_not_visited(
    world: World, run_jobs: Any
) -> None:
    with hostile(answer("200 OK")) as canary:
        shipper, carrier = world.shipper(), world.company()
        body = world.load_body(commodity=canary.url, load_number=canary.url)
        for stop in body["stops"]:
            stop |= {"facility": canary.url, "instructions": canary.url}
            stop["address"] = {"street": canary.url, "city": canary.url}
            stop["contact"] = {"name": canary.url}
        posted = shipper.post("/v1/loads", body)
        driver = world.driver(carrier, device=canary.url)
        world.assign(carrier, driver, posted.body)
        world.drive(driver, shipper, posted.body)
        ran = run_jobs()

    assert posted.status == 201
    assert "search.run" in ran
    assert canary.asked == []
