"""Fixtures that these tests share with the tests of the same subjects."""

from tests.api.kernel.conftest import limited
from tests.test_security import rows

__all__ = ["limited", "rows"]
