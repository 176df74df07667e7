"""Tests elsewhere that prove a part of an OWASP row: each must exist by its name."""

import ast

from tests.source import ROOT


def missing(*names: str) -> list[str]:
    """Return the names, `file::[Class::]test`, of tests that do not exist."""
    return [name for name in names if not _is_there(*name.split("::"))]


def _is_there(path: str, *inner: str) -> bool:
    file = ROOT / "tests" / path
    if not file.is_file():
        return False
    body = ast.parse(file.read_text()).body
    for name in inner:
        found = [
            node
            for node in body
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
        ]
        if not found:
            return False
        body = found[0].body
    return True
