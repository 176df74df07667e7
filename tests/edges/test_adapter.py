"""The adapter hands a request of Granian's to the application as WSGI says."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from edges import reading
from edges.adapter import (
    KEPT,
    MEMBER_THREADS,
    STRANGER_THREADS,
    Adapter,
    Admission,
    address_of,
    environ_of,
)
from runtime.config import Settings
from tests.edges.asked import Pairs, Request, Sent, play, post, request
from tests.waiting import LONGEST_S


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """Answer with the body; refuse a declared length above 10."""
    is_large = int(environ.get("CONTENT_LENGTH") or 0) > 10
    start("413 No" if is_large else "200 OK", [("X-Path", environ["PATH_INFO"])])
    return [b""] if is_large else [environ["wsgi.input"].read(), b"!"]


class TestTheEnviron:
    def test_has_what_wsgi_asks_for(self) -> None:
        environ = environ_of(
            request("/a b/é", method="PUT", query_string="q=é", client="[::1]:99")
        )

        assert environ["REQUEST_METHOD"] == "PUT"
        assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/é"
        assert environ["QUERY_STRING"].encode("latin-1").decode() == "q=é"
        assert environ["REMOTE_ADDR"] == "::1"
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")
        assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        assert environ["wsgi.url_scheme"] == "http"
        assert environ["wsgi.input"].read() == b""

    def test_joins_repeated_headers_and_takes_the_first_type(self) -> None:
        environ = environ_of(
            request(
                "/",
                *(("accept", "a"), ("accept", "b"), ("cookie", "a"), ("cookie", "b")),
                *(("content-type", "a/b"), ("content-type", "c/d")),
            )
        )

        assert environ["HTTP_ACCEPT"] == "a,b"
        assert environ["HTTP_COOKIE"] == "a;b"
        assert environ["CONTENT_TYPE"] == "a/b"
        assert "HTTP_CONTENT_TYPE" not in environ

    def test_has_no_header_that_only_looks_like_one_of_a_proxy(self) -> None:
        environ = environ_of(
            request("/", ("x_forwarded_for", "6.6.6.6"), ("x-forwarded-for", "1.1.1.1"))
        )

        assert environ["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"

    def test_says_that_there_was_a_header_that_is_not_ascii(self) -> None:
        assert environ_of(request("/", ("x-a", "é")))["HTTP_X_A"] == ""


class TestTheAddress:
    @pytest.mark.parametrize(
        ("proxies", "told", "expected"),
        [
            (0, ["6.6.6.6"], "192.0.2.1"),
            (1, [], "192.0.2.1"),
            (1, ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (2, ["6.6.6.6, 1.1.1.1", "2.2.2.2"], "1.1.1.1"),
            (2, ["1.1.1.1"], "192.0.2.1"),
            (1, ["1.1.1.1,"], "192.0.2.1"),
        ],
    )
    def test_is_told_by_our_own_proxies_only(
        self, proxies: int, told: list[str], expected: str
    ) -> None:
        pairs = [("x-forwarded-for", each) for each in told]

        assert address_of(request("/", *pairs), proxies) == expected


class TestABody:
    def test_is_handed_over_whole(self) -> None:
        declared = post(b"abc", ("content-length", "3"))
        chunked = post(b"abc", ("transfer-encoding", "chunked"))

        play(Adapter(echo, Admission()), declared, chunked)

        assert (
            declared.answer
            == chunked.answer
            == (
                200,
                [("X-Path", "/"), KEPT],
                b"abc!",
            )
        )

    def test_is_not_waited_for_where_there_is_none(self) -> None:
        bare, empty = request(), post(b"", ("content-length", "0"))

        play(Adapter(echo, Admission()), bare, empty)

        assert (bare.status, empty.status) == (200, 200)
        assert not bare.is_read
        assert not empty.is_read

    def test_beyond_the_limit_is_refused_by_the_application(self) -> None:
        admission = Admission(most_body_bytes=10)
        asked = [
            post(b"a" * size, header)
            for size in (10, 11)
            for header in (
                ("content-length", str(size)),
                ("transfer-encoding", "chunked"),
            )
        ]

        play(Adapter(echo, admission), *asked)

        assert [each.status for each in asked] == [200, 200, 413, 413]

    def test_is_not_asked_for_if_it_will_be_refused(self) -> None:
        asked = post(b"a" * 11, ("content-length", "11"), ("expect", "100-continue"))

        play(Adapter(echo, Admission(most_body_bytes=10)), asked)

        assert asked.status == 413
        assert not asked.is_read

    def test_that_is_cut_off_reaches_no_application(self) -> None:
        asked = post(b"ab", ("content-length", "3"))

        play(Adapter(echo, Admission()), asked)

        assert asked.status == 400

    def test_that_breaks_before_its_first_chunk_is_not_taken_for_none(self) -> None:
        asked = post(b"", ("transfer-encoding", "chunked"))

        play(Adapter(echo, Admission()), asked)

        assert asked.status == 400

    def test_that_is_too_slow_is_answered_408_on_a_last_answer(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "BODY_S", 0.01)

        class Slow(Request):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"a"
                await asyncio.sleep(LONGEST_S)

        asked = Slow("/", Sent([("content-length", "3")]))

        play(Adapter(echo, Admission()), asked)

        assert asked.answer == (408, [("Connection", "close")], b"")


class Stuck:
    """An application whose requests of STUCK wait in their threads for the end."""

    STUCK = ("/stuck", "/metrics", "/readyz")

    def __init__(self) -> None:
        self.began: list[str] = []
        self._open = threading.Event()

    def __call__(
        self, environ: dict[str, Any], start: Callable[..., Any]
    ) -> list[bytes]:
        if environ["PATH_INFO"] in self.STUCK:
            self.began.append(environ["PATH_INFO"])
            assert self._open.wait(LONGEST_S)
        start("200 OK", [])
        return []

    def play(self, stuck: list[Request], scene: Callable[[Adapter], Any]) -> None:
        """Play a scene while these requests are stuck, each in a thread."""
        adapter = Adapter(
            self,
            Admission(
                company_of=lambda token: token,
                most_at_once=MEMBER_THREADS,
                probes=frozenset({"/healthz", "/readyz", "/metrics"}),
            ),
        )

        async def guarded() -> None:
            tasks = [asyncio.create_task(adapter(each, each)) for each in stuck]
            try:
                async with asyncio.timeout(LONGEST_S):
                    while len(self.began) < len(stuck):
                        await asyncio.sleep(0.005)
                await scene(adapter)
                assert [each.answer for each in stuck] == [None] * len(stuck)
            finally:
                self._open.set()
                await asyncio.gather(*tasks)

        asyncio.run(guarded())
        assert {each.status for each in stuck} == {200}


def stuck_members() -> list[Request]:
    """Return as many as there are threads, of one company each."""
    return [
        request("/stuck", ("authorization", f"company {number}"))
        for number in range(MEMBER_THREADS)
    ]


def stuck_strangers() -> list[Request]:
    """Return as many as there are threads, from one address each."""
    return [
        request("/stuck", client=f"198.51.100.{number}:1")
        for number in range(STRANGER_THREADS)
    ]


class TestTheThreads:
    def test_probes_answer_while_all_others_are_stuck(self) -> None:
        probe = request("/healthz", client="203.0.113.1:1")

        async def scene(adapter: Adapter) -> None:
            await adapter(probe, probe)

        Stuck().play([*stuck_members(), *stuck_strangers()], scene)

        assert probe.status == 200

    def test_a_probe_answers_while_the_other_probes_are_stuck(self) -> None:
        probe = request("/healthz", client="203.0.113.1:1")
        others = [
            request(path, client=f"198.51.100.{number}:1")
            for number, path in enumerate(("/metrics", "/readyz"))
        ]

        async def scene(adapter: Adapter) -> None:
            await adapter(probe, probe)

        Stuck().play(others, scene)

        assert probe.status == 200

    @pytest.mark.parametrize(
        ("stuck", "who"),
        [
            (stuck_members(), []),
            (stuck_strangers(), [("authorization", "a company")]),
        ],
        ids=["members", "strangers"],
    )
    def test_members_and_strangers_do_not_wait_for_each_other(
        self, stuck: list[Request], who: Pairs
    ) -> None:
        other = request("/", *who, client="203.0.113.1:1")

        async def scene(adapter: Adapter) -> None:
            await adapter(other, other)

        Stuck().play(stuck, scene)

        assert other.status == 200

    def test_300_phones_of_one_company_behind_one_address_are_all_answered(
        self,
    ) -> None:
        admission = Admission(most_at_once=Settings().LIMIT_ADDRESS_AT_ONCE)
        asked = [request() for _ in range(300)]

        play(Adapter(echo, admission), *asked)

        assert {each.status for each in asked} == {200}

    def test_an_address_has_n_requests_in_hand_and_no_more(self) -> None:
        stuck = stuck_members()
        over, other = request(), request(client="203.0.113.1:1")

        async def scene(adapter: Adapter) -> None:
            await adapter(over, over)
            await adapter(other, other)

        Stuck().play(stuck, scene)

        assert over.answer == (503, [KEPT], b"")
        assert other.status == 200
