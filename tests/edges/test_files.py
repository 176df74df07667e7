"""An answer that is a file is read by Granian, as fast as its client reads."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from edges.adapter import KEPT, Adapter, Admission, File
from tests.edges.asked import play, request


class TestAFile:
    """As Flask sends the pages of the API."""

    def test_is_left_to_granian(self, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        page.write_text("hello")
        asked = request()

        play(
            Adapter(lambda environ, start: sent(page, environ, start), Admission()),
            asked,
        )

        assert asked.answer == (
            200,
            [("Content-Type", "text/html"), KEPT],
            f"the file {page}".encode(),
        )

    def test_is_read_in_parts_without_granian(self, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        page.write_text("hello " * 1000)

        with page.open("rb") as file:
            assert b"".join(File(file, 10)) == b"hello " * 1000


def sent(
    page: Path, environ: dict[str, Any], start: Callable[..., Any]
) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/html")])
    wrap: Callable[[BinaryIO], Iterable[bytes]] = environ["wsgi.file_wrapper"]
    return wrap(page.open("rb"))
