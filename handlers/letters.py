"""Letters: composed in a transaction, handed to the mail server outside of it."""

from collections.abc import Callable
from uuid import UUID

from handlers.supplies import Handlers, PostOffice, Supplies
from jobs import Job, RunLater
from notifications.letters import Letter
from notifications.mail import MailDelayed, MailRefused
from runtime.db import Session
from runtime.telemetry import log
from services.people import invitations, resets

WAIT_S = 300.0
"""Wait before the next attempt when the mail server could not take a letter."""


def invitations_mail(supplies: Supplies, invitation_id: str) -> None:
    """Send the letter of an invitation; do nothing without a mail server."""
    _mail(supplies, invitations.letter, invitation_id)


def resets_begin(supplies: Supplies, login: str) -> None:
    """Make the reset that was asked for; another job sends its letter.

    Do nothing without a mail server.

    login: encrypted, because the queue's rows are readable.
    """
    if supplies.post is None:
        return
    with Session.begin() as session:
        resets.begin(session, supplies.post.keys, login, now=supplies.now())


def resets_mail(supplies: Supplies, reset_id: str) -> None:
    """Send the letter of a password reset; do nothing without a mail server."""
    _mail(supplies, resets.letter, reset_id)


def _mail(
    supplies: Supplies, compose: Callable[..., Letter | None], row_id: str
) -> None:
    """Compose the letter of a row in a transaction, and send it after its end."""
    post = supplies.post
    if post is None:
        return
    with Session() as session:
        letter = compose(
            session, post.keys, UUID(row_id), app_url=post.app_url, now=supplies.now()
        )
    _send(post, letter)


def _send(post: PostOffice, letter: Letter | None) -> None:
    if letter is None:
        return
    try:
        post.mailer.send(letter)
    except MailRefused as refusal:
        log().error("mail.refused", letter=letter.name, reason=str(refusal))
    except MailDelayed as delay:
        log().warning("mail.delayed", letter=letter.name, reason=str(delay))
        raise RunLater(WAIT_S) from None
    else:
        log().info("mail.sent", letter=letter.name)


JOBS: Handlers = {
    Job.INVITATIONS_MAIL: invitations_mail,
    Job.RESETS_BEGIN: resets_begin,
    Job.RESETS_MAIL: resets_mail,
}
