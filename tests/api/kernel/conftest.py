"""An app whose limits are those of one test."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from api.app import create_app, make_posting_rules
from geo.roads import EstimatedRoads
from tests import codes
from tests.world import World

Limited = Callable[..., Flask]


@pytest.fixture
def limited(world: World) -> Limited:
    """Return a function that makes an app with the given limits; others are off."""

    def make(**limits: int) -> Flask:
        settings = replace(world.settings, **limits)
        app = create_app(
            settings,
            world.keys,
            make_posting_rules(settings, EstimatedRoads()),
            schema_head="x",
        )
        return codes.watch(app)

    return make
