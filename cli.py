"""The operator's commands: `python cli.py --help`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
from flask import Flask

import schema
from api.app import create_app, make_market
from config import Settings
from db import Hand, Session
from freight.roles import Role
from geo.roads import EstimatedRoads
from models.organisations import OrganisationKind
from services import audit as audit_chains
from services import members, positions
from services.identity import SHORTEST_PASSWORD
from start import (
    clear_failures,
    connect,
    keyring,
    seal,
    settings_from_environment,
)

DOCUMENT = Path(__file__).parent / "docs" / "openapi.json"


@click.group()
def cli() -> None:
    """Backhaul's commands for those who run it."""


@cli.command()
@clear_failures
def migrate() -> None:
    """Bring the database schema to this release, partitions included."""
    settings = settings_from_environment()
    login = connect(settings, needs_schema=False)
    schema.upgrade(login)
    login.dispose()
    connect(settings, hand=Hand.SERVER)
    # A phone may report before the first worker has started.
    with Session.begin() as session:
        positions.make_partitions(session, now=datetime.now(UTC))
    click.echo(f"The schema is at {schema.head()}.")


@cli.command()
@click.option("--name", required=True, help="The company's name.")
@click.option(
    "--kind",
    required=True,
    type=click.Choice([kind.value for kind in OrganisationKind]),
)
@click.option("--admin-name", required=True)
@click.option("--admin-email", required=True)
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role if role is not Role.SYSTEM]),
    help="A further role of the admin, such as dispatcher. Repeatable.",
)
@click.password_option(help="Asked for when left out.")
@clear_failures
def create_org(
    name: str,
    kind: str,
    admin_name: str,
    admin_email: str,
    roles: tuple[str, ...],
    password: str,
) -> None:
    """Make a company and its first admin."""
    if "@" not in admin_email:
        raise click.BadParameter("An e-mail address, please.", param_hint="admin-email")
    if len(password) < SHORTEST_PASSWORD:
        raise click.BadParameter(
            f"At least {SHORTEST_PASSWORD} characters.", param_hint="password"
        )
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        admin = members.create_organisation(
            session,
            name=name,
            kind=OrganisationKind(kind),
            admin_name=admin_name,
            admin_email=admin_email,
            password=password,
            roles=[Role(role) for role in roles],
        )
        click.echo(f"Company {admin.org_id}, admin {admin.id}.")


@cli.group()
def audit() -> None:
    """The audit chains: who did what to which row."""


@audit.command()
@click.option(
    "--heads",
    type=click.File(),
    help="Signed heads kept elsewhere, one JSON object a line, as `heads` prints them.",
)
@clear_failures
def verify(heads: TextIO | None) -> None:
    """Recompute every chain; exit 1 if one was edited, cut or rewritten."""
    settings = settings_from_environment()
    connect(settings, hand=Hand.SERVER)
    elsewhere = [json.loads(line) for line in heads or () if line.strip()]
    with Session() as session:
        found = audit_chains.verify(session, seal(settings), elsewhere)
    for fault in found.faults:
        click.echo(f"Company {fault.org_id}, entry {fault.seq}: {fault.reason}.")
    click.echo(
        f"{found.entries} entries and {found.signatures} signed heads checked,"
        f" {len(found.faults)} faults."
    )
    if found.faults:
        raise SystemExit(1)


@audit.command()
@clear_failures
def heads() -> None:
    """Sign the heads now and print them all, to be kept away from this database."""
    settings = settings_from_environment()
    connect(settings, hand=Hand.SERVER)
    with Session.begin() as session:
        audit_chains.sign_heads(session, seal(settings), now=datetime.now(UTC))
        for signature in audit_chains.signed_heads(session):
            click.echo(json.dumps(audit_chains.to_record(signature)))


@cli.command()
@click.option("--check", is_flag=True, help="Only say whether the file is current.")
@clear_failures
def openapi(check: bool) -> None:
    """Write docs/openapi.json from the code."""
    text = document_text(_app_without_database())
    if not check:
        DOCUMENT.write_text(text)
    elif not DOCUMENT.exists() or DOCUMENT.read_text() != text:
        raise click.ClickException("docs/openapi.json is old: run `make openapi`.")


def document_text(app: Flask) -> str:
    """Return the OpenAPI document as it is committed."""
    document = app.extensions["api"].spec.to_dict()
    return json.dumps(document, indent=1, sort_keys=True, default=str) + "\n"


def _app_without_database() -> Flask:
    settings = Settings()
    return create_app(
        settings,
        keyring(settings),
        make_market(settings, EstimatedRoads()),
        schema_head=schema.head(),
    )


if __name__ == "__main__":
    cli()
