"""Pushes that are printed on a terminal."""

from models.people.targets import TargetKind
from notifications.console import ConsoleGateway, fingerprint
from notifications.messages import MessageKind
from tests.notifications.samples import OFFER_ID, make_message

SECRET = "c0ffee-registration-token"


def test_a_push_is_one_line() -> None:
    lines: list[str] = []

    name = ConsoleGateway(lines.append).send(TargetKind.FID, SECRET, make_message())

    assert name.startswith("console/messages/")
    assert lines == [
        f"push offer {OFFER_ID} to fid:{fingerprint(SECRET)}"
        " | New load for your way home"
    ]


def test_the_line_does_not_contain_the_target() -> None:
    lines: list[str] = []
    gateway = ConsoleGateway(lines.append)

    for kind in MessageKind:
        gateway.send(TargetKind.TOKEN, SECRET, make_message(kind))

    assert not [line for line in lines if SECRET in line or "\n" in line]


def test_a_silent_push_is_shown_as_such() -> None:
    lines: list[str] = []
    message = make_message(MessageKind.OFFER_WITHDRAWN)

    ConsoleGateway(lines.append).send(TargetKind.FID, SECRET, message)

    assert lines[0].endswith("| (silent)")


def test_the_same_phone_has_the_same_fingerprint() -> None:
    assert fingerprint(SECRET) == fingerprint(SECRET)
    assert fingerprint(SECRET) != fingerprint("another")
