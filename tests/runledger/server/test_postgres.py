"""Servers whose views are in one PostgreSQL, which fills them, is killed, restarted and rebuilt beside them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest

from examples.kafka_broker import KafkaBroker
from examples.postgres_server import PostgresServer
from ledger.commands import ChangeStatus, StartRun, TagRun
from ledger.remote.client import RemoteClient
from projections.answers import PROJECTIONS
from projections.postgres.address import Address
from projections.postgres.view import PostgresView
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from runledger.wiring import embedded_workspace, make_workspace
from schemas.statuses import RunStatus
from tests.projections.conftest import open_workspace, rows
from tests.runledger.cli.calling import process
from tests.runledger.server.running import ROOT, Server, running, start

T = TypeVar("T")
SECONDS = 90.0
# Who projects, by the process id that its connection bears.
HOLDER = """SELECT substr(a.application_name, 11)::int FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND a.application_name LIKE 'runledger %' AND a.datname = 'postgres'"""


@pytest.fixture(scope="module")
def views(postgres: PostgresServer) -> Iterator[PostgresServer]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RUNLEDGER_VIEWS", postgres.url)
        yield postgres


def wait_for(found: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if (answer := found()) is not None:
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not within {SECONDS:.0f} s: {what}")


def filled(folder: Path, runs: int) -> Path:
    """A workspace in which so many runs began; no view of it is made."""
    make_workspace(folder, log="sqlite")
    # Not synced to the disk: it is made quickly.
    workspace = open_workspace(folder / ".runledger")
    with closing(workspace.database), closing(workspace.view):
        workspace.do(
            *(StartRun(run_id=f"r{n}", experiment=f"e{n % 7}", tags={"n": str(n)}) for n in range(runs)),
            *(ChangeStatus(run_id=f"r{n}", status=RunStatus.COMPLETED) for n in range(0, runs, 2)),
        )
    return folder


def as_replayed(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What SQLite makes of the same log."""
    with (
        embedded_workspace(str(folder), alone=True) as parts,
        tempfile.TemporaryDirectory() as place,
        closing(SqliteView(Path(place) / "v.db")) as view,
    ):
        catch_up(view, PROJECTIONS[0], parts.feed)
        return rows(view)


def in_postgres(folder: Path, url: str) -> dict[str, list[tuple[object, ...]]]:
    with embedded_workspace(str(folder), alone=True) as parts:
        log_id = parts.log.id
    with closing(PostgresView(Address.of_log(url, log_id))) as view:
        return rows(view)


def test_who_fills_the_views_is_killed_and_another_goes_on(views: PostgresServer, tmp_path: Path) -> None:
    """In the middle of a batch, while a third process builds the tables anew."""
    folder = filled(tmp_path / "w", 600)
    servers = {each.pid: each for each in (start(folder), start(folder))}
    rebuild = [sys.executable, "-m", "runledger", "projection", "rebuild", "runs", "--workspace", str(folder)]
    try:
        with psycopg.connect(views.url, autocommit=True) as watching:
            projecting = wait_for(
                lambda: next((pid for (pid,) in watching.execute(HOLDER) if pid in servers), None), "somebody projects"
            )
            os.kill(projecting, signal.SIGKILL)
        rebuilding = subprocess.Popen(rebuild, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        (left,) = (server for pid, server in servers.items() if pid != projecting)
        assert left.stdout is not None
        url = left.stdout.readline().strip()
        assert rebuilding.communicate(timeout=SECONDS)[1].count("Traceback") == 0
        server = Server(left, url)

        assert server.get("/readyz").status == 200
        assert server.get("/api/v1/runs?count=true&limit=1").json()["count"] == 600
        assert in_postgres(folder, views.url) == as_replayed(folder)
    finally:
        for each in servers.values():
            each.kill()
            each.communicate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "shared"


@pytest.fixture(scope="module")
def two(views: PostgresServer, folder: Path) -> Iterator[tuple[Server, Server]]:
    assert views.url == os.environ["RUNLEDGER_VIEWS"]
    with running(folder) as one, running(folder) as other:
        yield one, other


def test_both_servers_answer_from_one_store_pages_and_commands_too(
    two: tuple[Server, Server], views: PostgresServer, folder: Path
) -> None:
    with closing(RemoteClient(two[0].url)) as one, closing(RemoteClient(two[1].url)) as other:
        for number in range(5):
            one.execute(StartRun(run_id=f"first-{number}", experiment="shared", display_name=f"Run <{number}>"))
            other.execute(TagRun(run_id=f"first-{number}", tags={"seen": "by two"}))
        found = [client.run(f"first-{number}")["tags"] for client in (one, other) for number in range(5)]
    assert found == [{"seen": "by two"}] * 10

    pages = [server.ask("GET", "/runs?filter=tag.seen:is:by%20two", headers={"Accept": "text/html"}) for server in two]
    assert [page.status for page in pages] == [200, 200]
    assert all(page.body.count(b"Run &lt;") >= 5 for page in pages)

    listed = process("run", "list", "--search", "first two", "--workspace", two[1].url, "-o", "json")
    assert len(listed.json) == 5
    shown = process("projection", "status", "--workspace", folder, "-o", "json", RUNLEDGER_VIEWS=views.url)
    assert [each["lag"] for each in shown.json if each["name"] == "runs"] == [0]
    assert not (folder / ".runledger" / "views.db").exists()
    assert b'runledger_view_lag_events{projection="runs"}' in two[0].get("/metrics").body


def test_a_database_that_is_away_is_said_and_waited_for(
    two: tuple[Server, Server], views: PostgresServer, folder: Path
) -> None:
    with closing(RemoteClient(two[0].url)) as client:
        client.execute(StartRun(run_id="before", experiment="away"))
    assert two[1].get("/api/v1/runs/before").status == 200
    views.stop()
    try:
        away = wait_for(lambda: _unless_ready(two[0]), "it says that it is not ready")
        # What is written needs no view.
        with closing(RemoteClient(two[1].url)) as client:
            client.execute(StartRun(run_id="meanwhile", experiment="away"))
        asked = two[1].get("/api/v1/runs")
        examined = process("doctor", "--workspace", folder, RUNLEDGER_VIEWS=views.url)
    finally:
        views.start()
    assert "cannot be used now" in away["detail"]
    assert asked.status == 503
    assert "postgresql://postgres@127.0.0.1" in asked.json()["detail"]
    assert "cannot be used now" in examined.out + examined.err

    for server in two:
        wait_for(lambda server=server: server.get("/readyz").status == 200 or None, "it is ready again")  # type: ignore[misc]
        assert [run["run_id"] for run in server.get("/api/v1/runs?experiment=away").json()["runs"]] == [
            "meanwhile",
            "before",
        ]


def _unless_ready(server: Server) -> dict[str, Any] | None:
    reply = server.get("/readyz")
    found: dict[str, Any] | None = None if reply.status == 200 else reply.json()
    return found


@pytest.mark.usefixtures("views")
def test_servers_with_replicas_of_their_own_share_a_store(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    log = f"kafka://{kafka_broker.address}/v{uuid4().hex[:12]}"
    with (
        running(tmp_path / "a", "--log", log) as a,
        running(tmp_path / "b", "--log", log) as b,
        closing(RemoteClient(a.url)) as one,
        closing(RemoteClient(b.url)) as other,
    ):
        for number in range(12):
            writer, reader = (one, b) if number % 2 else (other, a)
            writer.execute(StartRun(run_id=f"r{number}", experiment="e"))
            assert writer.run(f"r{number}")["run_id"] == f"r{number}"
            # A server that has not read so far may find it in the views all the same.
            wait_for(lambda path=f"/api/v1/runs/r{number}", reader=reader: _found(reader, path), "the other knows")  # type: ignore[misc]
        assert [len(server.get("/api/v1/runs?limit=100").json()["runs"]) for server in (a, b)] == [12, 12]


def _found(server: Server, path: str) -> bool | None:
    return server.get(path).status == 200 or None
