"""The web process: Settings -> create_app(); `python wsgi.py` serves it."""

import os
import sys

from flask import Flask

import schema
from api.app import create_app, make_market
from geo.roads import EstimatedRoads
from processes import granian_argv
from start import clear_failures, connect, keyring, settings_from_environment


@clear_failures
def make() -> Flask:
    """Return the application, bound to the database of the settings."""
    settings = settings_from_environment()
    connect(settings)
    return create_app(
        settings,
        keyring(settings),
        make_market(settings, EstimatedRoads()),
        schema_head=schema.head(),
    )


@clear_failures
def main() -> None:
    """Become Granian, if it can start: its workers would each say why not."""
    settings = settings_from_environment()
    keyring(settings)
    connect(settings).dispose()
    argv = granian_argv(sys.argv[1:])
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main()
else:
    app = make()
