"""Weak ETags of what is polled: 304 without making the answer anew."""

import hmac
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import marshmallow as ma
from flask import Response, request
from marshmallow import fields

from api.kernel.auth import actor, cursor_keys

View = TypeVar("View", bound=Callable[..., Any])

TAG_BYTES = 12


def polled(view: View) -> View:
    """Mark a view that sends a tag of `tag_of`, and 304 to a client that has it.

    Place it right above the view.
    """
    view.is_versioned = True  # type: ignore[attr-defined]
    return view


def asks_for_change() -> bool:
    """Say whether the client has an answer, and wants a new one only if it changed."""
    return bool(request.if_none_match)


def tag_of(schema: type[ma.Schema], seen: str) -> str:
    """Return the tag of an answer to this request.

    Another member, other roles, other parameters of the request, other fields of the
    schema and other keys of cursors give another tag.

    seen: a text that changes whenever the answer does.
    """
    asks = f"{actor().member_id} {sorted(actor().roles)} {request.full_path}"
    text = f"{asks} {_form(schema)} {seen}".encode()
    return hmac.digest(cursor_keys()[0], text, "sha256")[:TAG_BYTES].hex()


def unchanged(tag: str) -> Response | None:
    """Return the 304 if the client has this answer, else None."""
    if not request.if_none_match.contains_weak(tag):
        return None
    return Response(status=304, headers=header(tag))


def header(tag: str) -> dict[str, str]:
    """Return the header that sends the tag with an answer."""
    return {"ETag": f'W/"{tag}"'}


@cache
def _form(schema: type[ma.Schema]) -> str:
    """Return the names of the schema's fields: a release that adds or removes fields
    gives other tags."""
    return ",".join(
        f"{name}({_form(type(nested))})" if (nested := _nested(field)) else name
        for name, field in sorted(schema._declared_fields.items())
    )


def _nested(field: object) -> ma.Schema | None:
    if isinstance(field, fields.List):
        field = field.inner
    return field.schema if isinstance(field, fields.Nested) else None
