"""Values as JSON, for snapshots that must still be readable years later."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


def record_of(value: object) -> dict[str, Any]:
    """Return the fields of `value` by name, each as an exact JSON value.

    Times become ISO 8601 with their offset, sets become sorted lists, tuples lists, ids
    and enum members strings, dataclasses and named tuples records.
    """
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
    elif hasattr(value, "_fields"):
        names = value._fields
    else:
        raise TypeError(f"{type(value).__name__} has no named fields.")
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON carries has no one type
    match value:
        case None | bool() | int() | float():
            return value
        case str() | UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case frozenset():
            return sorted(map(str, value))
        case tuple() if not hasattr(value, "_fields"):
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return record_of(value)
