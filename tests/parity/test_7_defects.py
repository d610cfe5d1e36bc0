"""Defects of the original that are not copied (parity section 7); those of values are in test_2c_metrics.py."""

import pytest

from ledger.commands import ChangeStatus
from runledger import Experiment, ServiceException
from schemas.statuses import RunStatus


def test_7_a_run_of_a_block_that_exits_well_does_not_stay_running(anywhere: Experiment) -> None:
    """Defect 3: `with` and `sys.exit(0)` leave a Completed run, and the exit goes on."""
    with pytest.raises(SystemExit), anywhere.start_logging(snapshot_directory=None) as run:
        raise SystemExit(0)

    assert run.get_status() == "Completed"


def test_7_set_tags_takes_one_key(anywhere: Experiment) -> None:
    """Defect 5: `set_tags("x")` sets a bare tag, of a run and of an experiment; `remove_tags("x")` removes it."""
    run = anywhere.start_logging(snapshot_directory=None)
    for thing in (run, anywhere):
        thing.set_tags("x")
        assert thing.tags == {"x": None}
        thing.remove_tags("x")
        assert thing.tags == {}


@pytest.mark.parametrize("value", ['"', "' or 1 eq 1", "a) or (Tags/k ne null", "50% = 1/2", "%3D", "\\", "ü ☃"])
def test_7_no_value_can_change_a_question(value: str, anywhere: Experiment) -> None:
    """Defect 8: whatever stands in a key or a value is looked for as it is."""
    for other in ("", "x"):
        anywhere.start_logging(snapshot_directory=None, tags={"k": other})
    run = anywhere.start_logging(snapshot_directory=None, tags={"k": value, f"key {value}": None})
    run.add_properties({f"p{value}": value})

    assert [found.id for found in anywhere.get_runs(tags={"k": value})] == [run.id]
    assert [found.id for found in anywhere.get_runs(tags=f"key {value}")] == [run.id]
    assert [found.id for found in anywhere.get_runs(properties={f"p{value}": value})] == [run.id]


def test_7_an_end_that_is_corrected_is_seen(anywhere: Experiment) -> None:
    """Defect 11: `get_status()` asks also when the handle has seen an end, which late evidence may correct."""
    run = anywhere.start_logging(snapshot_directory=None)
    client = anywhere.workspace.client
    client.execute(ChangeStatus(run_id=run.id, status=RunStatus.FAILED, presumed=True))
    assert run.get_status() == "Failed"
    client.execute(ChangeStatus(run_id=run.id, status=RunStatus.COMPLETED))

    assert run.get_status() == "Completed"


def test_7_waiting_ends_with_the_run_and_changes_nothing_else(
    anywhere: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defects 1, 2, 12: neither CancelRequested nor Finalizing ends it, nor does one wait change the next."""
    left = [RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED]
    run = anywhere.start_logging(snapshot_directory=None)
    monkeypatch.setenv("AZUREML_RUN_POLL_INTERVAL_MIN", "2")

    def goes_on(_: float) -> None:
        anywhere.workspace.client.execute(ChangeStatus(run_id=run.id, status=left.pop(0)))

    monkeypatch.setattr("ledger.sdk.submitted.time.sleep", goes_on)
    assert run.wait_for_completion(wait_post_processing=True)["status"] == "Canceled"
    assert left == []
    assert run.wait_for_completion()["status"] == "Canceled"


def test_7_an_error_can_be_printed(anywhere: Experiment) -> None:
    """Defects 9, 13: `print(error)` says what is wrong in one line."""
    run = anywhere.start_logging(snapshot_directory=None)
    run.add_properties({"author": "azureml-user"})
    with pytest.raises(ServiceException) as refused:
        run.add_properties({"author": "different-user"})

    assert "author" in str(refused.value)
    assert "\n" not in str(refused.value)
