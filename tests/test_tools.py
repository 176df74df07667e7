"""A test without its program is skipped with the reason, but not where CI has it."""

import pytest

from tests.tools import need

ABSENT = "no-such-program"


def test_a_program_that_is_installed_is_found() -> None:
    assert need(ABSENT, "sh").endswith("/sh")


@pytest.mark.parametrize(
    ("ci", "name", "is_failure"),
    [
        ("", "git", False),
        ("true", "git", True),
        ("true", ABSENT, False),
    ],
)
def test_a_missing_program_skips_the_test_unless_ci_has_it(
    monkeypatch: pytest.MonkeyPatch, ci: str, name: str, is_failure: bool
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "")
    outcome = pytest.fail.Exception if is_failure else pytest.skip.Exception

    with pytest.raises(outcome, match=f"{name} is not installed"):
        need(name)
