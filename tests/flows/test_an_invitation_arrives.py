"""From the desk's invitation, by mail, to the first request of the new member."""

from typing import Any

from edges.mailing import make_post_office
from handlers.supplies import PostOffice
from jobs import Job, enqueue
from runtime.config import Settings
from runtime.db import Session
from tests.notifications.post import Letterbox
from tests.world import Caller, World, drain_jobs

PERSON = {"name": "Dana", "email": "Dana@Example.com", "roles": ["driver"]}


def invite(world: World, **fields: Any) -> dict[str, Any]:
    made = world.company().post("/v1/invitations", PERSON | fields)
    assert made.status == 201, made.body
    body: dict[str, Any] = made.body
    return body


def test_the_token_of_the_letter_accepts_the_invitation(
    world: World, box: Letterbox, post: PostOffice
) -> None:
    invited = invite(world, locale="es-US")

    drain_jobs(world.settings, post=post)

    (letter,) = box.letters
    assert letter["To"] == "dana@example.com"
    assert "le invita a Backhaul" in letter["Subject"]
    link = next(w for w in letter.get_content().split() if w.startswith("https://"))
    address, _, token = link.partition("#")
    assert (address, token) == ("https://app.example/invitation", invited["token"])
    tokens = world.accept(token)
    assert Caller(world.app, tokens["access_token"]).get("/v1/me").status == 200


def test_a_busy_mail_server_is_tried_again(
    world: World, box: Letterbox, post: PostOffice
) -> None:
    invited = invite(world)
    box.answer = "450 later"
    assert drain_jobs(world.settings, post=post) == ["invitations.mail"]
    box.answer = None

    with Session.begin() as session:
        invitation_id = invited["invitation"]["id"]
        enqueue(session, Job.INVITATIONS_MAIL, invitation_id=invitation_id)
    drain_jobs(world.settings, post=post)

    assert len(box.letters) == 1


def test_a_refused_address_is_not_tried_again(
    world: World, box: Letterbox, post: PostOffice
) -> None:
    invite(world)
    box.answer = "550 nobody here"

    assert drain_jobs(world.settings, post=post) == ["invitations.mail"]
    assert drain_jobs(world.settings, post=post) == []


def test_an_ended_invitation_sends_no_letter(
    world: World, box: Letterbox, post: PostOffice
) -> None:
    world.accept(invite(world)["token"])

    drain_jobs(world.settings, post=post)

    assert box.letters == []


def test_a_person_with_only_a_phone_gets_no_letter(
    world: World, box: Letterbox, post: PostOffice
) -> None:
    person = {"name": "Dana", "phone": "312 555 0142", "roles": ["driver"]}
    assert world.company().post("/v1/invitations", person).status == 201

    assert drain_jobs(world.settings, post=post) == []


def test_without_a_mail_server_the_desk_hands_the_token_on(world: World) -> None:
    token = invite(world)["token"]

    assert drain_jobs(world.settings) == ["invitations.mail"]

    assert make_post_office(Settings()) is None
    assert world.accept(token).status == 201
