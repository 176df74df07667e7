"""The operator's commands: `backhaul --help`."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from uuid import UUID

import click
from flask import Flask

import worker as job_process
import wsgi
from api.app import create_app, make_posting_rules
from edges.loads import loads
from edges.people import person
from edges.start import (
    audit_key,
    clear_failures,
    connect,
    keyring,
    secret_files,
    settings_from_environment,
)
from freight.roles import Role
from geo.roads import EstimatedRoads
from handlers.supplies import in_batches
from market.board import write_board
from models.people.organisations import OrganisationKind, Verification
from runtime import keys, migrating, schema
from runtime.config import Settings
from runtime.db import Hand, Session
from runtime.errors import CannotStart
from services.booking.give_backs import by_company
from services.fleet import positions
from services.market.changes import bring_changes_back
from services.people import organisations
from services.people.organisations import Company
from services.people.passwords import SHORTEST_PASSWORD, hash_password
from services.upkeep import audit as audit_chains
from services.upkeep import suspensions

try:
    from local import url_for, url_of_running
    from local.place import DATABASE, data_dir, has_database
    from local.run import main as run_all
except ModuleNotFoundError as missing:
    # The image does not contain `local`: there, DATABASE_URL is set.
    if missing.name != "local":
        raise
    url_of_running = None  # type: ignore[assignment]

DOCUMENT = Path(__file__).parent / "docs" / "openapi.json"


@click.group()
@click.pass_context
def cli(context: click.Context) -> None:
    """The operator's commands of Backhaul.

    Without DATABASE_URL they work on the database of a running `make run`.
    """
    if context.invoked_subcommand == "run" or url_of_running is None:
        return
    if has_database(os.environ):
        return
    url = url_of_running(data_dir())
    if url is not None:
        # In the environment, so that the processes of `web` find it too.
        os.environ["DATABASE_URL"] = url_for(url, DATABASE)


@cli.command()
@clear_failures
def run() -> None:
    """Run web and worker on this machine, on an embedded database if none is set."""
    if url_of_running is None:
        raise CannotStart(
            "The package `local` is not installed here: start `backhaul web` and"
            " `backhaul worker`, each with DATABASE_URL set."
        )
    run_all()


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def web(options: tuple[str, ...]) -> None:
    """Serve the web process; `backhaul web --help` lists its options."""
    wsgi.main(options)


@cli.command()
def worker() -> None:
    """Run the jobs until SIGTERM."""
    job_process.main()


@cli.command()
@clear_failures
def migrate() -> None:
    """Bring the database schema to this release, partitions included, and a restored
    dump to this server."""
    settings = settings_from_environment()
    login = connect(settings, needs_schema=False)
    migrating.upgrade(login)
    login.dispose()
    connect(settings, hand=Hand.SERVER)
    # A phone may report a position before the first worker has started.
    with Session.begin() as session:
        positions.make_partitions(session, now=datetime.now(UTC))
    in_batches(bring_changes_back)
    click.echo(f"The schema is at {schema.head()}.")


@cli.command()
@click.option("--name", required=True, help="The company's name.")
@click.option(
    "--kind",
    required=True,
    type=click.Choice([kind.value for kind in OrganisationKind]),
)
@click.option("--usdot", help="1 to 8 digits; shippers may have none.")
@click.option("--mc", help="The MC number, if it has one.")
@click.option("--country", default="US", help="Of its trucks' plates (ISO 3166-1).")
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
    usdot: str | None,
    mc: str | None,
    country: str,
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
    password_hash = hash_password(password)
    with Session.begin() as session:
        admin = organisations.found(
            session,
            Company(name, OrganisationKind(kind), usdot, mc, country),
            admin_name=admin_name,
            admin_email=admin_email,
            password_hash=password_hash,
            roles=[Role(role) for role in roles],
        )
        click.echo(f"Company {admin.org_id}, admin {admin.id}.")


@cli.command()
@click.option("--loads", type=click.IntRange(0), default=10_000, show_default=True)
@click.option("--trucks", type=click.IntRange(0), default=500, show_default=True)
@click.option("--orgs", type=click.IntRange(0), default=40, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.password_option(help="Of every member. Asked for when left out.")
@clear_failures
def seed(loads: int, trucks: int, orgs: int, seed: int, password: str) -> None:
    """Put a made-up market into the database: companies, trucks, posted loads.

    For measuring and trying out, never in a database with real companies. A
    second run adds a second market to the first.
    """
    settings = settings_from_environment()
    if settings.is_production:
        raise CannotStart(
            "ENVIRONMENT is production: made-up freight does not belong there."
        )
    connect(settings, hand=Hand.SERVER).dispose()
    try:
        companies = write_board(
            settings.DATABASE_URL,
            loads=loads,
            trucks=trucks,
            orgs=orgs,
            seed=seed,
            now=datetime.now(UTC),
            password_hash=hash_password(password),
            tell=lambda written: click.echo(f"{written:,} loads", err=True),
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="orgs") from None
    for kind in OrganisationKind:
        found = next((company for company in companies if company.kind == kind), None)
        if found is not None:
            click.echo(f"For the desk of a {kind}, sign in as {found.email}.")


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
    try:
        elsewhere = [json.loads(line) for line in heads or () if line.strip()]
        with Session() as session:
            found = audit_chains.verify(session, audit_key(settings), elsewhere)
    except (ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(
            f"Not as `audit heads` prints them ({error}).", param_hint="heads"
        ) from None
    for fault in found.faults:
        click.echo(f"Company {fault.org_id}, entry {fault.seq}: {fault.reason}.")
    for each in found.unchained:
        click.echo(
            f"Company {each.org_id}: {each.entries} entries are not chained yet, the"
            f" oldest of {each.since:%Y-%m-%d %H:%M:%S}Z."
        )
    click.echo(
        f"{found.entries} entries and {found.signatures} signed heads checked,"
        f" {len(found.faults)} faults."
    )
    if found.faults:
        raise SystemExit(1)


@audit.command()
@clear_failures
def heads() -> None:
    """Sign the heads now and print them all. Keep them away from this database."""
    settings = settings_from_environment()
    connect(settings, hand=Hand.SERVER)
    in_batches(audit_chains.chain)
    with Session.begin() as session:
        audit_chains.sign_heads(session, audit_key(settings), now=datetime.now(UTC))
        for signature in audit_chains.signed_heads(session):
            click.echo(json.dumps(audit_chains.to_record(signature)))


@cli.command()
@click.option("--org", required=True, type=click.UUID, help="The company's id.")
@click.option(
    "--state",
    required=True,
    type=click.Choice([state.value for state in Verification]),
)
@click.option("--source", required=True, help="Where it was looked up, such as SAFER.")
@clear_failures
def verify_org(org: UUID, state: str, source: str) -> None:
    """Record what the register says about a company."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        company = organisations.verify(
            session,
            org,
            verification=Verification(state),
            source=source,
            now=datetime.now(UTC),
        )
        click.echo(f"{company.name} is {company.verification}.")


@cli.command()
@click.option("--org", required=True, type=click.UUID, help="The company's id.")
@click.option("--reason", required=True)
@clear_failures
def suspend_org(org: UUID, reason: str) -> None:
    """Shut a company out at once, but for what it has to finish; hide its posts."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    now = datetime.now(UTC)
    with Session.begin() as session:
        company = suspensions.suspend(session, org, reason=reason, now=now)
    # After the commit: a search that began before it has made its offers by now, or
    # sees the suspension.
    more, loads = 1, 0
    while more:
        with Session.begin() as session:
            more = suspensions.withdraw_offers(session, org, now=now)
        loads += more
    click.echo(f"{company.name} is suspended; offers of {loads} loads were withdrawn.")


@cli.command()
@click.option("--org", required=True, type=click.UUID, help="The company's id.")
@clear_failures
def resume_org(org: UUID) -> None:
    """Let a suspended company back in."""
    connect(settings_from_environment(), hand=Hand.SERVER)
    with Session.begin() as session:
        company = suspensions.resume(session, org, now=datetime.now(UTC))
        click.echo(f"{company.name} takes part again.")


@cli.command()
@clear_failures
def give_backs() -> None:
    """List the companies that quickly gave back loads they had booked."""
    settings = settings_from_environment()
    connect(settings, hand=Hand.SERVER)
    found = by_company(settings.quick_give_back, now=datetime.now(UTC))
    with Session() as session:
        for name, org_id, bookings, quick in session.execute(found):
            click.echo(f"{name} ({org_id}): {quick} of {bookings} bookings")


cli.add_command(person)
cli.add_command(loads)


@cli.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([secret.setting for secret in keys.ROTATED]),
    help="Only this key. Repeatable.",
)
@clear_failures
def rotate_keys(only: tuple[str, ...]) -> None:
    """Make new keys; the old ones are still accepted. See OPERATIONS, "Keys"."""
    settings = settings_from_environment()
    wanted = [key for key in keys.ROTATED if not only or key.setting in only]
    try:
        told = keys.rotate(settings, secret_files(), wanted)
    except OSError as error:
        raise CannotStart(f"{error.filename}: {error.strerror}.") from None
    click.echo("\n".join(told))


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
    """Return the OpenAPI document as the text of docs/openapi.json."""
    document = app.extensions["api"].spec.to_dict()
    return json.dumps(document, indent=1, sort_keys=True, default=str) + "\n"


def _app_without_database() -> Flask:
    settings = Settings()
    return create_app(
        settings,
        keyring(settings),
        make_posting_rules(settings, EstimatedRoads()),
        schema_head=schema.head(),
    )


if __name__ == "__main__":
    cli()
