"""Letters over a real SMTP server are accepted, delayed or refused."""

import socket
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest

from notifications.catalogue import LANGUAGES
from notifications.letters import TEXTS, Letter, LetterKind, compose
from notifications.mail import MailDelayed, MailRefused, SmtpMailer
from tests.notifications.post import Letterbox, letterbox
from tests.waiting import LONGEST_S

LETTER = Letter("invitation-1", "dana@example.com", "Süß: you", "Your link:\n\nabc#d\n")
SENDER = "Backhaul <noreply@backhaul.example>"


@pytest.fixture
def box() -> Iterator[Letterbox]:
    with letterbox() as opened:
        yield opened


def mailer(url: str, timeout_s: float = LONGEST_S) -> SmtpMailer:
    return SmtpMailer(url, SENDER, timeout_s)


class TestSend:
    def test_hands_the_letter_over(self, box: Letterbox) -> None:
        mailer(box.url).send(LETTER)

        (letter,) = box.letters
        assert (letter["To"], letter["From"]) == ("dana@example.com", SENDER)
        assert letter["Subject"] == "Süß: you"
        assert letter["Message-ID"] == "<invitation-1@backhaul.example>"
        assert letter.get_content().replace("\r\n", "\n") == LETTER.text

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ("550 no such user", MailRefused),
            ("450 later please", MailDelayed),
            ("421 going away", MailDelayed),
        ],
    )
    def test_tells_a_permanent_refusal_from_a_temporary_one(
        self, box: Letterbox, answer: str, error: type[Exception]
    ) -> None:
        box.answer = answer

        with pytest.raises(error) as caught:
            mailer(box.url).send(LETTER)

        assert "dana" not in str(caught.value)

    def test_a_refused_connection_delays_the_letter(self) -> None:
        with pytest.raises(MailDelayed, match="ConnectionRefusedError"):
            mailer("smtp://127.0.0.1:1").send(LETTER)

    def test_a_silent_server_delays_the_letter(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(MailDelayed, match=r"Timeout|Disconnected"):
                mailer(url, timeout_s=0.2).send(LETTER)

    def test_a_password_is_not_sent_without_tls(self, box: Letterbox) -> None:
        """The server has no TLS, so the letter is not sent, to protect the password."""
        url = box.url.replace("//", "//user:canary@")

        with pytest.raises(MailDelayed, match="SMTPNotSupportedError"):
            mailer(url).send(LETTER)

        assert box.letters == []
        assert "canary" not in repr(mailer(url))

    def test_a_name_with_a_line_break_adds_no_header(self, box: Letterbox) -> None:
        letter = compose(
            LetterKind.INVITATION,
            UUID(int=1),
            to="dana@example.com",
            locale="en",
            link="x",
            company="Evil\r\nBcc: all@example.com",
        )

        mailer(box.url).send(letter)

        (letter,) = box.letters
        assert letter["Bcc"] is None
        assert letter["Subject"].startswith("Evil Bcc: all@example.com invites")


class TestCompose:
    @pytest.mark.parametrize("kind", LetterKind)
    @pytest.mark.parametrize("locale", [*LANGUAGES, "es-MX", "xx", ""])
    def test_every_letter_contains_its_link_in_every_language(
        self, kind: LetterKind, locale: str
    ) -> None:
        letter = compose(
            kind,
            UUID(int=1),
            to="a@example.com",
            locale=locale,
            link="https://app.example/x#token",
            company="Prairie {Line}",
        )

        assert "\nhttps://app.example/x#token\n" in letter.text
        assert "Prairie {Line}" in letter.subject + letter.text

    def test_no_language_is_left_out(self) -> None:
        assert {kind: set(texts) for kind, texts in TEXTS.items()} == {
            kind: set(LANGUAGES) for kind in LetterKind
        }
