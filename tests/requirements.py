"""How the pinned requirements are written."""

import re

from tests.source import ROOT

ENTRY = re.compile(
    r"(?P<name>[a-z0-9.-]+)(\[[a-z0-9, ]+\])?==(?P<version>[\w.]+)( ; [^\\]+)?"
    r"(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n(    #.*\n)*"
)
"""One package with its version and hashes."""


def text_of(name: str) -> str:
    """Return the file without the comments at its beginning."""
    return re.sub(r"\A(#.*\n)+", "", (ROOT / name).read_text())
