"""Directories for servers, and one data directory that the tests share."""

import shutil
import tempfile
from pathlib import Path

import pytest

from local import server
from local.place import STORES


@pytest.fixture
def directory():
    """A directory that other users may enter, like most checkouts."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    for link in path.rglob("*"):
        if link.is_symlink() and link.readlink().parent.parent == STORES:
            shutil.rmtree(link.readlink().parent)
    shutil.rmtree(path)


@pytest.fixture
def new_dir(directory):
    """A data directory that does not exist yet."""
    return directory / "postgres"


@pytest.fixture(scope="module")
def data_dir():
    """A data directory that the tests share, as initdb takes the most time."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    with server(path / "postgres"):
        pass
    yield path / "postgres"
    shutil.rmtree(path)
