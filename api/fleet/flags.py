"""Flags: reports of the company's phones that are hard to believe."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, known, sometimes
from api.kernel.auth import actor, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time, line
from api.kernel.lists import PageArgs, page, page_of
from api.kernel.problems import raises
from models.fleet.flags import Flag, FlagKind, FlagSubject
from runtime.db import Session
from runtime.errors import NotFound
from services.fleet import flags
from services.kernel.actors import Permission

blueprint = Blueprint(
    "flags",
    __name__,
    url_prefix="/v1/flags",
    description="Flags: what a phone reported that is hard to believe. The report"
    " counts; a person of the driver's company looks at the flag and ends it.",
)


class FlagsArgs(PageArgs):
    """Filters."""

    is_open = fields.Boolean(load_default=None)


class FlagEndIn(ma.Schema):
    """What was found out."""

    word = line(
        2000,
        required=True,
        metadata={"example": "The phone had no signal: it is fine."},
    )


class FlagOut(Answer):
    """A doubt about a report. `fact` says which one at a stop, such as `arrival`; it is
    empty for positions."""

    id = fields.UUID()
    kind = known(FlagKind)
    subject = known(FlagSubject)
    subject_id = fields.UUID()
    fact = fields.String()
    driver_id = fields.UUID(allow_none=True)
    load_id = sometimes(fields.UUID(attribute="body.load_id"), "for a stop")
    times = fields.Integer()
    created_at = Time()
    last_at = Time()
    ended_at = Time(allow_none=True)
    ended_by = fields.UUID(allow_none=True)
    word = fields.String(allow_none=True)


@blueprint.route("")
class FlagsView(MethodView):
    """The company's flags."""

    @requires(Permission.FLAGS_READ)
    @raises()
    @blueprint.arguments(FlagsArgs, location="query")
    @blueprint.doc(operationId="list_flags")
    @blueprint.response(200, page_of(FlagOut, "Flag"))
    def get(self, args: dict[str, Any]) -> dict[str, Any]:
        """List the flags of the company's drivers, newest first."""
        is_open = args.pop("is_open")
        with Session() as session:
            query = flags.visible_flags(actor())
            if is_open is not None:
                query = query.where(Flag.ended_at.is_(None) == is_open)
            return page(session, query, Flag.id, **args)


@blueprint.route("/<uuid:flag_id>/end")
class FlagEndView(MethodView):
    """The end of a flag."""

    @requires(Permission.FLAGS_END)
    @raises(NotFound)
    @blueprint.arguments(FlagEndIn)
    @blueprint.doc(operationId="end_flag")
    @blueprint.response(200, FlagOut)
    def put(self, body: dict[str, Any], flag_id: UUID) -> Flag:
        """End a flag with a word; the first one stands."""
        with Session.begin() as session:
            return flags.end_flag(session, actor(), flag_id, **body, now=now())
