"""Fixes from the phone."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import marshmallow as ma
import msgspec
from flask.views import MethodView
from marshmallow import fields, validate

from api.kernel import limits
from api.kernel.answers import Answer, Vocabulary, known, shaped, sometimes
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import ClaimedTime, Time
from api.kernel.problems import raises
from geo.points import ROADS_NORTH, ROADS_SOUTH
from models.fleet.flags import FlagKind
from runtime.db import Session
from runtime.errors import Forbidden
from services.fleet import positions
from services.fleet.positions import Fix, FixResult, FixStatus
from services.kernel.actors import Permission
from services.kernel.clocks import NO_TIME

blueprint = Blueprint(
    "positions", __name__, url_prefix="/v1/positions", description="Positions."
)

MOST_FIXES = 1_000

MAY_BE_UNKNOWN = ("accuracy_m", "speed_mps", "heading_deg")
UNKNOWN = -1
"""How iOS gives what it does not know."""

Latitude = Annotated[float, msgspec.Meta(ge=ROADS_SOUTH, le=ROADS_NORTH)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e7)]


class FixIn(msgspec.Struct, forbid_unknown_fields=True):
    """Where the phone was at `fixed_at`, by its clock. The phone makes the id."""

    # Decoded alone, so that a bad fix never fails the others.

    fix_id: UUID
    fixed_at: Annotated[datetime, msgspec.Meta(tz=True)]
    lat: Latitude
    lon: Longitude
    accuracy_m: NotNegative | None = None
    speed_mps: NotNegative | None = None
    heading_deg: Annotated[float, msgspec.Meta(ge=0, le=360)] | None = None


class PositionsIn(ma.Schema):
    """Up to 1,000 fixes, each {fix_id, fixed_at, lat, lon, accuracy_m, speed_mps,
    heading_deg}. The phone gives ids and times; the last three are optional, and -1 in
    one of them means unknown. A `sent_at` out of range is ignored."""

    # Bad text in a fix refuses that fix, not the batch.
    keeps_no_text = True

    sent_at = ClaimedTime(load_default=None, allow_none=True)
    fixes = fields.List(
        # Of any type, so that an element that is not a fix is refused alone.
        shaped(fields.Raw(allow_none=True), FixIn),
        required=True,
        validate=validate.Length(1, MOST_FIXES),
    )


FIX_REASON = Vocabulary(
    "FixReason",
    ("invalid-fix", "no-position", "in-the-future", "too-old"),
    "Why a fix was refused.",
)


class FixOut(Answer):
    """What became of the fix at `index` of the batch."""

    index = fields.Integer()
    fix_id = fields.UUID(allow_none=True)
    status = known(FixStatus)
    reason = known(FIX_REASON, allow_none=True)
    flags = sometimes(
        fields.List(known(FlagKind)), "if something in the fix is hard to believe"
    )
    detail = sometimes(fields.String(), "if the fix has a wrong form")


class PositionsOut(Answer):
    """One result for each fix, in the order of the request."""

    results = fields.List(fields.Nested(FixOut))
    server_time = Time()


@blueprint.route("")
class PositionsView(MethodView):
    """The caller's positions."""

    @requires(Permission.POSITIONS_REPORT, finishes_loads=True)
    @raises(Forbidden)
    @blueprint.arguments(PositionsIn)
    @blueprint.doc(operationId="report_positions")
    @blueprint.response(200, PositionsOut)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Report fixes; they may come late, out of order or repeated.

        All fixes of one driver are counted, also repeated ones: beyond the quota of an
        hour the whole batch is refused, and is sent again after `Retry-After`.
        """
        driver_id = actor().driver_id
        if driver_id is None:
            raise Forbidden("Only a driver may report positions.")
        received_at, sent_at = now(), body["sent_at"]
        # Such a clock corrects nothing; the times of the fixes may be the receiver's.
        sent_at = None if sent_at == NO_TIME else sent_at
        parsed = [_parse(raw) for raw in body["fixes"]]
        good = [fix for fix in parsed if isinstance(fix, Fix)]
        with Session.begin() as session:
            limits.meter_fixes(session, driver_id, len(parsed))
            answers = iter(
                positions.report(
                    session, driver_id, good, sent_at=sent_at, now=received_at
                )
            )
        return {
            "results": [
                _result(index, raw, fix if isinstance(fix, str) else next(answers))
                for index, (raw, fix) in enumerate(
                    zip(body["fixes"], parsed, strict=True)
                )
            ],
            "server_time": received_at,
        }


def _parse(raw: object) -> Fix | str:
    if isinstance(raw, dict):
        raw |= {name: None for name in MAY_BE_UNKNOWN if raw.get(name) == UNKNOWN}
    try:
        fix = msgspec.convert(raw, FixIn, strict=True)
    except msgspec.ValidationError as error:
        return str(error)
    except UnicodeError:
        return "A lone surrogate is not valid text."
    return Fix(**msgspec.structs.asdict(fix))


def _result(index: int, raw: object, answer: FixResult | str) -> dict[str, Any]:
    if isinstance(answer, FixResult):
        return {
            "index": index,
            "fix_id": answer.fix_id,
            "status": answer.status,
            "reason": answer.reason,
        } | ({"flags": answer.flags} if answer.flags else {})
    return {
        "index": index,
        "fix_id": _uuid(raw.get("fix_id")) if isinstance(raw, dict) else None,
        "status": FixStatus.REJECTED,
        "reason": "invalid-fix",
        "detail": answer,
    }


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
