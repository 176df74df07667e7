"""Where letters go: to the mail server of the settings, or nowhere."""

from edges.start import keyring
from handlers.supplies import PostOffice
from notifications.mail import SmtpMailer
from runtime.config import Settings


def make_post_office(settings: Settings) -> PostOffice | None:
    """Return the post office that letters go to; None without SMTP_URL."""
    if not settings.SMTP_URL:
        return None
    mailer = SmtpMailer(
        settings.SMTP_URL, settings.MAIL_FROM, float(settings.SMTP_TIMEOUT_S)
    )
    return PostOffice(mailer, keyring(settings), settings.APP_URL.rstrip("/"))
