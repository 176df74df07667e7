"""Random members make random requests; no foreign id is shown: `-m bench.tenants`."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg

from bench.bodies import BODIES, Asking, Memory
from bench.client import Answer, Client, Refused
from bench.crowd import Crowd, Person, ids_by_owner, make_market
from bench.guesses import compare, spare_ids
from bench.report import Bar, say
from bench.rig import Rig, set_up
from bench.rights import NOBODY, Leak, foreign, ids_in
from bench.running import Line, line_of, parser_of, run
from services.kernel.actors import PERMISSIONS, Permission

FITTING = 0.85
"""Share of the requests by a member whose roles allow them; the rest is by anyone."""

LOOK_AGAIN = 250
"""Number of requests after which the ids to choose from are read again."""

TELL_EVERY = 1_000
METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True)
class Size:
    """How many companies, requests, and pairs of guesses on each route."""

    companies: int
    requests: int
    guesses: int


FULL = Size(companies=30, requests=10_000, guesses=250)
QUICK = Size(companies=8, requests=330, guesses=10)


@dataclass(frozen=True)
class Operation:
    """One operation of the API document."""

    name: str
    method: str
    template: str
    permission: Permission | None
    parameters: frozenset[str]
    has_body: bool


@dataclass
class Seen:
    """The results of all requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    ids: int = 0
    leaks: list[tuple[str, Leak]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Return every operation of the API document.

    Raises: Refused if an operation takes a body and is not in BODIES.
    """
    found = []
    for template, path in document["paths"].items():
        for method in METHODS:
            if method not in path:
                continue
            told = path[method]
            name = f"{method.upper()} {template}"
            if "requestBody" in told and name not in BODIES:
                raise Refused(f"{name} needs a body: add it to bench/bodies.py.")
            scopes = [
                scope for each in told.get("security", []) for scope in each["bearer"]
            ]
            found.append(
                Operation(
                    name,
                    method.upper(),
                    template,
                    Permission(scopes[0]) if scopes else None,
                    frozenset(
                        parameter["name"] for parameter in told.get("parameters", [])
                    ),
                    "requestBody" in told,
                )
            )
    return found


class Game:
    """A crowd that asks, the ids it knows, and the results."""

    def __init__(
        self, crowd: Crowd, connection: psycopg.Connection[Any], seed: int
    ) -> None:
        self.crowd = crowd
        self.connection = connection
        self.rng = Random(seed)
        self.people = crowd.people
        self.memory = Memory({})
        self.seen = Seen()

    def ask(self, operation: Operation) -> None:
        """Let a random member ask, and check whose ids are in the answer."""
        place = self._random_person(operation.permission)
        person = self.people[place]
        asking = Asking(self.crowd, self.memory, self.rng, person)
        path = asking.path(operation.template)
        query = asking.query(path, set(operation.parameters))
        body = asking.body(operation.name) if operation.has_body else None
        is_open = operation.permission is None
        client = Client(self.crowd.url) if is_open else person.client
        extra = self._tag(operation, client, path)
        answer = client.call(operation.method, path + query, body, **extra)
        self._judge(operation, person, answer, f"{path}{query} {body}")
        self._remember(person, path, answer)
        if answer.status == 401 and not is_open:
            self.people[place] = self.crowd.renewed(person)

    def _random_person(self, permission: Permission | None) -> int:
        fitting = [
            place
            for place, person in enumerate(self.people)
            if permission is None
            or any(permission in PERMISSIONS[role] for role in person.member["roles"])
        ]
        if fitting and self.rng.random() < FITTING:
            return self.rng.choice(fitting)
        return self.rng.randrange(len(self.people))

    def _tag(self, operation: Operation, client: Client, path: str) -> dict[str, str]:
        """Get the row's tag before an edit, as clients do; sometimes leave it out."""
        if "If-Match" not in operation.parameters or self.rng.random() < 0.2:
            return {}
        tag = client.call("GET", path).tag
        return {"If_Match": tag} if tag else {}

    def _judge(
        self, operation: Operation, person: Person, answer: Answer, sent: str
    ) -> None:
        seen = self.seen
        seen.asked[operation.name] += 1
        seen.statuses[answer.status] += 1
        if answer.status < 300:
            seen.done.add(operation.name)
        if answer.status >= 500:
            seen.errors.append(f"{answer.status} {operation.name} {answer.body}")
        shown = ids_in(answer.text + answer.tag.encode())
        if answer.status >= 400:
            # A refusal may repeat the ids of its request, and no others.
            shown -= ids_in(sent.encode())
        seen.ids += len(shown)
        org_id = person.org_id if operation.template.startswith("/v1/") else NOBODY
        of_a_search = operation.template.startswith("/v1/backhaul-searches")
        leaks = foreign(self.connection, org_id, shown, of_a_search=of_a_search)
        seen.leaks += [(operation.name, leak) for leak in leaks]
        if answer.status < 300:
            self.memory.learn(person.member["id"], shown)

    def _remember(self, person: Person, path: str, answer: Answer) -> None:
        if answer.status >= 300 or not isinstance(answer.body, dict):
            return
        page = answer.body.get("page") or {}
        cursor = answer.body.get("cursor") or page.get("next_cursor")
        if cursor:
            self.memory.cursors[path][person.org_id] = cursor
        if "invitation" in answer.body:
            self.memory.invited[person.org_id] = answer["token"]


def play(rig: Rig, size: Size, seed: int) -> tuple[dict[str, Any], list[Bar]]:
    """Guess ids, then ask every operation; return figures and bars."""
    crowd = Crowd(rig, seed)
    spares = spare_ids(size.guesses)
    make_market(crowd, size.companies)
    spares += spare_ids(size.guesses)
    operations = operations_of(rig.web.need("GET", "/openapi.json").body)
    guesses, guess_bars = compare(crowd, spares, pairs=size.guesses, seed=seed)
    say("the guessing is over")
    with psycopg.connect(crowd.database_url, autocommit=True) as connection:
        game = Game(crowd, connection, seed)
        for number in range(size.requests):
            if number % LOOK_AGAIN == 0:
                game.memory.renew(ids_by_owner(crowd.database_url))
            if number % TELL_EVERY == 0:
                say(f"{number} requests, {len(game.seen.leaks)} foreign ids")
            # Each operation once, then at random.
            is_first = number < len(operations)
            chosen = operations[number] if is_first else game.rng.choice(operations)
            game.ask(chosen)
    seen = game.seen
    for error in seen.errors[:10]:
        say(error)
    leaks = Counter((name, leak.table) for name, leak in seen.leaks)
    figures = {
        "companies": len(crowd.companies),
        "members": len(crowd.people),
        "operations": len(operations),
        "operations_that_succeeded": len(seen.done),
        "never_succeeded": sorted(
            {operation.name for operation in operations} - seen.done
        ),
        "ids_judged": seen.ids,
        "statuses": dict(sorted(seen.statuses.items())),
        "foreign_ids": {f"{name}: {table}": n for (name, table), n in leaks.items()},
    } | guesses
    bars = [
        Bar("requests", size.requests, seen.statuses.total()),
        Bar("operations_asked", len(operations), len(seen.asked)),
        Bar("foreign_ids", 0, len(seen.leaks), is_ceiling=True),
        Bar("server_errors", 0, len(seen.errors), is_ceiling=True),
        *guess_bars,
    ]
    return figures, bars


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the line; see `running.run`."""
    options = parser_of("tenants", __doc__).parse_args(argv)
    size = QUICK if options.quick else FULL

    def play_on_rig() -> Line:
        with set_up({}) as rig:
            figures, bars = play(rig, size, options.seed)
            return line_of(rig, options, figures, bars)

    return run("tenants", play_on_rig)


if __name__ == "__main__":
    sys.exit(main())
