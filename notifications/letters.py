"""Letters by e-mail: what they say, in every language."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from notifications.catalogue import language_of


class LetterKind(StrEnum):
    """What a letter is about."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"


@dataclass(frozen=True)
class Letter:
    """One e-mail. `name` is the same at each attempt, so that a copy is recognised."""

    name: str
    to: str
    subject: str
    text: str


TEXTS: dict[LetterKind, dict[str, tuple[str, str]]] = {
    LetterKind.INVITATION: {
        "en": (
            "{company} invites you to Backhaul",
            "{company} has a place for you.\n\nChoose your password here, within 72"
            " hours:\n\n{link}\n\nIf you expected nothing, ignore this letter.\n",
        ),
        "es": (
            "{company} le invita a Backhaul",
            "{company} tiene un lugar para usted.\n\nElija su contraseña aquí, en 72"
            " horas:\n\n{link}\n\nSi no esperaba nada, ignore esta carta.\n",
        ),
        "fr": (
            "{company} vous invite sur Backhaul",
            "{company} vous réserve une place.\n\nChoisissez votre mot de passe ici,"
            " sous 72 heures :\n\n{link}\n\nSi vous n'attendiez rien, ignorez cette"
            " lettre.\n",
        ),
    },
    LetterKind.PASSWORD_RESET: {
        "en": (
            "Your new password for Backhaul",
            "Somebody asked for a new password for your account at {company}.\n\nChoose"
            " it here, within one hour:\n\n{link}\n\nIf it was not you, ignore this"
            " letter: nothing has changed.\n",
        ),
        "es": (
            "Su nueva contraseña de Backhaul",
            "Alguien pidió una nueva contraseña para su cuenta en {company}.\n\nElíjala"
            " aquí, en una hora:\n\n{link}\n\nSi no fue usted, ignore esta carta: nada"
            " ha cambiado.\n",
        ),
        "fr": (
            "Votre nouveau mot de passe Backhaul",
            "Quelqu'un a demandé un nouveau mot de passe pour votre compte chez"
            " {company}.\n\nChoisissez-le ici, sous une heure :\n\n{link}\n\nSi ce"
            " n'était pas vous, ignorez cette lettre : rien n'a changé.\n",
        ),
    },
}
"""kind -> language -> subject, text."""


def compose(
    kind: LetterKind, row_id: UUID, *, to: str, locale: str, link: str, company: str
) -> Letter:
    """Return the letter in the reader's language, or in English if we lack theirs.

    link: where the reader goes on, or the bare token if no app's address is known.
    """
    subject, text = TEXTS[kind][language_of(locale)]
    words = {"company": " ".join(company.split()), "link": link}
    return Letter(f"{kind}-{row_id}", to, subject.format(**words), text.format(**words))
