"""Our own source files, for the tests that read them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
IGNORED = {"tests", "__pycache__"}
"""Folders that contain no code of the product."""


@cache
def files() -> tuple[Path, ...]:
    """Return the product's files, relative to the checkout, in order."""
    found = list(ROOT.glob("*.py"))
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name not in IGNORED and folder.name[0] != ".":
            found += folder.rglob("*.py")
    return tuple(sorted(path.relative_to(ROOT) for path in found))


@cache
def suite() -> tuple[Path, ...]:
    """Return the tests' files, relative to the checkout, in order."""
    return tuple(sorted(p.relative_to(ROOT) for p in ROOT.glob("tests/**/*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of the file's tree; many tests look at all of them."""
    return tuple(ast.walk(tree(path)))


def layer(path: Path) -> str:
    """Return the top folder of the path, or the name of a root module."""
    return path.parts[0] if len(path.parts) > 1 else path.stem


@cache
def imports(path: Path) -> tuple[tuple[str, ast.stmt], ...]:
    """Return each imported dotted name, and its line."""
    found: list[tuple[str, ast.stmt]] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            for alias in node.names:
                found.append((f"{dots}{node.module or ''}.{alias.name}", node))
    return tuple(found)
