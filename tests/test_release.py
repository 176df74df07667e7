"""What a release is made of: the list of packages, images by digest, the checklist."""

import json
import re

import pytest

from tests import pins, sbom
from tests.requirements import ENTRY, text_of
from tests.source import ROOT

DIGEST = "@sha256:" + "0123456789abcdef" * 4


def test_the_list_names_what_the_image_installs() -> None:
    pinned = {
        (entry["name"], entry["version"])
        for entry in ENTRY.finditer(text_of("requirements.txt"))
    }

    made = json.loads(sbom.text())

    assert made["bomFormat"] == "CycloneDX"
    found = [(part["name"], part["version"]) for part in made["components"]]
    assert len(found) == len(pinned)
    assert set(found) == pinned
    for part in made["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert part["licenses"], part["name"]


class TestPins:
    def test_knows_the_images_of_others(self) -> None:
        names = {
            re.split("[:@]", name)[0]: file for name, file in pins.images().items()
        }

        assert names == {
            "python": "Dockerfile",
            "postgres": "compose.yaml",
            "caddy": "compose.yaml",
        }

    def test_names_those_without_a_digest(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        known = {f"a:1{DIGEST}": "Dockerfile", "b:2": "compose.yaml", "c@sha256:1": "x"}
        monkeypatch.setattr(pins, "images", lambda: known)

        assert pins.main() == 1
        assert capsys.readouterr().out == (
            "compose.yaml: b:2 has no digest.\nx: c@sha256:1 has no digest.\n"
        )

    def test_is_content_with_digests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pins, "images", lambda: {f"a:1{DIGEST}": "Dockerfile"})

        assert pins.main() == 0


def test_the_checklist_asks_for_commands_that_exist() -> None:
    checklist = (ROOT / "deploy/RELEASE.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    modules = re.findall(r"`python -m ([\w.]+)`", checklist)

    assert {"check", "test", "audit", "sbom"} <= targets
    assert set(re.findall(r"`make ([a-z-]+)`", checklist)) <= targets
    assert modules == ["tests.pins"]
    for module in modules:
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()
