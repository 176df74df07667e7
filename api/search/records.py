"""What searches and offers keep as JSON, and show as they kept it."""

from marshmallow import fields

from api.fleet.wishes import PreferenceOut
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
from api.kernel.fields import CURRENCY, ZONE, Time, distance_source
from freight.equipment import Equipment
from freight.feasibility import Stage
from freight.preferences import RankBy
from freight.relaxations import RelaxationKind
from services.judging.situations import CostSource
from services.judging.whereabouts import StartsFrom

TERM = Vocabulary(
    "TermName",
    (
        *("price", "fee", "deadhead_cost", "loaded_cost", "home_deadhead_cost"),
        *("baseline_saved", "duty_hours_cost", "cancellation_risk"),
        *("lane", "no_weekends", "no_nights", "no_cities", "no_state"),
    ),
    "What a part of a score stands for.",
)
UNIT = Vocabulary(
    "FigureUnit",
    (
        *("m", "kg", "cents", "cents_per_km", "utc", "currency", "load_status"),
        *("equipment", "country", "wish"),
    ),
    "The unit of a figure. `utc` is a time, `equipment` one or more types joined by"
    " `|`, `country` one or more of ISO 3166-1, `wish` a kind of preference.",
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

LATER = "in searches of this release and later ones"
EARLIER = "in searches of earlier releases, which widened their circle"
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
    sample = sometimes(
        fields.Integer(allow_none=True), "if it is drawn from other cases: how many"
    )


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
    summary = sometimes(
        fields.String(metadata={"description": "all of it in a sentence, in English"}),
        LATER,
    )


IN_AN_OFFER = "in an offer"


class CandidateStopOut(Answer):
    """A stop as the search saw it. `opening`: when it is open within its window, as
    seconds of Unix time: from, until, from, until and so on; empty: all the time.

    `leg_m` is the way from the stop before, `leg_access_m` its part off the highways.
    """

    point = shaped(fields.Dict(), PointOut)
    is_pickup = fields.Boolean()
    window_from = Time()
    window_until = Time()
    opening = fields.List(fields.Integer())
    leg_m = fields.Float()
    leg_access_m = fields.Float()
    country = fields.String(allow_none=True)
    state = fields.String(allow_none=True)
    is_urban = fields.Boolean()


class CandidateOut(Answer):
    """A load as the search saw it, with its positions rounded to 0.01 degree."""

    load_id = fields.UUID()
    pickup = shaped(fields.Dict(), PointOut)
    delivery = shaped(fields.Dict(), PointOut)
    loaded_m = fields.Float()
    loaded_access_m = fields.Float(
        metadata={"description": "the part of `loaded_m` that is off the highways"},
    )
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
    loaded_access_m = sometimes(fields.Float(), LATER)
    takes_reefers = sometimes(fields.Boolean(), LATER)
    stops = sometimes(fields.List(shaped(fields.Dict(), CandidateStopOut)), LATER)
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


class RelaxationOut(Answer):
    """A step that would let loads in, alone: the smallest one of its kind that was
    tried. `change` has what would be allowed (for `deadhead`: how much farther), and as
    its limit what is allowed now."""

    kind = known(RelaxationKind)
    change = shaped(fields.Dict(allow_none=True), FigureOut)
    load_count = fields.Integer(
        metadata={"description": "how many would be worth taking"},
    )
    best_cents = fields.Integer(
        metadata={"description": "what the best of them would gain"},
    )


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
    distance_source = distance_source()
    hour_cents = sometimes(fields.Integer(), LATER)
    cost_empty_source = sometimes(known(CostSource), LATER)
    cost_loaded_source = sometimes(known(CostSource), LATER)
    hour_source = sometimes(known(CostSource), LATER)
    starts_from = sometimes(known(StartsFrom), LATER)
    is_crew = sometimes(fields.Boolean(), LATER)
    drop_country = sometimes(fields.String(allow_none=True), LATER)
    home_country = sometimes(fields.String(allow_none=True), LATER)
    carrier_country = sometimes(fields.String(allow_none=True), LATER)
    driver_country = sometimes(fields.String(allow_none=True), LATER)
    countries = sometimes(fields.List(fields.String(), allow_none=True), LATER)
    rank_by = sometimes(known(RankBy), LATER)
    preferences = sometimes(fields.List(shaped(fields.Dict(), PreferenceOut)), LATER)
    zone = sometimes(fields.String(metadata=ZONE), LATER)


class ParametersOut(Answer):
    """The rules of the search.

    `max_deadhead_m`: of a driver who named no limit.
    """

    only_if = SEARCHED

    fee_share = fields.Float(metadata={"description": "share of the price, 0 to 1"})
    highway_mps = sometimes(fields.Float(), LATER)
    access_mps = sometimes(
        fields.Float(metadata={"description": "off the highways"}), LATER
    )
    dwell_s = fields.Float()
    border_s = sometimes(fields.Float(), LATER)
    max_deadhead_m = sometimes(fields.Float(), LATER)
    max_detour_m = fields.Float()
    radii_m = sometimes(fields.List(fields.Float()), EARLIER)
    enough = sometimes(fields.Integer(), EARLIER)
    duty_hour_cents = sometimes(fields.Integer(), EARLIER)
    planning_speed_mps = sometimes(fields.Float(), EARLIER)


class RequestOut(Answer):
    """What was asked for. Null: as after a drop."""

    by = sometimes(fields.UUID(), KEPT)
    place = sometimes(shaped(fields.Dict(allow_none=True), PointOut), KEPT)
    free_at = sometimes(Time(allow_none=True), KEPT)
    destination = sometimes(shaped(fields.Dict(allow_none=True), PointOut), KEPT)
    radius_m = sometimes(fields.Float(allow_none=True), KEPT)


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
    rings = sometimes(fields.List(fields.Nested(RingOut)), EARLIER)


class TimingsOut(Answer):
    """How long the search took."""

    only_if = SEARCHED

    search_ms = fields.Float()
    judge_ms = sometimes(fields.Float(), LATER)
    relax_ms = sometimes(fields.Float(), LATER)
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
