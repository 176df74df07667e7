"""The pinned requirements: each has its version and the hashes of its files."""

import re

import pytest

from tests.requirements import ENTRY, text_of
from tests.source import ROOT

PINNED = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
NAMED = re.compile(r"^([a-z][a-z0-9-]*)", re.M)

each_file = pytest.mark.parametrize("name", PINNED)


@each_file
def test_a_file_consists_of_pinned_packages_with_their_hashes(name: str) -> None:
    """Nothing else: no package without a hash, no address of an index."""
    assert ENTRY.sub("", text_of(name)) == ""


@each_file
def test_a_file_pins_what_is_asked_for(name: str) -> None:
    asked = set(NAMED.findall((ROOT / name).with_suffix(".in").read_text()))
    pinned = {entry["name"] for entry in ENTRY.finditer(text_of(name))}

    assert pinned >= asked != set()


def test_a_package_has_one_version_in_all_files() -> None:
    versions: dict[str, set[str]] = {}
    for name in PINNED:
        for entry in ENTRY.finditer(text_of(name)):
            versions.setdefault(entry["name"], set()).add(
                f"{entry['version']}{entry['hashes']}"
            )

    assert [name for name, them in versions.items() if len(them) > 1] == []


def test_the_build_backend_is_the_one_whose_hash_is_known() -> None:
    asked = re.findall(r'"(hatchling==[\d.]+)"', (ROOT / "pyproject.toml").read_text())

    assert len(asked) == 1
    assert f"\n{asked[0]} \\\n" in text_of("requirements-dev.txt")


def test_every_install_asks_for_hashes_or_installs_only_the_checkout() -> None:
    lines = [
        line
        for path in ("Makefile", "Dockerfile")
        for line in (ROOT / path).read_text().splitlines()
        if re.search(r"\bpip install\b", line)
    ]

    assert len(lines) == 3
    for line in lines:
        is_checkout = line.endswith("--no-deps --no-build-isolation --editable .")
        assert is_checkout or " --require-hashes " in line
