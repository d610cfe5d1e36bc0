"""Statuses as every surface shows and allows them (parity section 3)."""

import pytest

from ledger.commands import ChangeStatus, StartRun
from ledger.errors import StatusRefusedError
from runledger import Experiment, ServiceException
from schemas.limits import AZURE_LIMITS, Limits
from schemas.statuses import TERMINAL, RunStatus
from tests.runledger.cli.calling import call

STATUSES = (
    "NotStarted Starting Provisioning Preparing Queued Running Pausing Paused Unapproved NotResponding Finalizing"
)
STATUSES += " CancelRequested Completed Failed Canceled"


@pytest.mark.parametrize("status", STATUSES.split())
def test_3a_every_status_of_the_original_is_known(status: str, anywhere: Experiment, location: str) -> None:
    """The 15 that its SDK knows: shown as they are, found by `--status`, and said to be an end or not."""
    client = anywhere.workspace.client
    run_id = f"{anywhere.name}-run"
    client.execute(StartRun(run_id=run_id, experiment=anywhere.name, status=RunStatus(status)))
    words = ("run", "list", "-w", location, "-e", anywhere.name, "--status", status.lower())
    (document,) = call(*words).json

    assert (document["run_id"], document["status"]) == (run_id, status)
    assert document["is_terminal"] == (status in {"Completed", "Failed", "Canceled"})
    assert next(anywhere.get_runs(status=status)).get_status() == status
    assert {str(each) for each in RunStatus} == set(STATUSES.split())


@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_3b_an_end_is_an_end(end: RunStatus, anywhere: Experiment) -> None:
    """From Completed, Failed and Canceled nothing follows; the same again is accepted and adds no event."""
    run = anywhere.start_logging(snapshot_directory=None)
    client = anywhere.workspace.client
    client.execute(ChangeStatus(run_id=run.id, status=end))
    events = len(client.history(run.id))
    client.execute(ChangeStatus(run_id=run.id, status=end))

    assert len(client.history(run.id)) == events
    for status in set(RunStatus) - {end}:
        with pytest.raises(StatusRefusedError, match="it has ended"):
            client.execute(ChangeStatus(run_id=run.id, status=status))
    assert run.get_status() == end


def test_3b_who_has_ended_may_still_be_described(anywhere: Experiment) -> None:
    """Tags, properties, names and late values are taken in a terminal status, as the notebook does."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.complete()
    run.tag("My Favorite Run")
    run.tag("Competition Rank", 1)
    run.add_properties({"snapshot": "s"})
    run.display_name = "named later"
    run.log("late", 1)
    run.flush()

    assert run.get_tags() == {"My Favorite Run": None, "Competition Rank": "1"}
    assert (run.get_properties(), run.name, run.get_metrics()) == ({"snapshot": "s"}, "named later", {"late": 1})


def test_3b_a_backward_step_names_the_ways_that_are_open(anywhere: Experiment) -> None:
    """Running cannot become Queued: the error says what it may become; only NotResponding leads back."""
    run = anywhere.start_logging(snapshot_directory=None)
    client = anywhere.workspace.client
    with pytest.raises(ServiceException, match=r"is Running and cannot become Queued; .*Finalizing"):
        client.execute(ChangeStatus(run_id=run.id, status=RunStatus.QUEUED))
    client.execute(ChangeStatus(run_id=run.id, status=RunStatus.NOT_RESPONDING))
    client.execute(ChangeStatus(run_id=run.id, status=RunStatus.RUNNING))

    assert run.get_status() == "Running"


def test_3g_no_limit_is_tighter_than_that_of_the_original() -> None:
    """Each limit of ours is at least as wide as the original's of the same name."""
    ours = {name: getattr(Limits(), name) for name in AZURE_LIMITS if hasattr(Limits(), name)}

    assert len(ours) > 20
    assert [name for name, limit in ours.items() if limit < AZURE_LIMITS[name]] == []
