"""What answers show of loads and their stops."""

from marshmallow import fields

from api.kernel.answers import Answer, known, shaped
from api.kernel.fields import CURRENCY, ZONE, Time
from freight.equipment import Equipment
from freight.lifecycles import LoadStatus, StopStatus
from models.loads.loads import RateType, Visibility
from models.loads.stops import StopKind


class AddressOut(Answer):
    """A postal address."""

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


class ReferenceOut(Answer):
    """Another company's number for the load; qualifiers as in X12 L11."""

    qualifier = fields.String()
    value = fields.String()


class StopOut(Answer):
    """A stop and what happened there."""

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


class MarketLoadOut(Answer):
    """A load as every company on the market sees it: no contacts, no consignee."""

    id = fields.UUID()
    load_number = fields.String()
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
    distance_source = fields.String()
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


class LoadOut(MarketLoadOut):
    """A load as its poster and its carrier see it."""

    posted_at = Time(allow_none=True)
    version = fields.Integer()
    references = fields.List(shaped(fields.Dict(), ReferenceOut))
    consignee = fields.String(allow_none=True)
    bill_to = fields.String(allow_none=True)
    lease_expires_at = Time(allow_none=True)
    cancel_reason = fields.String(allow_none=True)
    created_at = Time()
    updated_at = Time()
    stops = fields.List(fields.Nested(StopOut))
