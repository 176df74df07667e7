"""The lock-screen texts are complete in every language and contain nothing private."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

import notifications
from notifications.catalogue import (
    LANGUAGES,
    CatalogueBroken,
    language_of,
    load_catalogue,
)
from notifications.messages import SILENT, MessageKind

WRITTEN = json.loads(
    Path(notifications.__file__).with_name("catalogue.json").read_text("utf-8")
)
KINDS = set(MessageKind) - SILENT


def load(written: dict, tmp_path: Path):
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(written), encoding="utf-8")
    return load_catalogue(KINDS, path)


def test_every_visible_kind_has_a_text_in_every_language() -> None:
    texts = load_catalogue(KINDS)

    assert set(texts) == KINDS
    for kind in KINDS:
        assert set(texts[kind]) == set(LANGUAGES)


def test_languages_do_not_share_a_text_by_mistake() -> None:
    for kind, texts in load_catalogue(KINDS).items():
        assert len({text.title for text in texts.values()}) == 3, kind
        assert len({text.body for text in texts.values()}) == 3, kind


def test_titles_and_bodies_fit_a_lock_screen() -> None:
    for texts in load_catalogue(KINDS).values():
        for text in texts.values():
            assert len(text.title) <= 40, text.title
            assert len(text.body) <= 120, text.body


class TestLoading:
    def test_a_missing_kind_is_named(self, tmp_path) -> None:
        written = deepcopy(WRITTEN)
        del written["offer_lost"]

        with pytest.raises(CatalogueBroken, match="missing kind: offer_lost"):
            load(written, tmp_path)

    def test_a_surplus_kind_is_named(self, tmp_path) -> None:
        written = WRITTEN | {"offer_eaten": WRITTEN["offer"]}

        with pytest.raises(CatalogueBroken, match="surplus kind: offer_eaten"):
            load(written, tmp_path)

    def test_a_missing_language_is_named(self, tmp_path) -> None:
        written = deepcopy(WRITTEN)
        del written["offer"]["fr"]

        with pytest.raises(CatalogueBroken, match="missing language of offer: fr"):
            load(written, tmp_path)

    def test_a_missing_line_is_named(self, tmp_path) -> None:
        written = deepcopy(WRITTEN)
        del written["offer"]["es"]["body"]

        with pytest.raises(CatalogueBroken, match=r"missing line of offer\.es: body"):
            load(written, tmp_path)

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("A load in {city}", "has a placeholder"),
            ("A load at {pickup_address}", "has a placeholder"),
            ("A load in {}", "has a placeholder"),
            ("A load in {city", "has a placeholder"),
            ("A load for $", "has a money sign"),
            ("A load for €", "has a money sign"),
            ("A load in 75201", "has a digit"),
            ("   ", "is empty"),
        ],
    )
    def test_what_a_lock_screen_must_not_show_is_refused(
        self, tmp_path, line, fault
    ) -> None:
        written = deepcopy(WRITTEN)
        written["offer"]["es"]["body"] = line

        with pytest.raises(CatalogueBroken, match=rf"offer\.es\.body: {fault}"):
            load(written, tmp_path)

    def test_a_placeholder_in_one_language_only_is_refused(self, tmp_path) -> None:
        written = deepcopy(WRITTEN)
        written["offer"]["fr"]["title"] = "Chargement {number}"

        with pytest.raises(CatalogueBroken, match=r"offer\.fr\.title"):
            load(written, tmp_path)


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("es-MX", "es"),
        ("es_US", "es"),
        ("ES", "es"),
        ("fr-CA", "fr"),
        ("en-US", "en"),
        ("es-Latn-MX", "es"),
        ("pt-BR", "en"),
        ("est", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_locale_falls_back_to_its_language_and_then_to_english(
    locale, language
) -> None:
    assert language_of(locale) == language
