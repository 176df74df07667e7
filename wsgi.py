"""The web process: makes the application; `python wsgi.py` serves it.

Give the factory `wsgi:make()` to another WSGI server.
"""

import sys
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from flask import Flask

from api.app import create_app, make_posting_rules
from api.kernel.auth import bearer
from api.kernel.clock import now
from api.kernel.limits import network_of
from api.kernel.refusals import refusal
from api.upkeep.operations import PROBES
from edges.adapter import UNBOUNDED, Adapter, Admission
from edges.roads import WEB_CACHE_MB, load_roads
from edges.serving import options_of, serve
from edges.start import clear_failures, connect, keyring, settings_from_environment
from runtime import schema
from runtime.config import Settings
from runtime.errors import Unauthenticated
from services.people.tokens import Keyring, read_access_token


@clear_failures
def make() -> Flask:
    """Return the application, bound to the database of the settings."""
    settings = settings_from_environment()
    return _make(settings, keyring(settings))


def _make(settings: Settings, keys: Keyring) -> Flask:
    connect(settings)
    return create_app(
        settings,
        keys,
        make_posting_rules(settings, load_roads(WEB_CACHE_MB)),
        schema_head=schema.head(),
    )


def company_of(keys: Keyring, authorization: str | None) -> UUID | None:
    """Return the company of the header's token; None if it has no valid token."""
    try:
        return read_access_token(keys, bearer(authorization), now=now()).org_id
    except Unauthenticated:
        return None


@clear_failures
def make_adapter() -> Adapter:
    """Return the application for our own server."""
    settings = settings_from_environment()
    keys = keyring(settings)
    admission = Admission(
        company_of=partial(company_of, keys),
        network_of=network_of,
        refuse=refusal(settings),
        most_body_bytes=settings.MAX_BODY_BYTES,
        most_at_once=settings.LIMIT_ADDRESS_AT_ONCE or UNBOUNDED,
        trusted_proxies=settings.TRUSTED_PROXIES,
        probes=PROBES,
    )
    return Adapter(_make(settings, keys), admission)


@clear_failures
def main(arguments: Sequence[str]) -> None:
    """Serve until SIGTERM.

    Checks options, settings, keys and database first: else each worker would report
    the fault.
    """
    options = options_of(arguments)
    settings = settings_from_environment()
    keyring(settings)
    connect(settings).dispose()
    serve(make_adapter, options)


if __name__ == "__main__":
    main(sys.argv[1:])
