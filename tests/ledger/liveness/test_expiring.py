"""Requests to cancel that nobody followed, in a real workspace."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.client import Client
from ledger.commands import ChangeStatus, StartRun
from ledger.liveness.expiring import end_overdue
from ledger.targets.target import SCRIPT_RUN
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.statuses import RunStatus


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    make_folder(tmp_path, log="sqlite")
    opened = connect(str(tmp_path))
    yield opened
    opened.close()


def asked(client: Client, run_id: str, run_type: str = "runledger.run") -> datetime:
    """When it was asked for."""
    client.execute(StartRun(run_id=run_id, experiment="e", run_type=run_type))
    client.execute(ChangeStatus(run_id=run_id, status=RunStatus.CANCEL_REQUESTED))
    return datetime.fromisoformat(client.history(run_id)[-1].recorded_at)


def test_however_many_there_are_all_that_are_due_end(client: Client) -> None:
    last = max(asked(client, f"r{number}") for number in range(60))
    client.execute(StartRun(run_id="other", experiment="e"))

    assert len(end_overdue(client, last + timedelta(seconds=5), 5)) == 60
    assert end_overdue(client, last + timedelta(hours=1), 5) == []
    assert client.run("other")["status"] == "Running"


def test_the_supervisor_of_a_submitted_run_is_given_more_time(client: Client) -> None:
    at = asked(client, "submitted", SCRIPT_RUN)

    assert end_overdue(client, at + timedelta(seconds=599), 5) == []
    assert end_overdue(client, at + timedelta(seconds=600), 5) == ["submitted"]
    assert "within 600 s" in client.run("submitted")["status_reason"]
