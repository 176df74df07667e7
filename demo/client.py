"""Calls of the API by a phone or a desk: sign in, ask, read the answer."""

import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

PATIENCE_S = 300.0
"""How long the demo waits for an answer, a search or a push that must come. It only
ends a demo that hangs; on a busy machine everything takes its time."""

_own = threading.local()


class Unexpected(Exception):
    """The server gave an answer that the play does not expect; the message names it."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    answered_at: seconds since the epoch, when the whole answer was read.
    tag: the ETag, empty where there is none.
    """

    status: int
    body: Any
    answered_at: float
    tag: str = ""

    @property
    def code(self) -> str:
        """The problem's code, empty for an answer that is none."""
        return self.body.get("code", "") if isinstance(self.body, dict) else ""


@dataclass(frozen=True)
class Caller:
    """A caller of the server; `token` is empty before the sign-in."""

    url: str
    token: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401
        tag: str = "",
    ) -> Answer:
        """Return the answer, whatever its status.

        tag: the ETag of what is to be changed.

        Raises: Unexpected if no answer comes.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        if tag:
            headers["If-Match"] = tag
        try:
            answer = _connections().request(
                method, self.url + path, json=body, headers=headers, timeout=PATIENCE_S
            )
        except requests.RequestException as error:
            raise Unexpected(f"{method} {path}: no answer ({error})") from None
        at = time.time()
        read = answer.json() if answer.content else None
        return Answer(answer.status_code, read, at, answer.headers.get("ETag", ""))

    def get(self, path: str) -> Any:  # noqa: ANN401 - what JSON carries
        """Read something and return it. Raises: Unexpected."""
        return self._success("GET", path, None)

    def post(self, path: str, body: Any) -> Any:  # noqa: ANN401 - what JSON carries
        """Make something; return it. Raises: Unexpected."""
        return self._success("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:  # noqa: ANN401
        """State a fact; return what it is about. Raises: Unexpected."""
        return self._success("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:  # noqa: ANN401
        """Change the current version of something; return it. Raises: Unexpected."""
        return self._success("PATCH", path, body, self.ask("GET", path).tag)

    def walk(self, path: str) -> list[Any]:
        """Return all of a list, newest first. Raises: Unexpected."""
        items: list[Any] = []
        joint = "&" if "?" in path else "?"
        here = f"{path}{joint}limit=200"
        step = here
        while True:
            page = self.get(step)
            items += page["data"]
            if not (cursor := page["page"]["next_cursor"]):
                return items
            step = f"{here}&cursor={cursor}"

    def _success(
        self,
        method: str,
        path: str,
        body: Any,  # noqa: ANN401
        tag: str = "",
    ) -> Any:  # noqa: ANN401
        answer = self.ask(method, path, body, tag)
        if answer.status >= 300:
            raise Unexpected(f"{method} {path}: {told(answer)}")
        return answer.body


@dataclass(frozen=True)
class Person(Caller):
    """A signed-in member; `target` is where pushes to their phone go, or empty."""

    name: str = ""
    login: str = ""
    member_id: str = ""
    target: str = ""


def sign_in(url: str, *, name: str, login: str, password: str) -> Person:
    """Sign the member in with this password; return them. Raises: Unexpected."""
    tokens = Caller(url).post("/v1/sessions", {"login": login, "password": password})
    return Person(url, tokens["access_token"], name, login, tokens["member_id"])


def told(answer: Answer) -> str:
    """Return a refusal in one line."""
    problem = answer.body if isinstance(answer.body, dict) else {}
    parts = [answer.code, problem.get("detail", ""), problem.get("errors", "")]
    return " ".join([str(answer.status), *(str(part) for part in parts if part)])


def _connections() -> requests.Session:
    """Return this thread's connections: kept alive, and shared with no other thread."""
    if not hasattr(_own, "connections"):
        _own.connections = requests.Session()
        # The server is our own: a proxy of the environment must not stand between.
        _own.connections.trust_env = False
    connections: requests.Session = _own.connections
    return connections
