"""What answers show of loads and their stops."""

from dataclasses import dataclass
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields

from api.kernel.answers import Answer, known, shaped, sometimes
from api.kernel.fields import CURRENCY, ZONE, Time, distance_source
from api.loads.forms import (
    HIDDEN,
    HIDDEN_AT_STOPS,
    IF_FULL,
    Form,
    form_of,
    market_form,
)
from freight.equipment import Equipment
from freight.lifecycles import LoadStatus, StopStatus
from freight.preferences import Weekday
from models.fleet.flags import FlagKind
from models.loads.loads import Load, RateType, Visibility
from models.loads.stops import Stop, StopKind
from services.loads.posting import Posted


class AddressOut(Answer):
    """A postal address; on the market only its town."""

    only_if = "if the poster gave an address"

    street = fields.String(allow_none=True)
    city = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    country = fields.String(metadata={"description": "ISO 3166-1"})


class ContactOut(Answer):
    """The person to ask at the dock."""

    only_if = "if the poster gave a contact"

    name = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)


class HoursOut(Answer):
    """Open on these days from one time to a later one, by the clock of the stop's
    zone."""

    days = fields.List(known(Weekday))
    from_ = fields.String(data_key="from", metadata={"example": "08:00"})
    until = fields.String(metadata={"example": "16:00"})


class ReferenceOut(Answer):
    """Another company's number for the load; qualifiers as in X12 L11."""

    qualifier = fields.String()
    value = fields.String()


class _Formed(Answer):
    """What is shown in one of two forms: `hidden` fields only in full."""

    hidden: ClassVar[frozenset[str]]

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_name in self.hidden:
            sometimes(field_obj, IF_FULL)
        super().on_bind_field(field_name, field_obj)


class StopOut(_Formed):
    """A stop and what happened there. On the market, its position is rounded to 0.01
    degree."""

    hidden = HIDDEN_AT_STOPS

    id = fields.UUID()
    load_id = fields.UUID()
    sequence = fields.Integer()
    kind = known(StopKind)
    status = known(StopStatus)
    facility = fields.String(allow_none=True)
    address = shaped(fields.Dict(), AddressOut)
    lat = fields.Float()
    lon = fields.Float()
    window_from = Time()
    window_until = Time()
    zone = fields.String(metadata=ZONE)
    opening_hours = fields.List(
        shaped(fields.Dict(), HoursOut),
        allow_none=True,
        metadata={"description": "null if open during the whole window"},
    )
    country = fields.String(
        allow_none=True,
        metadata={"description": "ISO 3166-1; null if not known", "example": "US"},
    )
    state = fields.String(
        allow_none=True,
        metadata={
            "description": "as in the address, or that of the nearest city; null if not"
            " known",
            "example": "TX",
        },
    )
    contact = shaped(fields.Dict(), ContactOut)
    instructions = fields.String(allow_none=True)
    arrived_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    departed_at = Time(allow_none=True)
    confirmed_at = Time(allow_none=True)
    confirmed_by = fields.String(allow_none=True)
    confirmed_pieces = fields.Integer(allow_none=True)
    confirmed_weight_kg = fields.Integer(allow_none=True)
    seal_number = fields.String(allow_none=True)
    bol_number = fields.String(allow_none=True)


class FullStopOut(StopOut):
    """A stop and what happened there, for the poster or the carrier."""

    given = IF_FULL


@dataclass(frozen=True)
class Reported:
    """A stop, and the flags of the report that was just made of it."""

    stop: Stop
    flags: list[FlagKind]


class ReportedStopOut(FullStopOut):
    """A stop after a report."""

    flags = sometimes(
        fields.List(known(FlagKind)), "if something in the report is hard to believe"
    )

    def get_attribute(
        self,
        obj: Any,  # noqa: ANN401 - as the base class
        attr: str,
        default: Any,  # noqa: ANN401 - as the base class
    ) -> Any:  # noqa: ANN401 - as the base class
        if attr == "flags":
            return obj.flags or default
        return super().get_attribute(obj.stop, attr, default)


class MarketLoadOut(Answer):
    """A load as every company on the market sees it: towns, windows and freight.

    Positions are rounded to 0.01 degree. Contacts, streets, facilities and numbers are
    shown to the carrier from acceptance on.
    """

    id = fields.UUID()
    status = known(LoadStatus)
    visibility = known(Visibility)
    commodity = fields.String(allow_none=True)
    equipment = fields.List(known(Equipment))
    weight_kg = fields.Integer(allow_none=True)
    length_m = fields.Float(allow_none=True)
    pieces = fields.Integer(allow_none=True)
    has_hazmat = fields.Boolean()
    temperature_min_c = fields.Float(allow_none=True)
    temperature_max_c = fields.Float(allow_none=True)
    price_cents = fields.Integer()
    currency = known(CURRENCY)
    rate_type = known(RateType)
    loaded_m = fields.Float()
    distance_source = distance_source()
    stop_count = fields.Integer()
    pickup_place = fields.String(allow_none=True)
    pickup_lat = fields.Float()
    pickup_lon = fields.Float()
    pickup_from = Time()
    pickup_until = Time()
    delivery_place = fields.String(allow_none=True)
    delivery_lat = fields.Float()
    delivery_lon = fields.Float()
    delivery_from = Time()
    delivery_until = Time()
    posted_at = Time()

    @ma.post_dump(pass_original=True)
    def _for_the_reader(
        self,
        shown: dict[str, Any],
        load: Any,  # noqa: ANN401 - a load, or what an offer kept of it
        **_: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        return self.seen(shown, load)

    def seen(self, shown: dict[str, Any], load: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return what the reader may see of a load."""
        return market_form(shown)


class LoadWarningOut(Answer):
    """What is odd about a posted load. `pointer` names the field (RFC 6901)."""

    code = fields.String(metadata={"example": "price-odd"})
    pointer = fields.String(metadata={"example": "#/price_cents"})
    detail = fields.String()


class LoadOut(_Formed, MarketLoadOut):
    """A load in full for its poster and for the carrier that has it, else as on the
    market; `form` says which. While it is `is_unconfirmed`, it is not offered.
    `rate_cents` is the price of a mile or of 100 pounds, if it was posted so;
    `miles_source` says whose miles `billed_miles` are."""

    hidden = HIDDEN

    form = known(Form)
    load_number = fields.String()

    posted_at = Time(allow_none=True)
    version = fields.Integer()
    rate_cents = fields.Integer(allow_none=True)
    billed_miles = fields.Float(allow_none=True)
    miles_source = fields.String(allow_none=True, metadata={"example": "poster"})
    warnings = fields.List(shaped(fields.Dict(), LoadWarningOut))
    is_unconfirmed = fields.Boolean()
    may_be_rebrokered = fields.Boolean()
    takes_reefers = fields.Boolean(allow_none=True)
    crossings = fields.Integer(
        metadata={"description": "borders between consecutive stops"}
    )
    domestic_country = fields.String(
        allow_none=True,
        metadata={"description": "the country of all stops, null if there are several"},
    )
    references = fields.List(shaped(fields.Dict(), ReferenceOut))
    consignee = fields.String(allow_none=True)
    bill_to = fields.String(allow_none=True)
    lease_expires_at = Time(allow_none=True)
    cancel_reason = fields.String(allow_none=True)
    interrupted_at = Time(allow_none=True)
    interruption_reason = fields.String(allow_none=True)
    interrupted_lat = fields.Float(allow_none=True)
    interrupted_lon = fields.Float(allow_none=True)
    created_at = Time()
    updated_at = Time()
    stops = fields.List(fields.Nested(StopOut))

    def seen(self, shown: dict[str, Any], load: Load | Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the load in the reader's form."""
        form = form_of(load)
        if form is Form.MARKET:
            return market_form(shown) | {"form": form}
        for place, stop in (("pickup", load.stops[0]), ("delivery", load.stops[-1])):
            # The kept place is a town. Without one, the facility says more than null.
            shown[f"{place}_place"] = shown[f"{place}_place"] or stop.facility
        return shown | {"form": form}


class FullLoadOut(LoadOut):
    """A load in full, for its poster."""

    given = IF_FULL

    stops = fields.List(fields.Nested(FullStopOut))


class PostedLoadOut(FullLoadOut):
    """A load that was just posted or changed. Its `warnings` name also the company's
    other active loads that look the same, which need no confirmation."""

    def get_attribute(
        self,
        obj: Any,  # noqa: ANN401 - as the base class
        attr: str,
        default: Any,  # noqa: ANN401 - as the base class
    ) -> Any:  # noqa: ANN401 - as the base class
        if attr == "warnings":
            return [*obj.load.warnings, *(each.to_record() for each in obj.alike)]
        return super().get_attribute(obj.load, attr, default)

    def seen(self, shown: dict[str, Any], load: Posted) -> dict[str, Any]:  # type: ignore[override]
        """Return the load in the reader's form: the poster's."""
        return super().seen(shown, load.load)
