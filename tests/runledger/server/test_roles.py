"""What a server does beside answering, and how it ends when a part of it does."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.errors import LogRefusedError, UnavailableError
from runledger.server import ROLES
from runledger.server.roles import Repeating
from tests.runledger.cli.calling import call, process
from tests.runledger.server.running import ROOT, running


def test_without_api_it_tells_its_health_alone(tmp_path: Path) -> None:
    with running(tmp_path, "--roles", "projections,liveness") as server:
        found = {path: server.get(path).status for path in ("/livez", "/readyz", "/metrics")}
        gone = {path: server.get(path).status for path in ("/api/v1/runs", "/openapi.json", "/api/v1/me")}

    assert set(found.values()) == {200}
    assert set(gone.values()) == {404}


@pytest.mark.parametrize(("roles", "follows"), [("api,projections", True), ("api", False)])
def test_the_tables_follow_in_the_background_only_where_it_is_a_role(tmp_path: Path, roles: str, follows: bool) -> None:
    with running(tmp_path, "--roles", roles) as server:
        server.send("start-run", run_id="r", experiment="e")
        end = server.get("/api/v1/positions").json()["position"]
        lag = end
        for _ in range(30):
            lag = call("projection", "status", "-w", tmp_path).json[0]["lag"]
            if not lag:
                break
            time.sleep(0.1)
        asked = server.get(f"/api/v1/runs/r?at_least={end}").status

    assert ((lag == 0), asked) == (follows, 200)


def test_alerts_by_name_need_a_relay(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNLEDGER_")}
    done = subprocess.run(
        [sys.executable, "-m", "runledger", "server", "--data", tmp_path, "--port", "0", "--roles", "api,alerts"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 4
    assert "RUNLEDGER_SMTP_URL" in done.stderr


@pytest.mark.parametrize("roles", ["", "api,", "API", "everything", "api;alerts"])
def test_a_role_that_is_not_known_is_answered_with_the_list(tmp_path: Path, roles: str) -> None:
    done = call("server", "--data", tmp_path / "w", f"--roles={roles}")

    assert done.code == 2
    assert ", ".join(ROLES) in done.err
    assert not (tmp_path / "w").exists()


def test_help_says_what_each_role_does() -> None:
    text = " ".join(call("server", "--help").out.split())

    assert all(f"{name}: {what}" in text for name, what in ROLES.items())


@pytest.mark.asyncio
async def test_what_repeats_outlasts_a_log_that_is_away_and_ends_when_told() -> None:
    calls: list[int] = []
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise UnavailableError("away")
        loop.call_soon_threadsafe(stop.set)

    await asyncio.wait_for(Repeating(work).once(asyncio.Event()), 20)
    assert len(calls) == 2
    assert stop.is_set()
    await asyncio.wait_for(Repeating(work).run(stop), 20)
    assert len(calls) == 2


@pytest.mark.asyncio
async def test_what_repeats_does_not_outlast_a_log_that_is_refused() -> None:
    def work() -> None:
        raise LogRefusedError("cut")

    with pytest.raises(LogRefusedError):
        await Repeating(work).once(asyncio.Event())


def test_a_log_that_was_put_back_ends_the_server_and_says_why(tmp_path: Path) -> None:
    """The tables were built from more than the ledger holds now."""
    with running(tmp_path) as server:
        server.send("start-run", run_id="r", experiment="e")
        assert server.get("/api/v1/runs/r").status == 200
        server.stop()
    folder = tmp_path / ".runledger"
    for path in folder.glob("ledger.db*"):
        path.unlink()
    done = process("server", "--data", tmp_path, "--port", "0", "-o", "json")

    assert done.code == 1
    assert json.loads(done.err.splitlines()[-1])["type"] == "urn:runledger:problem:log-refused"
