"""What posters send: a load with its stops."""

from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate

from api.kernel.fields import (
    Flag,
    Number,
    Time,
    Whole,
    amount,
    clock,
    count,
    country,
    currency,
    lat,
    line,
    lon,
    paragraph,
    refuse_null_island,
    words,
    zone,
)
from freight.equipment import Equipment
from freight.opening import LONGEST_WINDOW
from freight.preferences import Weekday
from models.loads.loads import RateType, Visibility
from models.loads.stops import StopKind


class AddressIn(ma.Schema):
    """A postal address."""

    street = line(load_default=None, allow_none=True)
    city = line(load_default=None, allow_none=True)
    state = line(50, load_default=None, allow_none=True)
    postal_code = line(20, load_default=None, allow_none=True)
    country = country(load_default="US")


class ContactIn(ma.Schema):
    """The person to ask at the dock."""

    name = line(load_default=None, allow_none=True)
    phone = line(40, load_default=None, allow_none=True)
    email = line(254, load_default=None, allow_none=True)


class HoursIn(ma.Schema):
    """Open on these days from one time to a later one of the same day, by the clock of
    the stop's zone. Hours over midnight are two entries: until 24:00, and from 00:00.
    An hour that the clock leaves out is not open; one that it shows twice is, twice."""

    days = fields.List(
        words(Weekday),
        required=True,
        validate=validate.Length(1, len(Weekday)),
        metadata={"example": ["mon", "tue", "wed", "thu", "fri"]},
    )
    from_ = clock(
        required=True,
        data_key="from",
        attribute="from",
        metadata={"example": "08:00"},
    )
    until = clock("24:00", required=True, metadata={"example": "16:00"})

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        if len(set(data["days"])) < len(data["days"]):
            raise ValidationError({"days": ["A day is named twice."]})
        if data["until"] <= data["from"]:
            told = "The hours end before they begin: over midnight, give two entries."
            raise ValidationError({"until": [told]})


class StopIn(ma.Schema):
    """A place on the route. The times of the window have a UTC offset; `zone` is the
    facility's time zone."""

    kind = words(StopKind, required=True)
    facility = line(load_default=None, allow_none=True)
    address = fields.Nested(AddressIn, load_default=dict)
    lat = lat(required=True)
    lon = lon(required=True)
    window_from = Time(required=True)
    window_until = Time(required=True)
    zone = zone(required=True)
    opening_hours = fields.List(
        fields.Nested(HoursIn),
        load_default=None,
        allow_none=True,
        validate=validate.Length(1, 14),
        metadata={
            "description": "When the stop is open within its window, first come first"
            " served; without them it is open during all of it. They need a window of"
            f" at most {LONGEST_WINDOW.days} days."
        },
    )
    contact = fields.Nested(ContactIn, load_default=dict)
    instructions = paragraph(2000, load_default=None, allow_none=True)

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        refuse_null_island(data)
        if data["window_until"] < data["window_from"]:
            raise ValidationError(
                {"window_until": ["The window ends before it begins."]}
            )


class ReferenceIn(ma.Schema):
    """Another company's number for the load; qualifiers as in X12 L11."""

    qualifier = line(30, required=True, metadata={"example": "PO"})
    value = line(80, required=True)


class LoadFields(ma.Schema):
    """The fields of a load, without its stops."""

    load_number = line(40)
    visibility = words(Visibility, load_default=Visibility.NETWORK)
    references = fields.List(
        Whole(ReferenceIn), load_default=list, validate=validate.Length(max=30)
    )
    consignee = line(load_default=None, allow_none=True)
    bill_to = line(load_default=None, allow_none=True)
    commodity = line(load_default=None, allow_none=True)
    equipment = fields.List(
        words(Equipment), required=True, validate=validate.Length(1, len(Equipment))
    )
    weight_kg = count(load_default=None, allow_none=True)
    length_m = amount(load_default=None, allow_none=True)
    pieces = count(load_default=None, allow_none=True)
    has_hazmat = Flag(load_default=False)
    temperature_min_c = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(-100, 100),
        metadata={
            "description": "The coldest that the freight may get. With a range, a type"
            " of trailer must be accepted that holds it",
            "example": 1.5,
        },
    )
    temperature_max_c = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(-100, 100),
        metadata={"description": "The warmest it may get", "example": 4.5},
    )
    price_cents = count(
        required=True,
        metadata={
            "description": "The total; with `per_mile` the price of a mile, with"
            " `per_cwt` that of 100 pounds. The answer has the total, and the price of"
            " the unit as `rate_cents`."
        },
    )
    currency = currency(load_default="USD")
    rate_type = words(RateType, load_default=RateType.ALL_IN)
    billed_miles = Number(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0.1, 10_000),
        metadata={
            "description": "The poster's miles, for a price `per_mile`. Without them"
            " the total is computed with the product's distance."
        },
    )
    takes_reefers = Flag(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A reefer trailer may carry this freight for a van. Null is"
            " yes, for loads that accept vans.",
            "example": False,
        },
    )
    may_be_rebrokered = Flag(
        load_default=False,
        metadata={
            "description": "The carrier may post this freight again. While a driver"
            " carries the load, this can be allowed, but not taken back."
        },
    )

    @ma.post_load
    def _plain(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: ANN401
        if "equipment" in data:
            data["equipment"] = sorted({word.value for word in data["equipment"]})
        return data


class LoadIn(LoadFields):
    """A load to post. With your own `id` you may send it again after a lost answer."""

    id = fields.UUID(load_default=None)
    is_draft = Flag(load_default=False)
    stops = fields.List(Whole(StopIn), required=True, validate=validate.Length(2, 20))


class LoadEdit(LoadFields):
    """The fields to change; `stops` replaces all stops."""

    stops = fields.List(Whole(StopIn), validate=validate.Length(2, 20))
