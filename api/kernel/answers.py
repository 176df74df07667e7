"""What answers promise: fields that are always there, known values, stored JSON."""

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, TypeVar

import marshmallow as ma
from marshmallow import fields

Field = TypeVar("Field", bound=fields.Field[Any])

WHEN = "only_if"
"""The key of a field's metadata that says which answers have the field."""


class Answer(ma.Schema):
    """The base of every schema of an answer.

    Each field is in each answer, unless it is marked by `sometimes`; a schema with
    `only_if` may also be empty. Clients must accept fields that they do not know.
    """

    class Meta:
        """The document must not say that there are no other fields."""

        unknown = ma.EXCLUDE

    only_if: ClassVar[str | None] = None
    """When the object has its fields; otherwise it is empty."""

    given: ClassVar[str | None] = None
    """What always holds here: fields that are there only then are always there."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        when = field_obj.metadata.get(WHEN, self.only_if)
        field_obj.required = when is None or when == self.given
        if not field_obj.required:
            told = field_obj.metadata.get("description")
            words = f"Only {when}."
            description = f"{told}. {words}" if told else words
            field_obj.metadata = {**field_obj.metadata, "description": description}


def sometimes(field: Field, when: str) -> Field:
    """Mark a field that only some answers have; `when` follows the word "Only"."""
    field.metadata = {**field.metadata, WHEN: when}
    return field


@dataclass(frozen=True)
class Vocabulary:
    """The known values of a text, under the name that they have in the document."""

    name: str
    values: tuple[str, ...]
    about: str

    @classmethod
    def of(cls, enum: type[Enum]) -> "Vocabulary":
        return cls(enum.__name__, values_of(enum), inspect.getdoc(enum) or "")


def known(
    values: type[Enum] | Vocabulary,
    **kwargs: Any,  # noqa: ANN401 - field options
) -> fields.String:
    """Return the field of a text with known values, of which there may be more later.

    Nothing is checked: the value is shown as it is.
    """
    return worded(fields.String(**kwargs), values)


def worded(field: Field, values: type[Enum] | Vocabulary) -> Field:
    """Let the document list the known values of the field."""
    vocabulary = values if isinstance(values, Vocabulary) else Vocabulary.of(values)
    field.vocabulary = vocabulary  # type: ignore[attr-defined]
    return field


def shaped(field: Field, *shapes: type) -> Field:
    """Let the document show free JSON as one of `shapes`; nothing is checked.

    shapes: schemas, or structs of msgspec. For JSON that was kept and is shown as it
    is, and for bodies that are checked elsewhere.
    """
    field.shapes = shapes  # type: ignore[attr-defined]
    return field


def position() -> fields.List[Any]:
    """Return the field of a GeoJSON position: [lon, lat]."""
    return fields.List(
        fields.Float(),
        metadata={"description": "[lon, lat]", "minItems": 2},
    )


class GeoPoint(Answer):
    """A GeoJSON Point (RFC 7946)."""

    type = fields.Constant("Point")
    coordinates = position()


class GeoPolygon(Answer):
    """A GeoJSON Polygon (RFC 7946): its outline, then its holes."""

    type = fields.Constant("Polygon")
    coordinates = fields.List(fields.List(position()))


class GeoMultiPolygon(Answer):
    """A GeoJSON MultiPolygon (RFC 7946); without polygons if there is no area."""

    type = fields.Constant("MultiPolygon")
    coordinates = fields.List(fields.List(fields.List(position())))


def values_of(*enums: type[Enum]) -> tuple[str, ...]:
    """Return the values of several enums, each once, in this order."""
    values = (str(member.value) for enum in enums for member in enum)
    return tuple(dict.fromkeys(values))
