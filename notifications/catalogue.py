"""The texts people read on a lock screen, in every language, from catalogue.json."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

LANGUAGES = ("en", "es", "fr")
FALLBACK = "en"

_PATH = Path(__file__).with_name("catalogue.json")
_MONEY_SIGNS = "$€£¥¢"


class CatalogueBroken(Exception):
    """A text is missing, or contains what must not be on a lock screen."""


@dataclass(frozen=True)
class Text:
    """What a notification shows."""

    title: str
    body: str


Catalogue = Mapping[str, Mapping[str, Text]]
"""kind -> language -> text."""


def load_catalogue(kinds: Iterable[str], path: Path = _PATH) -> Catalogue:
    """Read the texts of exactly these `kinds` in all LANGUAGES.

    Strangers see a lock screen, so a text is the same for every load: placeholders,
    digits and money signs are refused, and with them every address and rate.

    Raises: CatalogueBroken, naming each missing or surplus kind, language or line
        and each text that is not fit for a lock screen.
    """
    written = json.loads(path.read_text(encoding="utf-8"))
    faults = [
        *_differences("kind", set(kinds), set(written)),
        *(fault for kind in written for fault in _faults_of(kind, written[kind])),
    ]
    if faults:
        raise CatalogueBroken("; ".join(faults))
    return {
        kind: {language: Text(**lines) for language, lines in texts.items()}
        for kind, texts in written.items()
    }


def language_of(locale: str | None) -> str:
    """Return the language to write in: "es-MX" and "es_MX" give "es".

    An unknown or missing locale gives English.
    """
    language = (locale or "").replace("_", "-").split("-")[0].strip().lower()
    return language if language in LANGUAGES else FALLBACK


def _faults_of(kind: str, texts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    faults = _differences(f"language of {kind}", set(LANGUAGES), set(texts))
    for language, lines in texts.items():
        where = f"{kind}.{language}"
        faults += _differences(f"line of {where}", {"title", "body"}, set(lines))
        faults += [
            f"{where}.{name}: {fault}"
            for name, line in lines.items()
            for fault in _unfit(line)
        ]
    return faults


def _differences(what: str, wanted: set[str], found: set[str]) -> list[str]:
    return [
        *(f"missing {what}: {name}" for name in sorted(wanted - found)),
        *(f"surplus {what}: {name}" for name in sorted(found - wanted)),
    ]


def _unfit(line: str) -> list[str]:
    if not line.strip():
        return ["is empty"]
    faults = []
    try:
        has_placeholder = any(
            name is not None for _, name, *_ in Formatter().parse(line)
        )
    except ValueError:
        has_placeholder = True
    if has_placeholder:
        faults.append("has a placeholder")
    if any(sign in line for sign in _MONEY_SIGNS):
        faults.append("has a money sign")
    if any(letter.isdigit() for letter in line):
        faults.append("has a digit")
    return faults
