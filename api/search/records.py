"""What searches and offers keep as JSON, and show as they kept it."""

from marshmallow import fields

from api.kernel.answers import (
    Answer,
    GeoMultiPolygon,
    GeoPoint,
    GeoPolygon,
    Vocabulary,
    known,
    shaped,
    sometimes,
)
from api.kernel.fields import CURRENCY, Time
from freight.equipment import Equipment
from freight.feasibility import Stage

TERM = Vocabulary(
    "TermName",
    (
        *("price", "fee", "deadhead_cost", "loaded_cost", "home_deadhead_cost"),
        *("baseline_saved", "duty_hours_cost"),
    ),
    "What a part of a score stands for.",
)
UNIT = Vocabulary(
    "FigureUnit",
    (
        *("m", "kg", "cents", "cents_per_km", "utc", "currency", "load_status"),
        "equipment",
    ),
    "The unit of a figure. `utc` is a time, `equipment` one or more types joined by"
    " `|`.",
)
ROLE = Vocabulary(
    "MapRole",
    (
        *("drop", "home", "circle", "corridor", "operating", "no_go"),
        *("pickup_area", "delivery_area"),
    ),
    "What a feature of the map shows.",
)
STAGE = Vocabulary(
    "SearchStage",
    Vocabulary.of(Stage).values,
    "A question of the search, in the order in which they are asked.",
)

SEARCHED = "if loads were searched"
KEPT = "if loads were searched and the driver's data was not erased since"


class PointOut(Answer):
    """A place, in degrees, WGS 84."""

    lat = fields.Float()
    lon = fields.Float()


class TermOut(Answer):
    """One signed part of the score."""

    name = known(TERM)
    unit = known(UNIT)
    value = fields.Integer()


class FiguresOut(Answer):
    """What the load would mean for the driver.

    `empty_before_m` and `empty_after_m` are the empty metres without and with the load.
    The `..._eta` are arrivals, before any wait for the stop to open.
    """

    deadhead_m = fields.Float(metadata={"description": "empty, drop to pickup"})
    loaded_m = fields.Float()
    home_deadhead_m = fields.Float(
        metadata={"description": "empty, delivery to home"},
    )
    baseline_m = fields.Float(metadata={"description": "the empty way home"})
    detour_m = fields.Float()
    added_duty_s = fields.Float(
        metadata={"description": "how much later the driver is home with the load"},
    )
    pay_cents_per_km = fields.Float(
        allow_none=True,
        metadata={"description": "null if drop, pickup and delivery are one place"},
    )
    pickup_eta = Time()
    delivery_eta = Time()
    home_eta = Time()
    empty_before_m = fields.Float()
    empty_after_m = fields.Float()


IN_AN_OFFER = "in an offer"


class CandidateOut(Answer):
    """A load as the search saw it, with its positions rounded to 0.01 degree."""

    load_id = fields.UUID()
    pickup = shaped(fields.Dict(), PointOut)
    delivery = shaped(fields.Dict(), PointOut)
    loaded_m = fields.Float()
    price_cents = fields.Integer()
    currency = known(CURRENCY)
    equipment = fields.List(known(Equipment))
    pickup_from = Time()
    pickup_until = Time()
    delivery_from = Time()
    delivery_until = Time()
    weight_kg = fields.Integer(allow_none=True)
    length_m = fields.Float(allow_none=True)
    has_hazmat = fields.Boolean()
    stop_count = fields.Integer()
    temperature_min_c = fields.Float(allow_none=True)
    temperature_max_c = fields.Float(allow_none=True)
    pickup_place = sometimes(fields.String(allow_none=True), IN_AN_OFFER)
    delivery_place = sometimes(fields.String(allow_none=True), IN_AN_OFFER)


class RankedOut(Answer):
    """A load that was worth taking. `unchecked`: stages that it passed only because the
    truck's figure is not known."""

    candidate = shaped(fields.Dict(), CandidateOut)
    score_cents = fields.Integer()
    terms = fields.List(fields.Nested(TermOut))
    figures = shaped(fields.Dict(), FiguresOut)
    unchecked = fields.List(known(STAGE))


class FigureOut(Answer):
    """What the load has, and what was allowed."""

    value = fields.Raw(metadata={"type": ["number", "string"]})
    limit = fields.Raw(metadata={"type": ["number", "string"]})
    unit = known(UNIT)


class SituationOut(Answer):
    """The truck after its drop. Null: not known, or no limit."""

    only_if = KEPT

    drop = shaped(fields.Dict(), PointOut)
    home = shaped(fields.Dict(), PointOut)
    free_at = Time()
    currency = known(CURRENCY)
    cost_empty_cents_per_km = fields.Float()
    cost_loaded_cents_per_km = fields.Float()
    cost_empty_is_default = fields.Boolean()
    cost_loaded_is_default = fields.Boolean()
    equipment = known(Equipment)
    payload_kg = fields.Integer(allow_none=True)
    deck_length_m = fields.Float(allow_none=True)
    is_hazmat_allowed = fields.Boolean()
    home_by_at = Time(allow_none=True)
    max_deadhead_m = fields.Float(allow_none=True)
    min_pay_cents_per_km = fields.Float(allow_none=True)
    distance_source = fields.String()


class ParametersOut(Answer):
    """The rules of the search. `enough`: the circle is widened until at least so many
    loads are worth taking."""

    only_if = SEARCHED

    radii_m = fields.List(fields.Float())
    enough = fields.Integer()
    fee_share = fields.Float(metadata={"description": "share of the price, 0 to 1"})
    duty_hour_cents = fields.Integer()
    planning_speed_mps = fields.Float()
    dwell_s = fields.Float()
    max_detour_m = fields.Float()


class StageCountOut(Answer):
    """The loads that one stage judged. `entered` minus the excluded is `left`."""

    stage = known(STAGE)
    entered = fields.Integer()
    excluded = fields.Dict(
        values=fields.Integer(),
        metadata={"description": "how many loads, by `ExplanationReason`"},
    )
    left = fields.Integer()


class RingOut(Answer):
    """One circle of the search. `is_complete`: every load in it was judged, not only
    those that could be among the best."""

    radius_m = fields.Float()
    considered = fields.Integer()
    ranked = fields.Integer()
    is_complete = fields.Boolean()


class CountsOut(Answer):
    """How many loads the search considered, and what became of them."""

    only_if = SEARCHED

    considered = fields.Integer()
    ranked = fields.Integer()
    stages = fields.List(fields.Nested(StageCountOut))
    rings = fields.List(fields.Nested(RingOut))


class TimingsOut(Answer):
    """How long the search took."""

    only_if = SEARCHED

    search_ms = fields.Float()
    record_ms = fields.Float()


class FeaturePropertiesOut(Answer):
    """What the feature shows."""

    role = known(ROLE)


class FeatureOut(Answer):
    """A GeoJSON Feature (RFC 7946)."""

    type = fields.Constant("Feature")
    properties = fields.Nested(FeaturePropertiesOut)
    geometry = shaped(fields.Dict(), GeoPoint, GeoPolygon, GeoMultiPolygon)


class MapOut(Answer):
    """A GeoJSON FeatureCollection (RFC 7946)."""

    only_if = KEPT

    type = fields.Constant("FeatureCollection")
    features = fields.List(fields.Nested(FeatureOut))
