"""The account that runs the server: PostgreSQL refuses root, so root uses another."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.place import EmbeddedServerError


@dataclass(frozen=True)
class Account:
    """A user and group of the system."""

    uid: int
    gid: int


def account_for(home: Path) -> Account | None:
    """Return the account to change to; None if this process does not run as root.

    For root: the owner of the data, else `nobody`. Data and socket are closed (0700) to
    all but that account and root; other programs that run as `nobody` can open them.

    Raises: EmbeddedServerError if the system has no such account.
    """
    if os.geteuid() != 0:
        return None
    if home.exists() and (owner := home.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("nobody", "daemon"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root and this system has no account `nobody`:"
        " run as an ordinary user, or set DATABASE_URL."
    )


def run(
    command: Sequence[str | Path],
    account: Account | None,
    *,
    lock: int | None = None,
    output: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` as `account`, without our terminal, directory and secrets.

    lock: a locked file that the command and its children inherit.
    output: a file or `subprocess.PIPE` for stdout and stderr.
    """
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH")}
    return subprocess.run(
        command,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        env={**kept, "LC_ALL": "C", "TZ": "UTC"},
        umask=0o077,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        pass_fds=() if lock is None else (lock,),
        check=False,
    )


def reaches(account: Account | None, test: str, path: Path) -> bool:
    """Say whether the account can access `path`; modes, ACLs and mounts count.

    test: `-r` to read or `-x` to execute or enter, as in the shell's `test`.
    """
    asked = run(["/bin/sh", "-c", f'test {test} "$1"', "sh", path], account)
    return asked.returncode == 0


def give(what: Path | int, account: Account | None) -> None:
    """Make the account the owner of a file that we made."""
    if account is not None:
        os.chown(what, account.uid, account.gid)


def private_dir(path: Path, mode: int, account: Account | None) -> None:
    """Make a directory in a place open to all, or take the one we made before.

    Raises: EmbeddedServerError if it belongs to another user.
    """
    with suppress(FileExistsError):
        path.mkdir(0o700)
    found = path.lstat()
    owners = {os.geteuid()} | ({account.uid} if account else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise EmbeddedServerError(f"{path} belongs to another user: delete it.")
    path.chmod(mode)
    give(path, account)
