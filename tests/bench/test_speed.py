"""The benches of speed in their quick form: what they count and compare; times are not
checked."""

import socket
import struct
import threading
from dataclasses import replace

import psycopg
import pytest

from bench import __main__ as benches
from bench.accept_race import Heard, Try, shuffled, wrong_loads
from bench.client import Answer, Client, Refused
from bench.drop_to_push import Played, Search, is_in_time
from bench.hauls import Drop, Truck
from bench.http import OFFERS_A_DRIVER, Server, ratio_by_cpu
from bench.rig import HOST, ROOT
from bench.stacks import counted
from bench.tapping import Tap, named, tapping
from bench.wire import Wire
from tests.bench.test_walls import bars, quick
from tests.services.scene import Scene, open_offers

AT = 1_000_000.0

SERVERS = ("offers", "unchanged", "offers_without_limits", "plain", "empty")
"""Compared by bench.http."""


@pytest.mark.bench
class TestSearch:
    def test_searches_on_growing_markets_and_in_a_real_worker(self):
        line = quick("search")

        figures = line["figures"]
        assert set(bars(line)) == {
            *("seeding_s", "loading_s", "worker_rss_mb", "job_ms_p50"),
            *("ranked_ms_p50", "ranked_ms_p95", "uncached_ms_p50"),
        }
        for size in ("loads_500", "loads_2000"):
            assert figures[size]["searches"] == 8
            assert figures[size]["offered"] > 0
            parts = ("sql_ms_mean", "writing_ms_mean", "python_ms_mean")
            assert all(figures[size][part] > 0 for part in parts)
        assert (
            figures["loads_2000"]["considered_p50"]
            > (figures["loads_500"]["considered_p50"])
        )
        assert figures["worker"]["searches"] == 8
        assert 50 < figures["worker"]["rss_mb"] < 600


@pytest.mark.bench
class TestNaive:
    def test_every_search_is_as_in_the_reference(self):
        line = quick("naive")

        assert set(bars(line)) == {
            *("orders_that_differ", "gains_that_differ", "counts_that_differ")
        }
        assert all(bar["met"] for bar in line["bars"]), line["bars"]
        assert line["params"]["searches"] == 20
        assert line["figures"]["loads_kept"] > 100


@pytest.mark.bench
class TestDropToPush:
    def test_every_drop_is_searched_and_every_phone_gets_a_push(self):
        line = quick("drop_to_push")

        found = bars(line)
        assert set(found) == {
            *("answer_ms_p95", "push_ms_p95", "crowd_push_ms_p95", "drops_lost")
        }
        assert found["drops_lost"]["met"], line["figures"]
        assert line["figures"]["drops"] == 20
        assert line["figures"]["crowd_drops"] == 80
        assert line["figures"]["share_with_offers"] > 0.5
        assert line["figures"]["web_rss_mb"] > 50


def played(**differently):
    """One drop: answered after 50 ms, searched, offered, and pushed after 300 ms."""
    truck = Truck(None, "stop", "phone")
    drop = Drop(truck, AT, AT + 0.01, AT + 0.05, 200)
    search = Search("offered", AT + 0.1, 20.0, 10.0, 40, 3)
    as_it_went = Played([drop], {"stop": search}, {"phone": AT + 0.3}, AT + 60)
    return replace(as_it_went, **differently)


class TestWhatIsPlayed:
    def test_times_count_from_the_due_time_of_the_drop(self):
        figures = played().figures()

        assert figures["answer_ms_p50"] == pytest.approx(50, abs=0.1)
        assert figures["push_ms_p50"] == pytest.approx(300, abs=0.1)
        assert figures["search_began_ms_p50"] == pytest.approx(100, abs=0.1)
        assert figures["client_late_ms_max"] == pytest.approx(10, abs=0.1)
        assert played().lost == 0
        assert is_in_time(played())

    def test_a_drop_without_a_search_is_lost(self):
        assert played(searches={}).lost == 1

    def test_offers_without_a_push_are_lost(self):
        assert played(rang_at={}).lost == 1
        # A lost push must not make the figure better.
        assert played(rang_at={}).push_ms == [60_000]
        assert not is_in_time(played(rang_at={}))

    def test_a_search_without_offers_needs_no_push_and_is_not_lost(self):
        nothing = {"stop": Search("nothing_found", AT, 20.0, 10.0, 40, 0)}

        assert played(searches=nothing, rang_at={}).lost == 0
        assert played(searches=nothing, rang_at={}).push_ms == []

    def test_a_drop_that_was_refused_is_lost(self):
        refused = replace(played().drops[0], status=503)

        assert played(drops=[refused]).lost == 1

    def test_a_push_after_two_seconds_is_too_late(self):
        assert not is_in_time(played(rang_at={"phone": AT + 2.0}))


class TestAcceptRace:
    @pytest.mark.bench
    def test_each_load_has_one_winner_whose_answer_says_so(self):
        line = quick("accept_race")

        found = bars(line)
        # So few answers say nothing about the time of one.
        found.pop("accept_ms_p99")
        assert all(bar["met"] for bar in found.values()), (found, line["figures"])
        assert line["figures"]["answers"] == {"200": 8, "410 offer-taken": 152}

    def test_the_seed_orders_the_loads_and_drivers_of_one_load_come_together(self):
        races = [[Try(None, {"load_id": n, "id": m}) for m in range(9)] for n in "abc"]

        order = [each.offer["load_id"] for each in shuffled(races, 1)]
        assert "".join(order) in {
            "".join(letter * 9 for letter in way)
            for way in ("abc", "acb", "bac", "bca", "cab", "cba")
        }
        assert list(shuffled(races, 1)) == list(shuffled(races, 1))
        assert list(shuffled(races, 1)) != list(shuffled(races, 2))


class TestWrongLoads:
    @pytest.fixture
    def race(self, committed):
        """Two drivers accept one load; the first one gets it."""
        scene = Scene(committed)
        scene.loads(1)
        drivers = [scene.driver(), scene.driver()]
        for driver in drivers:
            scene.search(driver)
        offers = [open_offers(driver)[0] for driver in drivers]
        answers = [
            driver.put(f"/v1/offers/{offer.id}/acceptance")
            for driver, offer in zip(drivers, offers, strict=True)
        ]
        return [
            Heard({"load_id": offer.load_id}, Answer(answer.status, answer.body), 1.0)
            for answer, offer in zip(answers, offers, strict=True)
        ]

    @pytest.fixture
    def tables(self, database_url):
        with psycopg.connect(database_url, autocommit=True) as connection:
            yield connection

    def test_one_winner_whose_answer_equals_the_row_is_right(self, race, tables):
        assert [heard.words for heard in race] == ["200", "410 offer-taken"]
        assert wrong_loads(race, tables) == {}

    def test_a_load_without_a_200_is_wrong(self, race, tables):
        lost = [replace(race[0], answer=Answer(503, None)), race[1]]

        assert len(wrong_loads(lost, tables)) == 1

    def test_a_load_with_two_200s_is_wrong(self, race, tables):
        assert len(wrong_loads([race[0], race[0]], tables)) == 1

    def test_an_answer_that_differs_from_the_row_is_wrong(self, race, tables):
        other = {**race[0].answer.body, "driver_id": race[0].answer["id"]}
        told = [replace(race[0], answer=Answer(200, other)), race[1]]

        assert len(wrong_loads(told, tables)) == 1

    def test_a_load_with_an_open_offer_is_wrong(self, race, tables):
        load_id = race[0].offer["load_id"]
        tables.execute(
            "update offers set status = 'sent', ended_at = null, responded_at = null"
            " where load_id = %s and status = 'lost'",
            [load_id],
        )

        assert list(wrong_loads(race, tables)) == [str(load_id)]


class TestHttp:
    @pytest.mark.bench
    def test_all_servers_are_measured(self):
        line = quick("http")

        assert set(bars(line)) == {"offers_to_plain", "unchanged_to_plain"}
        for name in SERVERS:
            assert line["figures"][name]["per_s"] > 0
        # On a busy machine a short round may use less CPU than the system counts.
        assert sum(line["figures"][name]["cpu_ms_web"] for name in SERVERS) > 0
        assert line["figures"]["empty"]["cpu_ms_database"] == 0
        assert line["figures"]["offers"]["bytes"] > OFFERS_A_DRIVER * 500
        assert line["figures"]["empty"]["bytes"] == 0
        assert line["figures"]["unchanged"]["bytes"] == 0

    def test_cpu_too_little_to_be_seen_is_no_ratio(self):
        plain = Server(1, [], requests=100, web_s=0.2, database_s=0.1)
        seen = replace(plain, web_s=0.05)

        assert ratio_by_cpu(seen, plain) == 2.0
        assert ratio_by_cpu(replace(seen, web_s=0.0, database_s=0.0), plain) is None


class TestWire:
    @pytest.fixture
    def answers(self):
        """A server that sends the next answer for each request, in two pieces."""
        given = []
        with socket.create_server((HOST, 0)) as listener:

            def serve():
                connection, _ = listener.accept()
                with connection:
                    while given and connection.recv(65_536):
                        text = given.pop(0)
                        connection.sendall(text[:30])
                        connection.sendall(text[30:])

            thread = threading.Thread(target=serve)
            yield given, Client(f"http://{HOST}:{listener.getsockname()[1]}"), thread
            thread.join()

    def test_reads_each_answer_completely(self, answers):
        given, client, thread = answers
        long = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
        given += [long, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]
        thread.start()

        with Wire(client, "/") as wire:
            assert [wire.ask(), wire.ask()] == [100_000, 0]

    def test_an_answer_that_is_not_200_raises(self, answers):
        given, client, thread = answers
        given.append(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n")
        thread.start()

        with Wire(client, "/") as wire, pytest.raises(Refused, match="429"):
            wire.ask()


class TestClient:
    def test_reads_the_answer_of_a_server_that_closes_before_the_body_is_sent(self):
        """As a server does that refuses by the headers alone."""
        head = b"HTTP/1.1 413 Content Too Large\r\n"
        refusal = head + b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        with socket.create_server((HOST, 0)) as listener:

            def refuse():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1)
                    connection.sendall(refusal)

            thread = threading.Thread(target=refuse)
            thread.start()
            client = Client(f"http://{HOST}:{listener.getsockname()[1]}")
            body = {"text": "x" * 50_000_000}
            assert client.call("PUT", "/", body).status == 413
            thread.join()


class TestTap:
    def test_counts_every_round_trip_by_statement(self, database_url):
        with tapping(database_url) as (address, tap):
            with psycopg.connect(address, prepare_threshold=0) as connection:
                tap.forget()
                for number in range(3):
                    connection.execute(
                        "select count(*) from loads where pieces = %s", [number]
                    )
                connection.execute("update loads set pieces = 1 where false")
                connection.commit()
            seen = {name: asked.round_trips for name, asked in tap.seen.items()}

        assert seen == {
            "BEGIN": 1,
            # Preparing a statement is one more round trip, once.
            "select loads": 4,
            "update loads": 2,
            "COMMIT": 1,
        }
        assert tap.seen["select loads"].ms > 0

    def test_a_message_may_come_in_pieces(self):
        tap, talk = Tap((0, "")), Tap((0, ""))._talks["one"]
        start = struct.pack("!II", 8, 196_608)
        query = b"Q" + struct.pack("!I", 4 + 7) + b"COMMIT\0"
        ready = b"Z" + struct.pack("!I", 5) + b"I"

        for piece in (start[:3], start[3:] + query[:2], query[2:]):
            tap._hear_question(talk, piece)
        for piece in (ready[:4], ready[4:]):
            tap._hear_answer(talk, piece)

        assert {name: asked.round_trips for name, asked in tap.seen.items()} == {
            "COMMIT": 1
        }

    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            (";", "ping of the pool"),
            ("ROLLBACK", "ROLLBACK"),
            ("SELECT a, b \nFROM offers WHERE x IN (SELECT 1)", "select offers"),
            ("insert into rate_limits as r (key) values ($1)", "insert rate_limits"),
            ("select act_for($1, $2, $3)", "act_for: who acts"),
            ("select 1", "select"),
            ("SELECT now() AS now_1", "select now()"),
            ("select * from is_free($1)", "select is_free"),
            ("update loads set a = 1 from offers", "update loads"),
            ("delete from pushes where a", "delete pushes"),
            ("with l as (select id from loads for update) update a", "select loads"),
            ("SAVEPOINT sa_savepoint_1", "SAVEPOINT"),
        ],
    )
    def test_names_a_statement_by_verb_and_table(self, statement, name):
        assert named(statement) == name


class TestStacks:
    def test_counts_samples_by_part_package_and_waiting(self):
        site = "/x/lib/python3.11/site-packages"
        request = f"thread (7);Flask.wsgi_app ({site}/flask/app.py:1)"
        view = f"{request};requires.<locals>.guarded ({ROOT}/api/kernel/auth.py:1)"
        entered = f"{view};enter ({ROOT}/services/people/sign_in.py:9)"
        wait = f"Connection.wait ({site}/psycopg/connection.py:1)"
        lines = [
            f"thread (7);wait ({site}/granian/wsgi.py:1) 50",
            f"{entered};{wait} 20",
            f"{entered} 6",
            f"{view};_page ({ROOT}/api/offers/offers.py:2);x ({site}/json/a.py:1) 3",
            f"{request};tell ({ROOT}/api/kernel/limits.py:60) 1",
            f"thread (8);idle ({site}/granian/wsgi.py:1) 75",
        ]

        sampled = counted(lines)

        assert sampled.rounds == 80
        assert sampled.in_requests == 30
        assert dict(sampled.by_part) == {
            ("who asks, and the limits", True): 20,
            ("who asks, and the limits", False): 6,
            ("writing JSON", False): 3,
            ("Flask and what is asked around each request", False): 1,
        }
        assert dict(sampled.by_package) == {
            "waiting for the database": 20,
            "services": 6,
            "api": 1,
            "json": 3,
        }


class TestMakeBench:
    def test_runs_the_benches_of_speed(self):
        commands = [argv[0] for argv in benches.benches(True)]

        assert {"bench.drop_to_push", "bench.accept_race", "bench.http"} <= {*commands}
        assert {"bench.naive", "bench.weeks"} <= {*commands}
