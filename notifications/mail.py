"""The mailer: sends letters by SMTP, over TLS where the server offers it."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

from notifications.letters import Letter


class MailRefused(Exception):
    """The server will never take this letter: the address does not exist."""


class MailDelayed(Exception):
    """The letter was not sent: the server does not answer, or says to try later."""


class Mailer(Protocol):
    """What sends a letter, or raises MailRefused or MailDelayed."""

    def send(self, letter: Letter) -> None: ...


@dataclass(frozen=True)
class SmtpMailer:
    """Hands each letter to one SMTP server.

    url: smtp://user:password@host:587 (STARTTLS, demanded when there is a password)
        or smtps://user:password@host:465.
    sender: "Name <address>", or the address.
    """

    url: str = field(repr=False)
    sender: str
    timeout_s: float

    def send(self, letter: Letter) -> None:
        """Hand the letter over.

        Raises: MailRefused for a permanent answer to this address, else MailDelayed.
        """
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = letter.to
        message["Subject"] = letter.subject
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        message["Message-ID"] = f"<{letter.name}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        try:
            with self._connected() as server:
                self._prepare(server)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(code >= 500 for code in codes):
                raise MailRefused(f"recipient refused: {codes}") from None
            raise MailDelayed(f"recipient delayed: {codes}") from None
        except (OSError, smtplib.SMTPException) as error:
            # Its text may repeat the address: the kind of the error is enough.
            raise MailDelayed(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        if parts.scheme == "smtps":
            return smtplib.SMTP_SSL(
                parts.hostname,
                parts.port or 465,
                timeout=self.timeout_s,
                context=ssl.create_default_context(),
            )
        return smtplib.SMTP(parts.hostname, parts.port or 587, timeout=self.timeout_s)

    def _prepare(self, server: smtplib.SMTP) -> None:
        """Encrypt the connection if possible, and log in if there is a password."""
        parts = urlsplit(self.url)
        server.ehlo()
        if parts.scheme == "smtp" and (server.has_extn("starttls") or parts.password):
            # Raises if the server does not offer it: no password is sent unencrypted.
            server.starttls(context=ssl.create_default_context())
        if parts.username and parts.password:
            server.login(unquote(parts.username), unquote(parts.password))
