"""Finds changes that break clients of the released API: `python -m tests.breaking`.

Compares docs/openapi.json with docs/openapi.released.json. A break is accepted if the
change log's Unreleased part names its operation: `Breaking: <operationId> ...`.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RELEASED = ROOT / "docs" / "openapi.released.json"
CURRENT = ROOT / "docs" / "openapi.json"
CHANGES = ROOT / "CHANGELOG.md"
METHODS = {"get", "put", "post", "patch", "delete"}
LIMITS = {"maximum": min, "maxLength": min, "maxItems": min}
FLOORS = {"minimum": max, "minLength": max, "minItems": max}

Json = dict[str, Any]
Break = tuple[str, str]
"""(operationId, what a client would notice)."""


def breaks(released: Json, current: Json) -> Iterator[Break]:
    """Yield every break, operation by operation."""
    for path, item in released["paths"].items():
        for method in sorted(METHODS & set(item)):
            old = item[method]
            new = current["paths"].get(path, {}).get(method)
            name = old.get("operationId", f"{method} {path}")
            if new is None:
                yield name, f"{method.upper()} {path} is gone"
                continue
            for what in _operation(old, new, _Pair(released, current)):
                yield name, what


class _Pair:
    """Both documents, and the pairs of named schemas that were compared so far."""

    def __init__(self, released: Json, current: Json) -> None:
        self.documents = released, current
        self.known: set[tuple[str, str, str]] = set()

    def is_known(self, kind: str, old: Json, new: Json) -> bool:
        """Say whether this pair was compared before; remember it if both are named."""
        if "$ref" not in old or "$ref" not in new:
            return False
        key = (kind, old["$ref"], new["$ref"])
        is_known = key in self.known
        self.known.add(key)
        return is_known

    def resolve(self, old: Json, new: Json) -> tuple[Json, Json]:
        return tuple(  # type: ignore[return-value]
            _resolved(document, schema)
            for document, schema in zip(self.documents, (old, new), strict=True)
        )


def _resolved(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    if "anyOf" in schema:
        # Ours are a schema or null, so the parts never contradict each other.
        parts = [_resolved(document, part) for part in schema["anyOf"]]
        kinds = sorted(set().union(*map(_types, parts)))
        for part in parts:
            schema = schema | part
        schema = schema | {"type": kinds}
    return schema


def _operation(old: Json, new: Json, pair: _Pair) -> Iterator[str]:
    if old.get("x-permission") != new.get("x-permission"):
        yield f"it needs {new.get('x-permission')}"
    before, after = _parameters(old), _parameters(new)
    for key in sorted(set(before) - set(after)):
        yield f"parameter {key[1]} is gone"
    for key, parameter in sorted(after.items()):
        if key in before:
            schemas = before[key]["schema"], parameter["schema"]
            yield from _request(*schemas, f"parameter {key[1]}", pair)
        was_required = before.get(key, {}).get("required", False)
        if parameter.get("required") and not was_required:
            yield f"parameter {key[1]} is required"
    asked, wanted = _body(old.get("requestBody")), _body(new.get("requestBody"))
    if wanted and asked is None and new["requestBody"].get("required"):
        yield "a body is required"
    if asked and wanted:
        yield from _request(asked, wanted, "request", pair)
    for status, response in sorted(old["responses"].items()):
        if status not in new["responses"]:
            yield f"status {status} is gone"
        elif int(status) < 400:
            heard, said = _body(response), _body(new["responses"][status])
            if heard and said is None:
                yield f"{status} has no body"
            elif heard and said:
                yield from _response(heard, said, f"response {status}", pair)


def _parameters(operation: Json) -> dict[tuple[str, str], Json]:
    return {
        (parameter["in"], parameter["name"]): parameter
        for parameter in operation.get("parameters", [])
    }


def _body(part: Json | None) -> Json | None:
    content = (part or {}).get("content", {})
    return content.get("application/json", {}).get("schema")


def _types(schema: Json) -> set[str]:
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    # Each integer is also a number.
    return found | ({"integer"} if "number" in found else set())


def _request(old: Json, new: Json, at: str, pair: _Pair) -> Iterator[str]:
    """Yield the reasons why an input that was accepted is refused now."""
    if pair.is_known("request", old, new):
        return
    old, new = pair.resolve(old, new)
    if _types(new) and not _types(old) <= _types(new):
        yield f"{at} takes {sorted(_types(new))}, no longer {sorted(_types(old))}"
    if "enum" in new:
        for value in old.get("enum", ["any value"]):
            if value not in new["enum"]:
                yield f"{at} no longer takes {value}"
    if new.get("pattern", old.get("pattern")) != old.get("pattern"):
        yield f"{at} must match another pattern"
    for name, stricter in (LIMITS | FLOORS).items():
        limits = old.get(name), new.get(name)
        if limits[1] is not None and limits[0] != limits[1]:
            was, now = limits[0] if limits[0] is not None else limits[1], limits[1]
            if stricter(was, now) == now:
                yield f"{at} has {name} {now}"
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(set(before) - set(after)):
        yield f"{at}.{name} is gone"
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield f"{at}.{name} is required"
    for name in sorted(set(before) & set(after)):
        yield from _request(before[name], after[name], f"{at}.{name}", pair)
    if "items" in old and "items" in new:
        yield from _request(old["items"], new["items"], f"{at}[]", pair)


def _response(old: Json, new: Json, at: str, pair: _Pair) -> Iterator[str]:
    """Yield what a client can no longer read. New enum values are no break."""
    if pair.is_known("response", old, new):
        return
    old, new = pair.resolve(old, new)
    if _types(old) and not _types(new) <= _types(old):
        yield f"{at} is {sorted(_types(new))}, was {sorted(_types(old))}"
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(set(before) - set(after)):
        yield f"{at}.{name} is gone"
    for name in sorted(set(before) & set(after)):
        yield from _response(before[name], after[name], f"{at}.{name}", pair)
    if "items" in old and "items" in new:
        yield from _response(old["items"], new["items"], f"{at}[]", pair)


def named(changes: str) -> set[str]:
    """Return the operations that the change log's Unreleased part calls breaking."""
    unreleased = changes.partition("## [Unreleased]")[2].partition("\n## [")[0]
    return set(re.findall(r"^(?:- )?Breaking: `?(\S+?)`?(?=[\s,:.])", unreleased, re.M))


def unnamed(released: Json, current: Json, changes: str) -> list[Break]:
    """Return the breaks that the change log does not name."""
    known = named(changes)
    return [each for each in breaks(released, current) if each[0] not in known]


def main() -> int:
    """Print each break that the change log does not name; return 1 if there is one."""
    documents = (json.loads(path.read_text()) for path in (RELEASED, CURRENT))
    found = unnamed(*documents, CHANGES.read_text())
    for name, what in found:
        sys.stderr.write(f"{name}: {what}\n")
    if found:
        sys.stderr.write(
            "Clients of the released API would break. If that is meant, say so in"
            " CHANGELOG.md under Unreleased, for each: `Breaking: <operationId> ...`.\n"
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
