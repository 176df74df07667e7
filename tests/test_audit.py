"""The audit fails for a known vulnerability, and names packages it could not check."""

from typing import Any

import pytest

from tests.audit import outcome

SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "werkzeug", "skip_reason": "not found"}
WRONG = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}],
}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SOUND], 0, ""),
        ([WRONG, SOUND], 1, "jinja2 2.0: PYSEC-1, fixed in 2.1"),
        ([UNKNOWN, UNKNOWN], 0, "pip-audit is skipped: its database knows none of 2."),
        ([SOUND, UNKNOWN], 0, "Not known to the database: werkzeug."),
        ([WRONG, UNKNOWN], 1, "jinja2 2.0: PYSEC-1"),
    ],
)
def test_a_known_vulnerability_fails_and_an_unchecked_package_is_named(
    packages: list[dict[str, Any]], code: int, words: str
) -> None:
    ended, said = outcome({"dependencies": packages})

    assert ended == code
    assert words in said
    assert bool(said) is bool(words)
