"""What a program of a client does: `make clients` checks its types, nothing runs it."""

from datetime import datetime
from uuid import UUID, uuid4

from backhaul_client import AuthenticatedClient
from backhaul_client.api.backhaul_searches import explain_load, get_search
from backhaul_client.api.loads import edit_load, post_load
from backhaul_client.api.offers import accept_offer, decline_offer, list_offers
from backhaul_client.api.operations import get_health
from backhaul_client.api.positions import report_positions
from backhaul_client.api.sync import sync_changes
from backhaul_client.models import (
    AssignmentOut,
    DeclineIn,
    DeclineReason,
    Equipment,
    ExplanationOut,
    FixIn,
    LoadEdit,
    LoadIn,
    LoadOut,
    OfferOut,
    OfferPage,
    PositionsIn,
    PositionsOut,
    PostedLoadOut,
    Problem,
    SearchOut,
    StopIn,
    StopKind,
    SyncOut,
)
from backhaul_client.types import UNSET, Unset

ZONE = "America/Chicago"


def in_words(offer: OfferOut) -> str:
    """Say what the offer is worth; fields that every answer has are never unset."""
    gain: int = offer.score_cents
    why: DeclineReason | None = offer.decline_reason
    place: str | Unset | None = offer.load.pickup_place
    terms = [f"{term.name}: {term.value}" for term in offer.terms]
    empty_m: float = offer.figures.empty_after_m - offer.figures.empty_before_m
    weight_kg: int | None = offer.snapshot.weight_kg
    return f"{offer.status} {gain} {place or '-'} {why} {terms} {empty_m} {weight_kg}"


def best_offer(client: AuthenticatedClient) -> OfferOut | None:
    answer = list_offers.sync(client=client, is_open=True, limit=3)
    if isinstance(answer, Problem):
        raise LookupError(f"{answer.code}: {answer.detail}")
    assert isinstance(answer, OfferPage)
    return max(answer.data, key=lambda offer: offer.score_cents, default=None)


def accept(client: AuthenticatedClient, offer: OfferOut) -> list[datetime]:
    answer = accept_offer.sync(offer.id, client=client)
    if isinstance(answer, Problem) and isinstance(answer.next_offer, OfferOut):
        return accept(client, answer.next_offer)
    if not isinstance(answer, AssignmentOut):
        decline_offer.sync(
            offer.id, client=client, body=DeclineIn(reason=DeclineReason.PRICE)
        )
        return []
    return [stop.window_until for stop in answer.load.stops]


def post(client: AuthenticatedClient, at: datetime) -> PostedLoadOut | Problem | None:
    """Post a load; only what is required must be given, whatever has a default."""
    kinds = (StopKind.PICKUP, StopKind.DELIVERY)
    stops = [
        StopIn(
            kind=kind, lat=32.78, lon=-96.8, window_from=at, window_until=at, zone=ZONE
        )
        for kind in kinds
    ]
    load = LoadIn(equipment=[Equipment.VAN], price_cents=250_000, stops=stops)
    assert isinstance(load.currency, Unset)
    return post_load.sync(client=client, body=load, idempotency_key=str(uuid4()))


def edit(client: AuthenticatedClient, load_id: UUID, tag: str) -> None:
    body = LoadEdit(commodity=None)
    # A field that is not given stays as it is: its default must not be sent.
    assert body.to_dict() == {"commodity": None}
    edit_load.sync(load_id, client=client, body=body, if_match=tag)


def report(client: AuthenticatedClient, at: datetime) -> list[str]:
    fix = FixIn(fix_id=uuid4(), fixed_at=at, lat=32.78, lon=-96.8)
    answer = report_positions.sync(client=client, body=PositionsIn(fixes=[fix]))
    assert isinstance(answer, PositionsOut)
    return [str(result.reason or result.status) for result in answer.results]


def pull(client: AuthenticatedClient, cursor: str | Unset = UNSET) -> str:
    answer = sync_changes.sync(client=client, cursor=cursor)
    assert isinstance(answer, SyncOut)
    loads: list[LoadOut | Unset] = [change.load for change in answer.changes]
    kept = [load.references for load in loads if not isinstance(load, Unset)]
    return answer.cursor if kept else ""


def why(client: AuthenticatedClient, search_id: UUID, load_id: UUID) -> str:
    answer = explain_load.sync(search_id, client=client, load_id=load_id)
    assert isinstance(answer, ExplanationOut)
    figure = answer.figure
    limit: float | str | None = figure.limit if figure else None
    return f"{answer.verdict} {answer.reason} {answer.stage} {limit}"


def counted(client: AuthenticatedClient, search_id: UUID) -> int:
    answer = get_search.sync(search_id, client=client)
    assert isinstance(answer, SearchOut)
    stages = answer.counts.stages or []
    return sum(sum(stage.excluded.additional_properties.values()) for stage in stages)


def is_up(client: AuthenticatedClient) -> bool:
    return get_health.sync_detailed(client=client).status_code == 200
