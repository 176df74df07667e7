"""The web process: Settings -> create_app()."""

from flask import Flask

import schema
from api.app import create_app, make_market
from geo.roads import EstimatedRoads
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


app = make()
