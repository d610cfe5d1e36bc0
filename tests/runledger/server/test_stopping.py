"""Starting and stopping a server: nothing that was accepted is lost."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ledger.commands import StartRun, TagRun
from ledger.errors import UnavailableError
from ledger.remote.client import RemoteClient
from runledger.wiring import connect
from tests.runledger.server.running import ROOT, Server, running, start


def test_an_idle_server_stops_at_once(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running(tmp_path) as server:
            began = time.monotonic()
            assert server.stop(number) == 0
            assert time.monotonic() - began < 5
            assert server.process.stdout is not None
            assert server.process.stderr is not None
            assert (server.process.stdout.read(), server.process.stderr.read()) == ("", "")


def test_a_stop_under_load_loses_no_accepted_command(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        accepted: list[str] = []
        cut_off: list[Exception] = []

        def work(number: int) -> None:
            client = RemoteClient(server.url, seconds=0.2)
            try:
                client.execute(StartRun(run_id=f"load-{number}", experiment="load"))
                for step in range(10_000):
                    client.execute(TagRun(run_id=f"load-{number}", tags={f"t{step % 50}": str(step)}))
                    accepted.append(f"load-{number}:{step}")
            except UnavailableError as error:
                cut_off.append(error)
            finally:
                client.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        while len(accepted) < 200:
            time.sleep(0.01)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        for thread in threads:
            thread.join()

    assert len(cut_off) == 8
    with closing(connect(str(tmp_path))) as client:
        stored = {
            f"load-{number}:{change.after}"
            for number in range(8)
            for entry in client.history(f"load-{number}")
            for change in entry.changes
            if change.field.startswith("tag")
        }
    assert set(accepted) <= stored


def test_what_was_accepted_is_finished_and_new_work_is_refused(tmp_path: Path) -> None:
    """A command waits for the lock of ledger.db while the server is told to stop."""
    with running(tmp_path) as server:
        server.send("start-run", run_id="slow", experiment="stopping")
        statuses: list[int] = []

        def tag() -> None:
            statuses.append(server.send("tag-run", run_id="slow", tags={"late": "yes"}).status)

        with closing(sqlite3.connect(tmp_path / ".runledger" / "ledger.db", isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            waiting = threading.Thread(target=tag)
            waiting.start()
            time.sleep(0.5)  # a request that is not inside by then is refused, and the test fails
            server.process.send_signal(signal.SIGTERM)
            wait_until_stopping(server)
            refused = server.send("tag-run", run_id="slow", tags={"new": "no"})
            ready, live = server.get("/readyz"), server.get("/livez")
            locking.execute("ROLLBACK")
        waiting.join()
        assert server.process.wait(10) == 0

    assert (refused.status, refused.json()["type"]) == (503, "urn:runledger:problem:not-ready")
    assert "stopping" in refused.json()["detail"]
    assert (ready.status, live.status) == (503, 200)
    assert statuses == [200]
    with closing(connect(str(tmp_path))) as client:
        assert client.run("slow")["tags"] == {"late": "yes"}


def test_questions_are_answered_while_commands_wait(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.send("start-run", run_id="r", experiment="waiting")
        answered: list[int] = []

        def tag(number: int) -> None:
            answered.append(server.send("tag-run", run_id="r", tags={f"t{number}": "x"}).status)

        threads = [threading.Thread(target=tag, args=(number,)) for number in range(60)]
        with closing(sqlite3.connect(tmp_path / ".runledger" / "ledger.db", isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            for thread in threads:
                thread.start()
            time.sleep(0.5)
            paths = ("/api/v1/runs", "/api/v1/runs/r", "/api/v1/runs/r/history", "/api/v1/positions", "/metrics")
            read = [server.get(path).status for path in paths]
            waiting = len(answered)
            locking.execute("ROLLBACK")
        for thread in threads:
            thread.join()

    assert (read, waiting, answered) == ([200] * 5, 0, [200] * 60)


def wait_until_stopping(server: Server) -> None:
    for _ in range(500):
        if server.get("/readyz").status == 503:
            return
        time.sleep(0.01)
    raise AssertionError("the server goes on")


def test_a_request_that_never_ends_does_not_hold_the_server(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        host, port = server.address.split(":")
        head = b"POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with socket.create_connection((host, int(port))) as half:
            half.sendall(head + b"Content-Length: 100\r\n\r\n{")
            time.sleep(0.3)
            began = time.monotonic()
            code = server.stop()
            taken = time.monotonic() - began
            assert server.process.stderr is not None
            told = server.process.stderr.read()

    assert taken < 13
    assert code == 0
    assert "1 request(s) had no answer" in told


def test_a_client_outlives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        port = first.address.split(":")[1]
        with closing(RemoteClient(first.url)) as client:
            client.execute(StartRun(run_id="r", experiment="restart"))
            first.stop(signal.SIGKILL)
            again = threading.Timer(0.5, lambda: servers.append(start(tmp_path, "--port", port)))
            servers: list[subprocess.Popen[str]] = []
            again.start()
            try:
                assert client.execute(TagRun(run_id="r", tags={"a": "b"})).changed
                assert client.run("r")["tags"] == {"a": "b"}
            finally:
                again.join()
                for process in servers:
                    process.kill()
                    process.communicate()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])  # noqa: S104 - refused
def test_other_machines_are_not_let_in(tmp_path: Path, host: str) -> None:
    done = _server(tmp_path, "--host", host)

    assert done.returncode == 4
    assert host in done.stderr
    assert "--init-admin" in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _server(tmp_path, "--port", str(port))

    assert done.returncode == 5
    assert re.search(rf"127\.0\.0\.1:{port}.*--port", done.stderr)


def test_the_served_folder_is_an_ordinary_workspace(tmp_path: Path) -> None:
    with running(tmp_path, "--log", "sqlite") as server, closing(connect(str(tmp_path))) as beside:
        beside.execute(StartRun(run_id="beside", experiment="both"))
        assert server.get("/api/v1/runs/beside").status == 200
        server.send("tag-run", run_id="beside", tags={"a": "b"})
        assert beside.run("beside")["tags"] == {"a": "b"}


def _server(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "runledger", "server", "--data", str(folder), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
