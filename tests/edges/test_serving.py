"""What the server is started with."""

import resource

import pytest

from edges.serving import MOST_CONNECTIONS, SPARE_FILES, most_connections


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
