"""The operations of the OpenAPI document, as a client reads them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from uuid_utils.compat import uuid7

METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation; `scopes` are the permissions that its `security` names."""

    method: str
    path: str
    scopes: frozenset[str]
    body: str
    spec: Any

    def __hash__(self) -> int:
        return hash((self.method, self.path))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def with_any_id(self, **ids: str) -> str:
        """Return the path with these ids, by name, and with made-up ones elsewhere."""
        return re.sub(
            r"\{(\w+)\}", lambda found: ids.get(found[1], str(uuid7())), self.path
        )


def document(app: Flask) -> dict[str, Any]:
    spec: dict[str, Any] = app.extensions["api"].spec.to_dict()
    return spec


def operations(app: Flask) -> list[Operation]:
    return list(_read(document(app)))


def guarded(app: Flask) -> list[Operation]:
    """Return the operations that need a permission."""
    return [operation for operation in operations(app) if operation.scopes]


def _read(described: dict[str, Any]) -> Iterator[Operation]:
    for path, item in sorted(described["paths"].items()):
        for method in METHODS:
            if method not in item:
                continue
            spec = item[method]
            scopes = {s for way in spec["security"] for s in way.get("bearer", [])}
            content = spec.get("requestBody", {}).get("content", {})
            ref = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            body = ref.rpartition("/")[2]
            yield Operation(method.upper(), path, frozenset(scopes), body, spec)
