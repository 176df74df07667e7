"""A member who calls the API, and the answers."""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from uuid_utils.compat import uuid7

EDIT = re.compile(
    r"PATCH /v1/((loads|drivers)/[^/]+|organisation)|PUT /v1/(trucks|areas)/[^/]+"
    r"|DELETE /v1/areas/[^/]+"
)
"""The requests that need an If-Match. If a test gives none, the caller gets the row's
tag just before. An empty header is not sent."""


@dataclass(frozen=True)
class Answer:
    """Status, body and headers."""

    status: int
    body: Any
    headers: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    @property
    def code(self) -> str:
        return str(self.body.get("code"))


@dataclass(frozen=True)
class Caller:
    """A signed-in member who calls the API."""

    app: Flask
    token: str
    member_id: UUID | None = None
    org_id: UUID | None = None
    driver_id: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        extra = {k.replace("_", "-"): v for k, v in headers.items()}
        if method == "POST":
            sent["Idempotency-Key"] = str(uuid7())
        if EDIT.fullmatch(f"{method} {path}") and "If-Match" not in extra:
            sent |= self._seen(path)
        with self.app.test_client() as client:
            asked = {name: value for name, value in (sent | extra).items() if value}
            answer = client.open(path, method=method, json=body, headers=asked)
        data = json.loads(answer.data) if answer.data else None
        return Answer(answer.status_code, data, dict(answer.headers))

    def _seen(self, path: str) -> dict[str, str]:
        """Get the row's tag, as a client does before an edit."""
        tag = self.get(path).headers.get("ETag")
        return {"If-Match": tag} if tag else {}

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, **headers)
