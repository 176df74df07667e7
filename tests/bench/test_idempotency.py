"""The bench of repeated requests in its quick form, and the proxy that cuts."""

import json
import socket
import threading

import pytest

from bench import __main__ as benches
from bench.cutting import cutting
from tests.bench.quick import line_of, play
from tests.waiting import LONGEST_S


@pytest.fixture(scope="module")
def quick():
    return play("idempotency")


@pytest.mark.bench
class TestTheBench:
    def test_every_bar_is_met(self, quick):
        assert quick.returncode == 0, quick.stderr

    def test_it_prints_one_line_of_the_agreed_form(self, quick):
        line = line_of(quick, "idempotency")

        assert benches.table_rows(line)[0].count("| idempotency |") == 1

    def test_it_kills_workers_and_cuts_connections(self, quick):
        figures = json.loads(quick.stdout)["figures"]

        assert figures["operations"] == figures["effects"] == figures["keys"] > 100
        assert figures["commits_whose_answer_was_lost"] > 0
        assert figures["answers"]["201"] == 2 * figures["operations"]
        assert figures["answers"]["no answer"] > 0


class TestTheCutter:
    @pytest.fixture
    def echo(self):
        """A server that answers in capitals, in place of a database."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve():
                while True:
                    try:
                        line, _ = server.accept()
                    except OSError:
                        return
                    with line:
                        while said := line.recv(100):
                            heard.append(said)
                            line.sendall(said.upper())

            heard: list[bytes] = []
            thread = threading.Thread(target=serve)
            thread.start()
            port = server.getsockname()[1]
            yield f"postgresql://u@127.0.0.1:{port}/d", heard
            server.shutdown(socket.SHUT_RDWR)
            thread.join()

    def dial(self, url):
        host, port = url.split("@")[1].split("/")[0].split(":")
        return socket.create_connection((host, int(port)), timeout=LONGEST_S)

    def test_passes_everything_on_until_it_is_told_to_cut(self, echo):
        url, _ = echo
        with cutting(url) as (way, cutter), self.dial(way) as line:
            line.sendall(b"select")
            answer = line.recv(100)
            cutter.cut_busiest()

            assert answer == b"SELECT"
            assert line.recv(100) == b""
            assert (cutter.cuts, cutter.lost_commits) == (1, 0)

    def test_loses_the_answer_to_a_commit_that_arrived(self, echo):
        url, heard = echo
        with cutting(url) as (way, cutter), self.dial(way) as line:
            cutter.lose_a_commit()
            line.sendall(b"COMMIT")

            assert line.recv(100) == b""
            assert heard == [b"COMMIT"]
            assert (cutter.cuts, cutter.lost_commits) == (1, 1)
