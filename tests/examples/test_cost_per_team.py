"""Costs of teams by week: from history and live they are the same, and a fresh view is like an old one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from examples.cost_per_team import COSTS, CostPerTeam
from projections.kit import of_run, rows_of
from runledger import Experiment, Workspace
from runledger.projecting import own_view
from runledger.wiring import make_workspace
from schemas.events import (
    Event,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
)
from schemas.statuses import RunStatus

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "cost_per_team.py"


def started(team: str | None, status: RunStatus = RunStatus.RUNNING) -> Event:
    tags = {} if team is None else {"team": team}
    return RunStartedEvent(experiment="e", experiment_id="i", tags={**tags}, status=status)


def became(status: RunStatus) -> Event:
    return RunStatusChangedEvent(previous=RunStatus.RUNNING, status=status)


def test_a_run_costs_its_time_in_the_week_of_its_end() -> None:
    rows = rows_of(
        CostPerTeam(),
        of_run("r1", started("vision"), "2026-11-22T23:00"),
        of_run("r2", started(None, RunStatus.QUEUED), "2026-11-23T00:00"),
        of_run("r1", became(RunStatus.COMPLETED), "2026-11-23T01:00"),
        of_run("r2", became(RunStatus.RUNNING), "2026-11-23T02:00"),
        of_run("r2", became(RunStatus.FAILED), "2026-11-23T02:30+00:00"),
    )["run_costs"]
    assert [(row["run_id"], row["team"], row["week"], row["seconds"]) for row in rows] == [
        ("r1", "vision", "2026-W48", 7200),
        ("r2", "nobody", "2026-W48", 1800),
    ]


def test_both_attempts_count_and_the_last_team_pays() -> None:
    rows = rows_of(
        CostPerTeam(),
        of_run("r1", started("vision"), "2026-11-23T00:00"),
        of_run("r1", became(RunStatus.FAILED), "2026-11-23T01:00"),
        of_run("r1", RunResumedEvent(attempt=2, previous=RunStatus.FAILED), "2026-11-23T05:00"),
        of_run("r1", RunTaggedEvent(key="team", value="speech"), "2026-11-23T05:30"),
        of_run("r1", became(RunStatus.COMPLETED), "2026-11-23T06:00"),
        of_run("r2", started("vision"), "2026-11-23T06:00"),
        of_run("r2", RunUntaggedEvent(key="team"), "2026-11-23T07:00"),
    )["run_costs"]
    assert [(row["team"], row["seconds"], row["since"] is None) for row in rows] == [
        ("speech", 7200, True),
        ("nobody", 0, False),
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    make_workspace(tmp_path / "workspace", log="sqlite")
    return tmp_path / "workspace"


def run_for(workspace: Path, team: str) -> None:
    with Workspace(workspace) as opened:
        Experiment(opened, "e").start_logging(tags={"team": team}, snapshot_directory=None).complete()


def test_live_and_history_are_one_code_path(workspace: Path, tmp_path: Path) -> None:
    with own_view(tmp_path / "live.db", CostPerTeam(), workspace) as live:
        positions = live.follow(0, rest=lambda _: None)
        assert next(positions) == 0
        for team in ("vision", "speech", "vision"):
            run_for(workspace, team)
            assert next(positions) > 0
        found = live.rows(COSTS, 1.0)
        assert [(row["team"], row["runs"]) for row in found] == [("speech", 1), ("vision", 2)]
        with own_view(tmp_path / "history.db", CostPerTeam(), workspace) as history:
            assert history.rows("SELECT * FROM run_costs ORDER BY run_id") == live.rows(
                "SELECT * FROM run_costs ORDER BY 1"
            )
        assert live.rebuild() == live.catch_up()
        assert live.rows(COSTS, 1.0) == found


def test_the_program_prints_costs_and_goes_on_when_something_has_happened(workspace: Path, tmp_path: Path) -> None:
    run_for(workspace, "vision")
    command = [sys.executable, str(PROGRAM), str(workspace)]
    once = subprocess.check_output(command, cwd=tmp_path, text=True, timeout=120)
    assert "vision" in once
    assert "speech" not in once
    follower = subprocess.Popen(
        [*command, "--follow"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert follower.stdout is not None
        assert "as of position" in follower.stdout.readline()
        run_for(workspace, "speech")
        assert any("speech" in line for line in follower.stdout)
    finally:
        follower.send_signal(signal.SIGTERM)
        follower.communicate(timeout=60)
