"""The operator's commands about loads: odd figures, freight posted twice, lengths."""

from datetime import UTC, datetime
from uuid import UUID

import click

from edges.roads import load_roads
from edges.start import clear_failures, connect, settings_from_environment
from geo.distance import METRES_PER_MILE
from geo.roads import EstimatedRoads
from runtime.db import Hand, Session
from runtime.errors import CannotStart
from services.kernel.versions import Precondition
from services.loads import confirmation, measuring
from services.loads import duplicates as same_freight


def printable(text: str) -> str:
    """Return the text with escapes for what a terminal would obey or not show."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in text
    )


@click.group()
def loads() -> None:
    """Loads with odd figures, loads that look the same, and lengths by road."""


@loads.command()
@click.option("--load", required=True, type=click.UUID, help="The load's id.")
@clear_failures
def show(load: UUID) -> None:
    """Show a load's figures, what is odd about them, and its version."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        found = confirmation.load_for_platform(session, load)
        confirmed = "not confirmed" if found.is_unconfirmed else "may be offered"
        click.echo(
            f"Load {printable(found.load_number)} of company {found.org_id}, version"
            f" {found.version}, {found.status}, {confirmed}:"
            f" {found.currency} {found.price_cents / 100:,.2f}"
            f" for {found.loaded_m / METRES_PER_MILE:,.0f} miles"
            f" from {found.pickup_lat:.2f} {found.pickup_lon:.2f}"
            f" to {found.delivery_lat:.2f} {found.delivery_lon:.2f},"
            f" {', '.join(found.equipment)}, {found.weight_kg} kg."
        )
        for warning in found.warnings:
            click.echo(f"  {warning['code']}: {warning['detail']}")


@loads.command()
@click.option("--load", required=True, type=click.UUID, help="The load's id.")
@click.option("--version", required=True, type=int, help="As shown by `loads show`.")
@click.option("--reason", required=True)
@clear_failures
def confirm(load: UUID, version: int, reason: str) -> None:
    """Let a load with odd figures be offered, if this is still its version."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        confirmed = confirmation.confirm_for_platform(
            session,
            load,
            Precondition(frozenset({str(version)})),
            reason=reason,
            now=datetime.now(UTC),
        )
        click.echo(f"Load {printable(confirmed.load_number)} may be offered.")


@loads.command()
@clear_failures
def duplicates() -> None:
    """List loads that look like an active load of another company.

    `near` instead of `like`: its carrier posted freight near its ends and windows.
    """
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session() as session:
        for pair in same_freight.open_duplicates(session):
            carried = ", which it carries" if pair.is_carried else ""
            like = "near" if pair.is_near else "like"
            click.echo(
                f"{pair.id}: {pair.created_at:%Y-%m-%d %H:%M} company {pair.org_id}"
                f" posted {pair.load_id}, {like} {pair.like_id} of company"
                f" {pair.like_org_id}{carried}."
            )


@loads.command()
@click.option("--id", "pair", required=True, type=click.UUID, help="As listed.")
@click.option("--word", required=True, help="What was found out.")
@clear_failures
def end_duplicate(pair: UUID, word: str) -> None:
    """End a pair of loads that look the same."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        same_freight.end_duplicate(session, pair, word=word, now=datetime.now(UTC))
        click.echo(f"Ended {pair}.")


@loads.command()
@click.option(
    "--batch", default=200, show_default=True, help="Loads in one transaction."
)
@clear_failures
def measure(batch: int) -> None:
    """Measure by road the loads that were not, or by other roads. Safe to repeat."""
    settings = settings_from_environment()
    connect(settings, hand=Hand.SERVER)
    roads = load_roads(settings.ROADS_CACHE_MB)
    if isinstance(roads, EstimatedRoads):
        raise CannotStart("The graph of the highways cannot be read: see the log.")
    after, measured, without_road = None, 0, 0
    while True:
        with Session.begin() as session:
            done = measuring.measure_batch(session, roads, after=after, most=batch)
        if done.last is None:
            break
        after, measured = done.last, measured + done.measured
        without_road += len(done.without_road)
        for load in done.without_road:
            click.echo(f"Load {load}: no road leads from one of its stops to the next.")
    click.echo(f"{measured} loads measured, {without_road} of them without a road.")
