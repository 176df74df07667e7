"""The operator's commands about loads: odd figures, and freight posted twice."""

from datetime import UTC, datetime
from uuid import UUID

import click

from edges.start import clear_failures, connect, settings_from_environment
from runtime.db import Hand, Session
from services.loads import confirmation
from services.loads import duplicates as same_freight


@click.group()
def loads() -> None:
    """Loads with odd figures, and loads that look the same."""


@loads.command()
@click.option("--load", required=True, type=click.UUID, help="The load's id.")
@click.option("--reason", required=True)
@clear_failures
def confirm(load: UUID, reason: str) -> None:
    """Let a load with odd figures be offered."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        confirmed = confirmation.confirm_for_platform(
            session, load, reason=reason, now=datetime.now(UTC)
        )
        click.echo(f"Load {confirmed.load_number} may be offered.")


@loads.command()
@clear_failures
def duplicates() -> None:
    """List loads that look like an active load of another company."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        for pair in same_freight.open_duplicates(session):
            carried = ", which it carries" if pair.is_carried else ""
            click.echo(
                f"{pair.id}: {pair.created_at:%Y-%m-%d %H:%M} company {pair.org_id}"
                f" posted {pair.load_id}, like {pair.like_id} of company"
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
