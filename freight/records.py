"""Values as JSON, for snapshots that must still be readable years later."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID


def record_of(value: object) -> dict[str, Any]:
    """Return the fields of `value` by name, each as an exact JSON value.

    Times become ISO 8601 with their offset, sets become sorted lists, tuples lists, ids
    and enum members strings, dataclasses and named tuples records.
    """
    kind: type = type(value)
    return {name: _plain(getattr(value, name)) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    if not hasattr(kind, "_fields"):
        raise TypeError(f"{kind.__name__} has no named fields.")
    names: tuple[str, ...] = kind._fields
    return names


AS_THEY_ARE = frozenset({type(None), bool, int, float, str})
"""Asked first: a search keeps ten thousand such values."""


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON carries has no one type
    if type(value) in AS_THEY_ARE:
        return value
    match value:
        case bool() | int() | float():
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


def known_fields(cls: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the dataclass `cls` that are in `record`.

    A record of another release may have more and fewer; what it lacks keeps the
    default.
    """
    return {f.name: record[f.name] for f in fields(cls) if f.name in record}


def keep_in_utc(value: object, *names: str) -> None:
    """Turn these times of a frozen dataclass into UTC. None stays None.

    Raises: ValueError for a time without a zone.
    """
    for name in names:
        at: datetime | None = getattr(value, name)
        if at is None or at.tzinfo is UTC:
            continue
        if at.tzinfo is None:
            raise ValueError(f"{name} must have a time zone.")
        object.__setattr__(value, name, at.astimezone(UTC))
