"""What a phone follows, kept up to date."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, request
from flask.views import MethodView
from marshmallow import fields

from api.kernel.answers import Answer, Vocabulary, known, sometimes
from api.kernel.auth import actor, cursor_keys, requires
from api.kernel.bodies import Blueprint
from api.kernel.clock import now
from api.kernel.fields import Time
from api.kernel.lists import PageArgs
from api.kernel.problems import raises
from api.kernel.tags import header, polled, unchanged
from api.loads.answers import LoadOut
from api.offers.offers import BareOfferOut
from models.loads.assignments import AssignmentKind, AssignmentStatus
from runtime.db import Session
from services.kernel import cursors
from services.kernel.actors import Permission
from services.kernel.cursors import CursorInvalid, CursorMismatch
from services.upkeep import sync
from services.upkeep.feed import Position
from services.upkeep.sync import Change, Kind, Place, Resync, Step

blueprint = Blueprint(
    "sync",
    __name__,
    url_prefix="/v1/sync",
    description="What you follow, kept up to date: loads you carry, are offered or have"
    " posted, your open offers, your active assignments. Ask without a cursor for all"
    " of it, then with the newest cursor for what has changed. Ask again at once while"
    " `has_more` is true, else every few seconds or when a push arrives.",
)


SYNC_KIND = Vocabulary("SyncKind", Vocabulary.of(Kind).values, "What can be followed.")


def _followed(kind: str) -> str:
    return f"if `kind` is `{kind}` and `deleted` is false"


class HeldAssignmentOut(Answer):
    """A driver on a load; the load is followed as well."""

    id = fields.UUID()
    kind = known(AssignmentKind)
    status = known(AssignmentStatus)
    load_id = fields.UUID()
    offer_id = fields.UUID(allow_none=True)
    driver_id = fields.UUID()
    truck_id = fields.UUID()
    created_at = Time()


class ChangeOut(Answer):
    """What to follow from now on, under `kind` and `id`, or to delete if `deleted`.

    The state is in the field named after the kind. It replaces what you have; the same
    change may come twice. Stops come with their load.
    """

    kind = known(SYNC_KIND)
    id = fields.UUID()
    deleted = fields.Boolean()
    # marshmallow removes the field from the class, so `load()` is still the method.
    load = sometimes(fields.Nested(LoadOut), _followed("load"))  # type: ignore[assignment]
    offer = sometimes(fields.Nested(BareOfferOut), _followed("offer"))
    assignment = sometimes(fields.Nested(HeldAssignmentOut), _followed("assignment"))


class SyncOut(Answer):
    """Changes, to apply in this order. Keep `cursor` for the next request."""

    changes = fields.List(fields.Nested(ChangeOut))
    cursor = fields.String()
    has_more = fields.Boolean()
    server_time = Time()


@blueprint.route("")
class SyncView(MethodView):
    """What the caller follows."""

    @requires(Permission.LOADS_READ, finishes_loads=True)
    @raises(Resync)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.doc(operationId="sync_changes")
    @blueprint.response(200, SyncOut)
    @polled
    def get(self, args: dict[str, Any]) -> Any:  # noqa: ANN401 - changes, or 304
        """Get all that you follow, or what has changed since your cursor.

        Send the newest ETag as If-None-Match, with the cursor that came with it: 304
        means that nothing has changed, and both stay the newest. 410 means: start again
        without a cursor, and delete what the new start does not contain.
        """
        at: datetime = now()
        if (same := _unchanged(args["cursor"], at)) is not None:
            return same
        with Session() as session:
            place = (
                sync.begin(session, actor(), now=at)
                if args["cursor"] is None
                else _place(args["cursor"])
            )
            step = sync.advance(session, actor(), place, limit=args["limit"], now=at)
        shown = _shown(step) | {"server_time": at}
        return shown, header(shown["cursor"])


def _unchanged(cursor: str | None, at: datetime) -> Response | None:
    """Return 304 if nothing has changed since the tag of the client, else None.

    The tag is the newest cursor. Ignored are several tags, a tag that is no valid
    cursor of this client, and a tag that differs from the cursor of the request.
    """
    tags = request.if_none_match.as_set(include_weak=True)
    if len(tags) != 1:
        return None
    (tag,) = tags
    if not tag:
        # Werkzeug reads an empty tag as None.
        return None
    place = None
    with suppress(CursorInvalid, CursorMismatch):
        place = _place(tag) if cursor in {None, tag} else None
    is_quiet = place is not None and sync.is_quiet(actor(), place, now=at)
    return unchanged(tag) if is_quiet else None


def _shown(step: Step) -> dict[str, Any]:
    return {
        "changes": [_change(change) for change in step.changes],
        "cursor": _cursor(step.place),
        "has_more": step.has_more,
    }


def _change(change: Change) -> dict[str, Any]:
    shown = {"kind": change.kind, "id": change.id, "deleted": change.row is None}
    return shown if change.row is None else shown | {change.kind.value: change.row}


def _scope() -> str:
    return f"{actor().member_id} sync"


def _cursor(place: Place) -> str:
    values = [
        place.position.xid,
        place.position.event_id,
        int(place.read_at.timestamp()),
        place.roles,
        place.kind,
        str(place.last_id) if place.last_id else None,
    ]
    return cursors.signed(cursor_keys(), _scope(), values)


def _place(cursor: str) -> Place:
    """Return the place that the cursor contains.

    Raises: CursorInvalid, CursorMismatch.
    """
    values = cursors.opened(cursor_keys(), _scope(), cursor)
    xid, event_id, read_at, roles, kind, last_id = values
    return Place(
        Position(xid, event_id),
        datetime.fromtimestamp(read_at, UTC),
        roles,
        Kind(kind) if kind else None,
        UUID(last_id) if last_id else None,
    )
