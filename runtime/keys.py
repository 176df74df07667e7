"""The server's own keys: made and kept in development, and their rotation."""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from runtime.config import Settings
from runtime.errors import CannotStart


def new_private_key() -> str:
    """Return a new P-256 private key, PEM."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def new_signing_key() -> str:
    """Return a new Ed25519 private key, PEM."""
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@dataclass(frozen=True)
class Rotated:
    """A secret that can be rotated. `kept` is its file in DATA_DIR.

    keeps_all: all its predecessors are kept, newest first, and not only the last.
    """

    setting: str
    previous: str
    kept: str
    make: Callable[[], str]
    keeps_all: bool = False

    @property
    def kept_previous(self) -> str:
        return f"previous-{self.kept}"


OF_THE_KEYRING = (
    Rotated("JWT_PRIVATE_KEY", "JWT_PREVIOUS_KEY", "jwt.pem", new_private_key),
    Rotated("REFRESH_KEY", "REFRESH_PREVIOUS_KEY", "refresh.key", secrets.token_hex),
    Rotated(
        "ENCRYPTION_KEY", "ENCRYPTION_PREVIOUS_KEY", "encryption.key", secrets.token_hex
    ),
)
"""In the order of `services.tokens.Secrets`."""

AUDIT = Rotated(
    "AUDIT_SIGNING_KEY", "AUDIT_PREVIOUS_KEY", "audit.pem", new_signing_key, True
)
ROTATED = (*OF_THE_KEYRING, AUDIT)


def in_force(settings: Settings, secret: Rotated) -> tuple[str, str]:
    """Return the secret and its predecessor, empty if there is none.

    A missing one is made by the first process and kept in DATA_DIR (development only).

    Raises: OSError, CannotStart in production.
    """
    given = getattr(settings, secret.setting)
    if given:
        return given, getattr(settings, secret.previous)
    if settings.is_production:
        raise CannotStart(
            f"{secret.setting} is not set: this command needs it, and in production no"
            " key is made."
        )
    folder = Path(settings.DATA_DIR)
    previous = folder / secret.kept_previous
    return (
        _read_or_made(folder / secret.kept, secret.make),
        getattr(settings, secret.previous)
        or (previous.read_text() if previous.exists() else ""),
    )


def rotate(
    settings: Settings,
    files: Mapping[str, Path],
    wanted: Iterable[Rotated] = ROTATED,
) -> list[str]:
    """Make new secrets, the current ones become predecessors; return lines to print.

    If the environment names files for a secret and its predecessor, they are written.
    If development keeps the secret in DATA_DIR, its files there are written. Otherwise
    nothing is written: the lines say which values to set. Each call rotates again.

    Raises: OSError.
    """
    told = []
    for secret in wanted:
        folder = Path(settings.DATA_DIR)
        is_kept = not settings.is_production and not getattr(settings, secret.setting)
        paths = (
            (folder / secret.kept, folder / secret.kept_previous)
            if is_kept
            else (files.get(secret.setting), files.get(secret.previous))
        )
        current, before = in_force(settings, secret)
        new = secret.make()
        if secret.keeps_all:
            current = f"{current.strip()}\n{before}"
        if paths[0] is not None and paths[1] is not None:
            # The predecessor first: after a crash in between, both have the old key.
            _replace(paths[1], current)
            _replace(paths[0], new)
            told.append(f"{secret.setting}: new in {paths[0]}, the old in {paths[1]}.")
        else:
            told.append(
                f"{secret.previous}: set it to what {secret.setting} is now;"
                f" then set {secret.setting} to:\n{new.strip()}"
            )
    return told


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


def _read_or_made(path: Path, make: Callable[[], str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(make())
        try:
            # A link is made as a whole or not: two processes that start share one key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
