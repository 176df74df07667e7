"""A mail server that keeps what it gets, and a worker's way to it."""

from collections.abc import Iterator

import pytest

from handlers.supplies import PostOffice
from notifications.mail import SmtpMailer
from tests.notifications.post import Letterbox, letterbox
from tests.over_http import HttpWorld
from tests.world import World


@pytest.fixture
def box() -> Iterator[Letterbox]:
    with letterbox() as mail_server:
        yield mail_server


@pytest.fixture
def post(world: World, box: Letterbox) -> PostOffice:
    mailer = SmtpMailer(box.url, "Backhaul <noreply@backhaul.example>", 5)
    return PostOffice(mailer, world.keys, "https://app.example")


@pytest.fixture
def kind_of_world() -> type[World]:
    """A flow goes over HTTP from end to end."""
    return HttpWorld
