"""The worker's post office: letters composed, handed over outside of transactions."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config import Settings
from db import Session
from notifications.letters import Letter
from notifications.mail import MailDelayed, Mailer, MailRefused, SmtpMailer
from services import invitations, resets
from services.tokens import Keyring
from start import keyring
from telemetry import log

WAIT_S = 300.0
"""Until a mail server that could not is asked again."""


@dataclass(frozen=True)
class PostOffice:
    """Who takes letters, the keys of their links, and the app's address."""

    mailer: Mailer
    keys: Keyring
    app_url: str

    def invite(self, invitation_id: UUID, now: datetime) -> float | None:
        """Send an invitation's letter; return the seconds to wait, None when done."""
        with Session() as session:
            letter = invitations.letter(
                session, self.keys, invitation_id, app_url=self.app_url, now=now
            )
        return self._send(letter)

    def begin_reset(self, sealed_login: str, now: datetime) -> None:
        """Make the reset that was asked for; its letter is a job of its own."""
        with Session.begin() as session:
            resets.begin(session, self.keys, sealed_login, now=now)

    def reset(self, reset_id: UUID, now: datetime) -> float | None:
        """Send a reset's letter; return the seconds to wait, None when done."""
        with Session() as session:
            letter = resets.letter(
                session, self.keys, reset_id, app_url=self.app_url, now=now
            )
        return self._send(letter)

    def _send(self, letter: Letter | None) -> float | None:
        if letter is None:
            return None
        try:
            self.mailer.send(letter)
        except MailRefused as refusal:
            log().error("mail.refused", letter=letter.name, reason=str(refusal))
        except MailDelayed as delay:
            log().warning("mail.delayed", letter=letter.name, reason=str(delay))
            return WAIT_S
        else:
            log().info("mail.sent", letter=letter.name)
        return None


def make_post_office(settings: Settings) -> PostOffice | None:
    """Return where letters go; None without SMTP_URL."""
    if not settings.SMTP_URL:
        return None
    mailer = SmtpMailer(
        settings.SMTP_URL, settings.MAIL_FROM, float(settings.SMTP_TIMEOUT_S)
    )
    return PostOffice(mailer, keyring(settings), settings.APP_URL.rstrip("/"))
