"""Thousands of generated requests by every role, on a real server: `-m bench.fuzz`."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.arrivals import hire, post
from bench.board import BoardLoad, Trip
from bench.client import Client
from bench.crowd import Crowd, Person
from bench.patience import PATIENCE_S
from bench.report import Bar, say
from bench.rig import PASSWORD, Rig, set_up
from bench.running import BREAKS, Line, line_of, parser_of, run
from freight.roles import Role
from models.people.organisations import OrganisationKind


class NoReport(Exception):
    """schemathesis wrote no report; the message contains its output."""


CASES = 10_000
EXAMPLES = 10
"""Examples of one operation in each phase of a round."""

ROUND_S, QUICK_ROUND_S = 60, 5
MOST_ROUNDS = 30
QUICK_CASES = 200
QUICK_ROLES = ("driver", "dispatcher")

ENDS_THE_SIGN_IN = "sign_out"
"""Played last, with the sign-in of a driver who is not needed afterwards."""

SERVER_ERRORS = {"ServerError", "ContentTypeServerError"}
UNDOCUMENTED = {
    *("UndefinedStatusCode", "UndefinedContentType", "JsonSchemaError"),
    *("MissingContentType", "MissingHeaders", "MalformedMediaType"),
    *("MalformedJson", "ContentDeserializationError", "DiscriminatorMismatch"),
    *("AllowHeaderMismatch", "UnsupportedMethodResponse"),
}
IGNORED_AUTH = {"IgnoredAuth", "ObjectLevelAuthorizationViolation"}

CONFIG = """\
# A request that fits the schema may still be refused: 422 is the documented answer of a
# business rule, 304 answers an If-None-Match with the current tag (the stateful phase
# sends one), 429 says that a login is locked after five wrong passwords. 400 is not
# allowed for a well-formed request, except by the operations below.
[checks]
positive_data_acceptance.expected-statuses = [
    "2xx", 304, 401, 403, 404, 409, 410, 412, 422, 428, 429
]
missing_required_header.expected-statuses = [400, 401, 403, 404, 406, 422, 428]

# Only the server makes cursors, which a schema cannot say: a generated cursor is a 400.
[[operations]]
include-operation-id = {with_cursors}
checks.positive_data_acceptance.expected-statuses = [
    "2xx", 304, 400, 401, 403, 404, 410, 422
]

# Only a phone that has a key makes proofs: a generated one is a 400.
[[operations]]
include-operation-id = {with_proofs}
checks.positive_data_acceptance.expected-statuses = [
    "2xx", 400, 401, 403, 404, 409, 410, 422, 429
]

# A place or a time that cannot be right is kept with a flag, so the answer is 200. That
# another form gives 422 is tested in tests/api/loads/test_loads_bad_input.py
# ::test_every_bad_part_of_a_report_is_named_and_nothing_is_written.
[[operations]]
include-operation-id = ["arrive_at_stop", "complete_stop", "depart_from_stop"]
checks.negative_data_rejection.expected-statuses = [
    200, 400, 401, 403, 404, 406, 409, 413, 422, 428
]

# An invalid fix is rejected by itself. The valid ones of the batch are stored, so the
# answer is 200. That a wrong shape around the fixes gives 422 is tested in
# tests/api/fleet/test_positions.py::test_a_bad_batch_is_a_problem.
[[operations]]
include-operation-id = "report_positions"
checks.negative_data_rejection.expected-statuses = [
    200, 400, 401, 403, 404, 406, 413, 422, 428
]
"""

CHICAGO, NEW_YORK, NEWARK = (41.88, -87.63), (40.71, -74.01), (40.74, -74.17)


@dataclass
class Played:
    """The result of all rounds. `findings` counts failures by schemathesis' names."""

    rounds: int = 0
    cases: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)

    def count(self, kinds: set[str]) -> int:
        return sum(number for kind, number in self.findings.items() if kind in kinds)

    def bars(self, cases: int) -> list[Bar]:
        known = SERVER_ERRORS | UNDOCUMENTED | IGNORED_AUTH
        others = set(self.findings) - known
        return [
            Bar("cases", cases, self.cases.total()),
            Bar("server_errors", 0, self.count(SERVER_ERRORS), is_ceiling=True),
            Bar("undocumented_answers", 0, self.count(UNDOCUMENTED), is_ceiling=True),
            Bar("ignored_auth", 0, self.count(IGNORED_AUTH), is_ceiling=True),
            Bar("other_findings", 0, self.count(others), is_ceiling=True),
        ]


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("fuzz", __doc__)
    parser.add_argument(
        "--cases", type=int, default=CASES, help="minimum number of cases"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Play and print the line; see `running.run`."""
    options = arguments(argv)
    cases = QUICK_CASES if options.quick else options.cases

    def play_on_rig() -> Line:
        with set_up({}) as rig, TemporaryDirectory(prefix="fuzz-") as folder:
            heard = _play(rig, Path(folder), options, cases)
            figures = {
                "rounds": heard.rounds,
                "cases_by_role": dict(heard.cases),
                "findings": dict(heard.findings),
            }
            line = line_of(rig, options, figures, heard.bars(cases), cases=cases)
        more = {"schemathesis": version("schemathesis")}
        return replace(line, versions={**line.versions, **more})

    breaks = (*BREAKS, NoReport, subprocess.TimeoutExpired)
    return run("fuzz", play_on_rig, breaks=breaks)


def _play(rig: Rig, folder: Path, options: argparse.Namespace, cases: int) -> Played:
    document = Client(rig.web.url).call("GET", "/openapi.json").body
    (folder / "schemathesis.toml").write_text(config_of(document))
    people = cast_of(rig)
    if options.quick:
        people = {role: people[role] for role in QUICK_ROLES}
    # Before the driver is given a load: a sign-in without a phone is then refused.
    leaver = rig.web.signed_in(people["driver"].member["email"], PASSWORD)
    played = Played()
    while played.cases.total() < cases and played.rounds < MOST_ROUNDS:
        for role, person in people.items():
            seed = options.seed * 1000 + played.rounds
            limits = ["--exclude-operation-id", ENDS_THE_SIGN_IN]
            limits += ["--seed", str(seed), "--max-examples", str(EXAMPLES)]
            limits += ["--max-time", str(QUICK_ROUND_S if options.quick else ROUND_S)]
            if options.quick:
                limits += ["--phases", "examples,fuzzing"]
            _round(folder, person.client, role, limits, played)
        played.rounds += 1
    only = ["--include-operation-id", ENDS_THE_SIGN_IN, "--max-examples", "1"]
    _round(folder, leaver, "leaver", only, played)
    return played


def config_of(document: dict[str, Any]) -> str:
    """Return schemathesis' configuration for the operations of this document."""
    return CONFIG.format(
        with_cursors=json.dumps(_with_parameter(document, "cursor")),
        with_proofs=json.dumps(_with_parameter(document, "DPoP")),
    )


def _with_parameter(document: dict[str, Any], name: str) -> list[str]:
    """Return the ids of the operations that have this parameter."""
    return [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
        and any(each["name"] == name for each in operation.get("parameters", []))
    ]


def cast_of(rig: Rig) -> dict[str, Person]:
    """Return a member of each role, with rows to find: a completed load, an offer."""
    crowd = Crowd(rig)
    (driver,) = hire(crowd, [Trip(2, "1", "van", drop=NEW_YORK, home=CHICAGO, at=0.0)])
    (fleet,) = crowd.companies
    shipper, broker, carrier = (
        crowd.company(kind)
        for kind in (
            OrganisationKind.SHIPPER,
            OrganisationKind.BROKER,
            OrganisationKind.CARRIER,
        )
    )
    crowd.settle()
    load = BoardLoad(1, NEWARK, CHICAGO, "van", 250_000, 790.0, at=0.0)
    post(broker.desk.client, load)
    driver.complete()
    return {
        "driver": driver.person,
        "dispatcher": fleet.desk,
        "shipper": shipper.desk,
        "broker": broker.desk,
        "admin": next(
            person
            for person in carrier.people
            if person.member["roles"] == [Role.ADMIN]
        ),
    }


def _round(
    folder: Path, client: Client, role: str, limits: Sequence[str], played: Played
) -> None:
    """Let schemathesis play one role; add its findings to `played` and print them.

    Raises: NoReport.
    """
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    # Found beside this Python, as the virtual environment may not be on the PATH.
    program = Path(sys.executable).with_name("schemathesis")
    ended = subprocess.run(
        [
            *(str(program), "run", f"{client.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {client.token}"),
            *("--checks", "all", "--continue-on-failure", "--warnings", "off"),
            *("--no-color", "--no-shrink", "--report", "json"),
            *("--report-json-path", str(report), *limits),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=ROUND_S + PATIENCE_S,
        check=False,
    )
    if not report.exists():
        raise NoReport(f"schemathesis as {role}: {ended.stderr or ended.stdout}")
    told = json.loads(report.read_text())
    played.cases[role] += told["test_cases"]["generated"]
    for failure in told["failures"]:
        played.findings[failure["type"]] += failure["count"]
    if told["errors"]:
        played.findings["Error"] += len(told["errors"])
    say(f"{role}: {told['test_cases']['generated']} cases")
    if told["failures"] or told["errors"]:
        say(ended.stdout)


if __name__ == "__main__":
    sys.exit(main())
