"""What a driver wishes: where they are home each week, and the freight they like."""

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate

from api.kernel.answers import Answer, known
from api.kernel.fields import ZONE, Flag, clock, state_code, words, zone
from freight.preferences import DEAREST_CENTS, Preference, PreferenceKind, Weekday

MOST = 20
"""Preferences of a driver."""

Record = dict[str, Any]


class HomeEveryIn(ma.Schema):
    """A day of the week and a time, by the clock of a zone."""

    weekday = words(Weekday, required=True, metadata={"example": "fri"})
    at = clock(required=True, metadata={"example": "18:00"})
    zone = zone(required=True)


class HomeEveryOut(Answer):
    """A day of the week and a time, by the clock of a zone."""

    weekday = known(Weekday)
    at = fields.String(metadata={"example": "18:00"})
    zone = fields.String(metadata=ZONE)


class QuietHoursIn(ma.Schema):
    """Two times of the day between which they are not rung, over midnight if `until` is
    the earlier one; by the clock of the zone, or of their home if it is null. An hour
    that the clock leaves out is not quiet; one that it shows twice is, twice."""

    from_ = clock(
        required=True,
        data_key="from",
        attribute="from",
        metadata={"example": "22:00"},
    )
    until = clock(required=True, metadata={"example": "06:00"})
    zone = zone(load_default=None, allow_none=True)

    @ma.validates_schema
    def _check(self, data: Record, **_: Any) -> None:  # noqa: ANN401
        if data["until"] == data["from"]:
            told = "The quiet hours end when they begin: give null for none."
            raise ValidationError({"until": [told]})


class QuietHoursOut(Answer):
    """Two times of the day between which they are not rung."""

    from_ = fields.String(data_key="from", metadata={"example": "22:00"})
    until = fields.String(metadata={"example": "06:00"})
    zone = fields.String(allow_none=True, metadata=ZONE)


STATES_OF = {
    PreferenceKind.LANE: ("from_state", "to_state"),
    PreferenceKind.NO_STATE: ("state",),
}
"""The states that a kind of preference is about. A lane has one of them, or both."""


class PreferenceIn(ma.Schema):
    """What a driver prefers: hard, or worth `cents` to them for one load. A `lane` has
    `from_state`, `to_state` or both; `no_state` has `state`."""

    kind = words(PreferenceKind, required=True, metadata={"example": "lane"})
    is_hard = Flag(
        load_default=False,
        metadata={"description": "loads that do not meet it are never offered"},
    )
    cents = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, DEAREST_CENTS),
        metadata={"description": "what it is worth; 0 if hard", "example": 5_000},
    )
    state = state_code(load_default=None, allow_none=True)
    from_state = state_code(load_default=None, allow_none=True)
    to_state = state_code(load_default=None, allow_none=True)

    @ma.validates_schema
    def _check(self, data: Record, **_: Any) -> None:  # noqa: ANN401
        wanted = STATES_OF.get(data["kind"], ())
        for name in ("state", "from_state", "to_state"):
            if data[name] is not None and name not in wanted:
                told = f"A preference {data['kind'].value} has no {name}."
                raise ValidationError({name: [told]})
        if wanted and all(data[name] is None for name in wanted):
            told = f"Give {' or '.join(wanted)}."
            raise ValidationError({wanted[0]: [told]})
        if data["is_hard"] and data["cents"]:
            told = "A hard preference has no price: leave cents out, or is_hard."
            raise ValidationError({"cents": [told]})
        if not data["is_hard"] and not data["cents"]:
            told = f"Give from 1 to {DEAREST_CENTS:,} cents, or is_hard."
            raise ValidationError({"cents": [told]})


class PreferenceOut(Answer):
    """What a driver prefers: hard, or worth `cents` to them for one load."""

    kind = known(PreferenceKind)
    is_hard = fields.Boolean()
    cents = fields.Integer()
    state = fields.String(allow_none=True)
    from_state = fields.String(allow_none=True)
    to_state = fields.String(allow_none=True)


def refuse_repeated(preferences: Sequence[Record]) -> None:
    """Raise if two preferences are about the same thing."""
    seen: set[tuple[str | None, ...]] = set()
    for at, record in enumerate(preferences):
        about = Preference.from_record(record).about
        if about in seen:
            told = "Another preference is about the same."
            raise ValidationError({"preferences": {at: [told]}})
        seen.add(about)
