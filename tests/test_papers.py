"""What the papers say is true: named files exist, settings are those of the code."""

import ast
import re
from dataclasses import fields
from functools import cache

import pytest

from runtime.config import Settings
from tests.source import ROOT, files, tree

PAPERS = [
    *("README.md", "docs/CONTRIBUTING.md", "docs/SETTINGS.md", "docs/GLOSSARY.md"),
    *("docs/OPERATIONS.md", "docs/SECURITY.md", "deploy/RELEASE.md"),
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("docs/adr/*.md"))),
]
MOST_LINES_OF_README = 150

CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w./-]+\.(py|json|md|csv|yaml|toml|ini|mako)|[\w-]+(/[\w-]+)*/")
ROW = re.compile(r"\| `(\w+)`( \(secret\))? \| (unset|`[^`]+`) \| .+ \|")
READ = re.compile(r"environ(?:\.get)?[\[(]\"(\w+)|_whole\(environ, \"(\w+)\"")

NOT_OURS = {
    "secrets/",
    ".data/",
    ".data/postgres/",
    ".data/clients/",
    ".data/sbom.json",
    "server/common.py",
}
"""Folders that are made later, and a file of Granian's."""


@cache
def paper(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", PAPERS)
def test_a_file_that_is_named_exists(name: str) -> None:
    named = {code for code in CODE.findall(paper(name)) if PATH.fullmatch(code)}
    there = {
        path
        for path in named
        if (ROOT / path).exists() or (ROOT / name).parent.joinpath(path).exists()
    }

    assert sorted(named - there - NOT_OURS) == []


def test_contributing_names_what_is_in_the_files() -> None:
    """A name in a row stands in one of the files of that row."""
    missing = []
    for row in paper("docs/CONTRIBUTING.md").splitlines():
        codes = CODE.findall(row.partition("|")[2].partition("|")[2])
        paths = [code for code in codes if PATH.fullmatch(code)]
        texts = [
            file.read_text()
            for code in paths
            for path in [ROOT / code]
            for file in ([path] if path.is_file() else path.glob("*.py"))
        ]
        names = [
            code.removesuffix("()")
            for code in codes
            if code not in paths and re.fullmatch(r"[\w.]+(\(\))?", code)
        ]
        for code in names:
            word = code.rpartition(".")[2]
            if texts and not any(re.search(rf"\b{word}\b", text) for text in texts):
                missing.append((row.split("|")[1].strip(), code))

    assert missing == []


def test_the_readme_is_short() -> None:
    assert len(paper("README.md").splitlines()) <= MOST_LINES_OF_README


class TestSettings:
    def test_each_is_there_once_with_its_default(self) -> None:
        rows = [ROW.fullmatch(line) for line in paper("docs/SETTINGS.md").splitlines()]
        found = {row[1]: (bool(row[2]), row[3]) for row in rows if row}
        settings = {
            field.name: (bool(field.metadata.get("secret")), shown(field.default))
            for field in fields(Settings)
        }

        assert len(found) == len([row for row in rows if row])
        assert {name: found.get(name) for name in settings} == settings
        assert set(found) - set(settings) == read_from_the_environment()


def shown(default: object) -> str:
    """Return a default as the table shows it."""
    text = str(default).removeprefix(f"{ROOT}/")
    return f"`{text}`" if text else "unset"


def read_from_the_environment() -> set[str]:
    """Return the variables that are no settings and that a process of ours reads."""
    names = {"PROMETHEUS_MULTIPROC_DIR"}
    for path in files():
        if path.parts[0] in {"bench", "migrations", "api"}:
            continue
        for first, second in READ.findall(ast.unparse(tree(path)).replace("'", '"')):
            names.add(first or second)
    return names - {field.name for field in fields(Settings)} - {"PATH"}
