"""The operator's commands about one person."""

import json
from datetime import UTC, datetime
from uuid import UUID

import click

from edges.start import clear_failures, connect, settings_from_environment
from runtime.db import Hand, Session
from services.upkeep import privacy


@click.group()
def person() -> None:
    """One person's data: export it, or erase it."""


@person.command()
@click.option("--member", required=True, type=click.UUID, help="The member's id.")
@clear_failures
def export(member: UUID) -> None:
    """Print everything that is kept about a person, as JSON."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session() as session:
        click.echo(json.dumps(privacy.export(session, member), indent=1))


@person.command()
@click.option("--member", required=True, type=click.UUID, help="The member's id.")
@click.option("--yes", is_flag=True, help="Do not ask. There is no way back.")
@clear_failures
def erase(member: UUID, yes: bool) -> None:
    """Forget who a person is; what happened stays. Safe to repeat."""
    if not yes:
        click.confirm(f"Forget who member {member} is, for ever?", abort=True)
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        erased = privacy.erase(session, member, now=datetime.now(UTC))
        click.echo(f"Member {erased.id} is erased.")
