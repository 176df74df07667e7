"""The DPoP header: a phone's proof that it has its private key."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import request

from services.people.proofs import Proof, read_proof

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "DPoP"


def takes_proof(view: View) -> View:
    """Mark a view that reads the DPoP header; the document says so."""
    view.takes_proof = True  # type: ignore[attr-defined]
    return view


def shown_proof() -> Proof | None:
    """Return what the proof of this request says, None if there is none.

    Raises: ProofInvalid.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    return read_proof(given, method=request.method, path=request.path)
