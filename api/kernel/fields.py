"""Field types of the API: times with zones, places on the road network, text."""

import re
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import marshmallow as ma
from marshmallow import ValidationError, fields, validate

from api.kernel.answers import Vocabulary, worded
from freight.costs import CENTS_PER_HOUR, CENTS_PER_KM
from geo.points import ROADS_NORTH, ROADS_SOUTH
from geo.subdivisions import COUNTRY_OF
from models.kernel.row import Row
from services.kernel.characters import is_seen_alone
from services.kernel.clocks import NO_TIME

FIRST_YEAR = 1900
LAST_YEAR = 2199
"""Wide enough for a phone whose clock was reset, and narrow enough that a time plus a
duration is still a valid time."""


class Time(fields.AwareDateTime):
    """RFC 3339 with an offset; a naive time is refused. Answers are UTC with Z."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - as the base class
        super().__init__(format="iso", **kwargs)

    def _serialize(
        self,
        value: datetime | None,
        attr: str | None,
        obj: Any,  # noqa: ANN401
        **_: Any,  # noqa: ANN401
    ) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401
        attr: str | None,
        data: Any,  # noqa: ANN401
        **kwargs: Any,  # noqa: ANN401
    ) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("Give the time as RFC 3339 text.")
        parsed: datetime = super()._deserialize(value, attr, data, **kwargs)
        if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
            raise ValidationError(f"Give a year from {FIRST_YEAR} to {LAST_YEAR}.")
        return parsed.astimezone(UTC)


class ClaimedTime(Time):
    """A time by a phone's clock. One that is out of range, or names no moment, such as
    30 February, is `NO_TIME`; only what has not the form of a time is refused."""

    form = re.compile(
        r"[+-]?\d{4,6}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"
    )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:  # noqa: ANN401
        try:
            return super()._deserialize(value, *args, **kwargs)
        except ValidationError:
            if isinstance(value, str) and self.form.fullmatch(value):
                return NO_TIME
            raise


def rfc3339(value: datetime) -> str:
    """Return UTC with milliseconds and Z."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def json_value(value: object) -> Any:  # noqa: ANN401 - what JSON carries
    """Return the JSON form of a value that `json` does not know by itself."""
    match value:
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Enum():
            return value.value
        case Row():
            return {"id": str(value.__mapper__.primary_key_from_instance(value)[0])}
    raise TypeError(f"{type(value).__name__} is not JSON")


class Number(fields.Float):
    """A JSON number; text that looks like one is refused."""

    def _validated(self, value: Any) -> float:  # noqa: ANN401 - as the base class
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Flag(fields.Boolean):
    """true or false in a body; anything else is refused."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Nested):
    """A nested part that must be complete, even where its parent is changed in part."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return super()._deserialize(*args, **kwargs | {"partial": False})


def lat(**kwargs: Any) -> Number:  # noqa: ANN401 - field options
    """Return the field of a latitude where there are roads, in degrees."""
    return Number(
        validate=validate.Range(
            ROADS_SOUTH,
            ROADS_NORTH,
            error="No road has this latitude. Are lat and lon swapped?",
        ),
        metadata={"description": "degrees, WGS 84"},
        **kwargs,
    )


def lon(**kwargs: Any) -> Number:  # noqa: ANN401 - field options
    """Return the field of a longitude, in degrees."""
    return Number(
        validate=validate.Range(-180, 180),
        metadata={"description": "degrees, WGS 84"},
        **kwargs,
    )


def refuse_null_island(
    place: dict[str, Any], lat: str = "lat", lon: str = "lon"
) -> None:
    """Raise for (0, 0), which broken receivers send."""
    if place.get(lat) == 0 and place.get(lon) == 0:
        raise ValidationError(
            {lat: ["(0, 0) is not a place: leave it out if unknown."]}
        )


def words(enum: type[Enum], **kwargs: Any) -> fields.Field[Any]:  # noqa: ANN401
    """Return the field of one of the enum's values."""
    return worded(fields.Enum(enum, by_value=True, **kwargs), enum)


CURRENCY = Vocabulary(
    "Currency", ("USD", "CAD", "MXN", "EUR"), "ISO 4217 currency of an amount."
)


def currency(**kwargs: Any) -> fields.String:  # noqa: ANN401 - field options
    """Return the field of a currency of a price."""
    choice = validate.OneOf(CURRENCY.values)
    return worded(fields.String(validate=choice, **kwargs), CURRENCY)


NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})
"""Names beside the zones that stand for no place, such as "this machine's zone"."""


class IsZone(validate.Validator):
    """Accepts the names of zones. The document does not list them: there are 600."""

    zones = available_timezones() - NO_PLACES

    def __call__(self, value: str) -> str:
        if value not in self.zones:
            raise ValidationError("Not an IANA time zone.")
        return value


ZONE = {
    "description": "IANA zone",
    "example": "America/Chicago",
    "format": "iana-time-zone",
}


def zone(**kwargs: Any) -> fields.String:  # noqa: ANN401 - field options
    """Return the field of an IANA zone, such as America/Chicago."""
    return fields.String(validate=IsZone(), metadata=ZONE, **kwargs)


DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text after them around, so that a name reads as another one. The marks
of a direction (U+200E, U+200F, U+061C) turn nothing around, and names in Arabic or
Hebrew script may contain them. Source: UAX 9, 2.1 to 2.4."""

# `(?!\n)$`: with `$` alone, Python takes a line end after the text.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*(?!\n)$"
NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""Control characters move a terminal's cursor or end a line; a text of several lines
may contain tabs and line ends (U+0009, U+000A, U+000D)."""


class IsLegible(validate.Validator):
    """Refuses text that shows nothing, and text that changes its direction within.

    Empty text is left to `validate.Length`.
    """

    def __call__(self, value: str) -> str:
        if not DIRECTIONS.isdisjoint(value):
            raise ValidationError(
                "Characters that change the direction of text are not allowed."
            )
        if value and not any(map(is_seen_alone, value)):
            raise ValidationError("Give a text that can be seen.")
        return value


def note(most: int = 2000) -> fields.String:
    """Return the field of an optional text of a person, of up to `most` characters on
    any number of lines."""
    return fields.String(
        load_default="",
        validate=[validate.Length(max=most), IsLegible(), _controls(NO_CONTROLS)],
    )


def line(most: int = 200, **kwargs: Any) -> fields.String:  # noqa: ANN401
    """Return the field of a text of one to `most` characters on one line that can be
    seen, without control characters and characters that change its direction."""
    checks = [validate.Length(1, most), IsLegible(), _controls(ONE_LINE)]
    return fields.String(validate=checks, **kwargs)


def paragraph(most: int, **kwargs: Any) -> fields.String:  # noqa: ANN401
    """Return the field of a text as of `line`, but on any number of lines."""
    checks = [validate.Length(1, most), IsLegible(), _controls(NO_CONTROLS)]
    return fields.String(validate=checks, **kwargs)


def _controls(allowed: str) -> validate.Regexp:
    return validate.Regexp(allowed, error="Control characters are not allowed.")


def country(**kwargs: Any) -> fields.String:  # noqa: ANN401 - field options
    """Return the field of a country's code (ISO 3166-1 alpha-2)."""
    return fields.String(
        validate=validate.Regexp(r"^[A-Z]{2}(?!\n)$", error="ISO 3166-1."), **kwargs
    )


def countries(description: str) -> fields.List[Any]:
    """Return the field of the countries that one may go to; null is only its own."""
    return fields.List(
        country(),
        allow_none=True,
        validate=validate.Length(1, 20),
        metadata={"description": description, "example": ["CA", "US"]},
    )


def sort_countries(data: dict[str, Any]) -> None:
    """Sort `countries`, if they are given, and keep each once."""
    if data.get("countries") is not None:
        data["countries"] = sorted(set(data["countries"]))


def count(**kwargs: Any) -> fields.Integer:  # noqa: ANN401 - field options
    """Return the field of a whole number from 0 that fits the database."""
    return fields.Integer(strict=True, validate=validate.Range(0, 2**31 - 1), **kwargs)


def cents_per_km(**kwargs: Any) -> Number:  # noqa: ANN401 - field options
    """Return the field of what a kilometre costs."""
    least, most = CENTS_PER_KM
    told = f"Give what a kilometre costs in cents, from {least} to {most:,}."
    metadata = {
        "description": "Cents a driven kilometre: fuel, wear, pay by the mile; not what"
        " a parked truck costs too. Null: the company's, else our default",
        "example": 97,
    }
    in_range = validate.Range(least, most, error=told)
    return Number(validate=in_range, **{"metadata": metadata} | kwargs)


def cents_per_hour(**kwargs: Any) -> fields.Integer:  # noqa: ANN401 - field options
    """Return the field of what an hour of a truck and its driver is worth."""
    least, most = CENTS_PER_HOUR
    told = f"Give what an hour is worth in cents, from {least} to {most:,}."
    metadata = {
        "description": "Cents that an hour of the truck and its driver is worth: each"
        " hour that a load keeps them longer from home costs this. Null: the company's,"
        " else our default",
        "example": 1_400,
    }
    in_range = validate.Range(least, most, error=told)
    return fields.Integer(
        strict=True, validate=in_range, **{"metadata": metadata} | kwargs
    )


class IsState(validate.Validator):
    """Accepts the codes of states and provinces, which the document does not list."""

    def __call__(self, value: str) -> str:
        if value not in COUNTRY_OF:
            raise ValidationError(
                "Not a state of the US, a province of Canada or a state of Mexico:"
                " give TX, ON or NLE."
            )
        return value


STATE = {
    "description": "ISO 3166-2 without the country: two letters in the US and Canada,"
    " three in Mexico",
    "example": "TX",
    "format": "iso-3166-2",
}


def state_code(**kwargs: Any) -> fields.String:  # noqa: ANN401 - field options
    """Return the field of a state of the US or Mexico, or a province of Canada."""
    return fields.String(validate=IsState(), metadata=STATE, **kwargs)


def clock(last: str = "23:59", **kwargs: Any) -> fields.String:  # noqa: ANN401
    """Return the field of a time of the day, from 00:00.

    last: "23:59", or "24:00" where the end of the day may be given.
    """
    form = r"([01]\d|2[0-3]):[0-5]\d" + ("|24:00" if last == "24:00" else "")
    told = f"Give a time from 00:00 to {last}."
    in_form = validate.Regexp(rf"^({form})(?!\n)$", error=told)
    return fields.String(validate=in_form, **kwargs)


LARGEST = 1e9
"""Of numbers that measure something."""


def amount(**kwargs: Any) -> Number:  # noqa: ANN401 - field options
    """Return the field of a number from 0."""
    return Number(validate=validate.Range(0, LARGEST), **kwargs)


def distance_source() -> fields.String:
    """Return the field of where a distance comes from."""
    return fields.String(
        metadata={
            "description": "`highways`: along the graph of the highways. `estimated`:"
            " great circle times circuity, where that could not be read. `no_road`: no"
            " road joins the stops of a load of an earlier release",
            "example": "highways",
        }
    )


class PlaceIn(ma.Schema):
    """A point where there are roads."""

    lat = lat(required=True)
    lon = lon(required=True)

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        refuse_null_island(data)
