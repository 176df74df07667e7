"""How fields look in the OpenAPI document, where apispec cannot know it."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api
from marshmallow import fields

from api.kernel.answers import Vocabulary

Json = dict[str, Any]
AnyField = fields.Field[Any]

MORE = "More values may come: accept unknown ones."
REF = "#/components/schemas/{name}"
NULL = {"type": "null"}


def teach(api: Api) -> None:
    """Teach the converter of this document the fields of `api.kernel.answers`."""
    converter: OpenAPIConverter = api.ma_plugin.converter
    for function in (_constant, _default, _vocabulary, _shapes):
        converter.add_attribute_function(function)  # type: ignore[no-untyped-call]


def _constant(_: OpenAPIConverter, field: AnyField, ret: Json) -> Json:
    if not isinstance(field, fields.Constant):
        return {}
    ret.pop("default", None)
    return {"type": "string", "const": field.constant}


def _default(_: OpenAPIConverter, field: AnyField, ret: Json) -> Json:
    """Drop a default of null, and that of a schema whose missing fields stay as they
    are: a generated client would send it, and so change what it must not."""
    if ret.get("default", 0) is None or getattr(field.parent, "partial", False):
        ret.pop("default", None)
    return {}


def _vocabulary(converter: OpenAPIConverter, field: AnyField, ret: Json) -> Json:
    vocabulary: Vocabulary | None = getattr(field, "vocabulary", None)
    if vocabulary is None:
        return {}
    _publish(
        converter,
        vocabulary.name,
        {
            "type": "string",
            "enum": list(vocabulary.values),
            "description": f"{vocabulary.about}\n\n{MORE}",
        },
    )
    return _refer(field, ret, [vocabulary.name])


def _shapes(converter: OpenAPIConverter, field: AnyField, ret: Json) -> Json:
    names = []
    for shape in getattr(field, "shapes", ()):
        if issubclass(shape, msgspec.Struct):
            _, found = msgspec.json.schema_components([shape], ref_template=REF)
            for name, schema in found.items():
                schema.pop("title")
                _publish(converter, name, schema)
            names.append(shape.__name__)
        else:
            reference = converter.resolve_nested_schema(shape)  # type: ignore[no-untyped-call]
            names.append(reference["$ref"].rpartition("/")[2])
    return _refer(field, ret, names) if names else {}


def _publish(converter: OpenAPIConverter, name: str, schema: Json) -> None:
    components = converter.spec.components
    if name not in components.schemas:
        components.schema(name, schema)
    elif components.schemas[name] != schema:
        raise ValueError(f"Two schemas of the document have the name {name}.")


def _refer(field: AnyField, ret: Json, names: list[str]) -> Json:
    """Replace what apispec found by references to the named schemas."""
    for key in ("type", "enum", "additionalProperties", "anyOf"):
        ret.pop(key, None)
    choices: list[Json] = [{"$ref": REF.format(name=name)} for name in names]
    # A Raw field takes null only so that one bad element is refused alone: the
    # document does not offer it.
    if field.allow_none and type(field) is not fields.Raw:
        choices.append(NULL)
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def describe_schemas(api: Api) -> None:
    """Give each schema of the document its docstring.

    The defaults of bodies are said in words: generators take an optional field that
    has a default for a required one, or send a default that may change later.
    """
    schemas = api.spec.components.schemas
    for key, name in api.ma_plugin.converter.refs.items():
        # Not `getdoc`, which would take the docstring of a base.
        if about := key[0].__doc__:
            schemas[name].setdefault("description", inspect.cleandoc(about))
    for part in _properties(schemas):
        default = part.pop("default", None)
        if default is not None:
            shown = default if isinstance(default, str) else json.dumps(default)
            words = f"Default: `{shown}`." if shown else "Default: empty."
            told = part.get("description")
            part["description"] = f"{told}. {words}" if told else words


def _properties(schemas: Json) -> Iterator[Json]:
    for schema in schemas.values():
        yield from schema.get("properties", {}).values()


def without_null(schema: Json) -> Json:
    """Return the schema of a query parameter: null cannot be sent in an address."""
    if isinstance(schema.get("type"), list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        return schema | {"type": kinds[0] if len(kinds) == 1 else kinds}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != NULL]
    if len(choices) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return rest | choices[0]
    return schema
