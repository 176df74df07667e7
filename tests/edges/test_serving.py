"""What the server is started with."""

import os
import resource
import socket
from pathlib import Path

import pytest

from edges import serving
from edges.serving import (
    MOST_CONNECTIONS,
    OPEN_FILES,
    SPARE_FILES,
    UNREAD_BYTES,
    bound_answers,
    most_connections,
)


@pytest.mark.parametrize(
    ("most_files", "expected"),
    [
        (MOST_CONNECTIONS + SPARE_FILES + 1, MOST_CONNECTIONS),
        (MOST_CONNECTIONS + SPARE_FILES - 1, MOST_CONNECTIONS - 1),
        (resource.RLIM_INFINITY, MOST_CONNECTIONS),
        (SPARE_FILES, SPARE_FILES),
    ],
)
def test_a_process_accepts_as_many_connections_as_it_may_have_files(
    monkeypatch: pytest.MonkeyPatch, most_files: int, expected: int
) -> None:
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, most_files))
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: raised.append(to))

    assert most_connections() == expected
    assert raised == [(most_files, most_files)]


def test_where_open_files_cannot_be_listed_a_worker_stops_looking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(serving, "OPEN_FILES", str(tmp_path / "none"))
    assert bound_answers()


@pytest.mark.skipif(not Path(OPEN_FILES).is_dir(), reason="needs Linux's /proc")
def test_bounding_answers_leaves_no_file_open_and_closes_none(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w"), socket.socket() as line, socket.socket() as other:
        line.bind(("127.0.0.1", 0))
        before = sorted(os.listdir(OPEN_FILES))
        is_found = [bound_answers()]
        line.listen()
        is_found.append(bound_answers())

        assert sorted(os.listdir(OPEN_FILES)) == before
        assert is_found[1]
        sizes = [
            each.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            for each in (line, other)
        ]
    assert sizes[0] == 2 * UNREAD_BYTES != sizes[1]
