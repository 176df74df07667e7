"""Only values with named fields can become records."""

import pytest

from freight.records import record_of


def test_a_value_without_named_fields_is_refused():
    with pytest.raises(TypeError, match="list has no named fields"):
        record_of([1])
