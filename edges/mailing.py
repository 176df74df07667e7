"""Which post office takes the letters: the mail server of the settings, or none."""

from edges.start import keyring
from handlers.supplies import PostOffice
from notifications.mail import SmtpMailer
from runtime.config import Settings


def make_post_office(settings: Settings) -> PostOffice | None:
    """Return where letters go; None without SMTP_URL."""
    if not settings.SMTP_URL:
        return None
    mailer = SmtpMailer(
        settings.SMTP_URL, settings.MAIL_FROM, float(settings.SMTP_TIMEOUT_S)
    )
    return PostOffice(mailer, keyring(settings), settings.APP_URL.rstrip("/"))
