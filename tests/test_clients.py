"""`make clients`: what it installs is pinned, and it notices what clients would."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients import __main__ as clients
from tests.clients.__main__ import DOCUMENT, HERE, Fault, Skipped

Change = Callable[[dict[str, Any]], object]


def changed(change: Change, folder: Path) -> Path:
    document = json.loads(DOCUMENT.read_text())
    change(document)
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


class TestTheNodePrograms:
    def test_have_exact_versions_and_the_lock_has_the_same(self) -> None:
        package = json.loads((HERE / "package.json").read_text())
        lock = json.loads((HERE / "package-lock.json").read_text())
        pinned = package["devDependencies"]

        assert [
            v for v in pinned.values() if not re.fullmatch(r"\d+\.\d+\.\d+", v)
        ] == []
        for name, version in pinned.items():
            assert lock["packages"][f"node_modules/{name}"]["version"] == version

    def test_come_from_whatever_registry_npm_is_set_to(self) -> None:
        text = (HERE / "package-lock.json").read_text()
        packages = json.loads(text)["packages"]

        assert "resolved" not in text
        assert "://registry" not in text
        assert ".tgz" not in text
        assert [
            name for name, p in packages.items() if name and "integrity" not in p
        ] == []

    @pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
    def test_are_skipped_without_node_but_not_in_ci(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        ci: str,
        code: int,
    ) -> None:
        monkeypatch.setenv("CI", ci)
        monkeypatch.setattr("tests.clients.__main__.shutil.which", lambda name: None)
        monkeypatch.setattr(clients, "python", lambda document, made: None)

        assert clients.main(DOCUMENT, tmp_path) == code

        told = capsys.readouterr().err
        assert "typescript is skipped: there is no Node.js" in told
        assert "spectral is skipped: there is no Node.js" in told

    @pytest.mark.process
    @pytest.mark.parametrize(
        ("says", "becomes"),
        [
            ("npm error code ENOTFOUND", Skipped),
            ("npm error code ETIMEDOUT", Skipped),
            ("npm error code EINTEGRITY", Fault),
        ],
    )
    def test_are_skipped_only_where_the_registry_cannot_be_reached(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        says: str,
        becomes: type[Exception],
    ) -> None:
        npm = tmp_path / "npm"
        npm.write_text(f"#!/bin/sh\necho {says}\nexit 1\n")
        npm.chmod(0o755)
        monkeypatch.setattr(
            "tests.clients.__main__.shutil.which", lambda name: str(npm)
        )

        with pytest.raises(becomes, match=says):
            clients.node_tools(tmp_path)


@pytest.mark.process
class TestThePythonClient:
    def test_is_generated_and_its_program_has_the_right_types(
        self, tmp_path: Path
    ) -> None:
        clients.python(DOCUMENT, tmp_path)

        assert (tmp_path / "python" / "backhaul_client" / "client.py").exists()

    @pytest.mark.parametrize(
        ("change", "noticed"),
        [
            (
                lambda document: schema(document, "OfferOut")["required"].remove(
                    "score_cents"
                ),
                "Incompatible types in assignment",
            ),
            (
                lambda document: schema(document, "OfferOut")["properties"].update(
                    figures={"type": "object"}
                ),
                'has no attribute "empty_after_m"',
            ),
            (
                lambda document: schema(document, "LoadIn")["required"].append(
                    "load_number"
                ),
                'Missing positional argument "load_number"|Missing named argument',
            ),
        ],
        ids=["optional", "untyped", "required"],
    )
    def test_does_not_fit_another_document(
        self, tmp_path: Path, change: Change, noticed: str
    ) -> None:
        with pytest.raises(Fault, match=noticed):
            clients.python(changed(change, tmp_path), tmp_path)

    def test_is_refused_if_its_generator_warns(self, tmp_path: Path) -> None:
        def confuse(document: dict[str, Any]) -> None:
            zones = ["Etc/GMT+1", "Etc/GMT-1"]
            schema(document, "StopIn")["properties"]["zone"]["enum"] = zones

        with pytest.raises(Fault):
            clients.python(changed(confuse, tmp_path), tmp_path)


@pytest.mark.parametrize("printed", ["WARNING: x", "⚠ x", "Warning(s) encountered"])
def test_a_warning_is_a_fault(printed: str) -> None:
    with pytest.raises(Fault):
        clients._refuse_warnings(printed)
