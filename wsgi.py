"""The web process: makes the application; `python wsgi.py` serves it.

Give the factory `wsgi:make()` to another WSGI server.
"""

import sys
from collections.abc import Sequence

from flask import Flask

from api.app import create_app, make_posting_rules
from edges.serving import options_of, serve
from edges.start import clear_failures, connect, keyring, settings_from_environment
from geo.roads import EstimatedRoads
from runtime import schema


@clear_failures
def make() -> Flask:
    """Return the application, bound to the database of the settings."""
    settings = settings_from_environment()
    connect(settings)
    return create_app(
        settings,
        keyring(settings),
        make_posting_rules(settings, EstimatedRoads()),
        schema_head=schema.head(),
    )


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
    serve(make, options)


if __name__ == "__main__":
    main(sys.argv[1:])
