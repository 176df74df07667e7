"""Programs that a test needs and that a machine may lack."""

import os
import shutil

import pytest

OF_CI = {"curl", "git"}
"""Programs that CI has: a test that misses one there fails."""


def need(*names: str) -> str:
    """Return the path of the first of these programs that is installed.

    If none is, skip the test with the reason; where CI is set and has one, fail.
    """
    for name in names:
        if found := shutil.which(name):
            return found
    reason = f"{' or '.join(names)} is not installed."
    if os.environ.get("CI") and OF_CI & set(names):
        pytest.fail(f"{reason} CI has it.")
    pytest.skip(reason)
