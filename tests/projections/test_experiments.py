"""The table of experiments: whatever was written, and however it is cut into batches."""

import pytest

from ledger.errors import ExperimentNotFoundError
from projections.answers import PROJECTIONS
from projections.rebuild import rebuild
from projections.runner import catch_up
from tests.projections.conftest import Workspace, append

TABLE = PROJECTIONS[1]
CREATED = b'{"experiment":"e"}'
RUN = b'{"experiment":"e","experiment_id":"x1"}'


def write(workspace: Workspace) -> None:
    append(workspace, "experiment:x1", "runledger.experiment.tagged.v1", b'{"key":"early","value":"1"}')
    append(workspace, "experiment:x1", "runledger.experiment.created.v1", CREATED)
    append(workspace, "experiment:x1", "runledger.experiment.created.v1", CREATED.replace(b"e", b"other"))
    append(workspace, "experiment:x1", "runledger.experiment.unheard-of.v7", b"\xff")
    append(workspace, "experiment:x2", "runledger.experiment.deleted.v1", b"{}")
    append(workspace, "budget:b", "runledger.run.started.v1", RUN.replace(b"x1", b"x3"))
    append(workspace, "experiment:x1", "runledger.experiment.archived.v1", b"{}")
    append(workspace, "run:r", "runledger.run.started.v1", RUN.replace(b"x1", b"x4").replace(b'"e"', b'"late"'))


def test_no_accepted_event_stops_it(workspace: Workspace) -> None:
    write(workspace)
    found = {each["name"]: each for each in workspace.answers.experiments()}

    assert set(found) == {"e", "late"}
    assert (found["e"]["archived"], found["e"]["runs"], found["late"]["runs"]) == (True, 0, 1)
    with pytest.raises(ExperimentNotFoundError):
        workspace.answers.experiment("\x00")


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_make_no_difference(workspace: Workspace, batch: int) -> None:
    write(workspace)
    catch_up(workspace.view, TABLE, workspace.feed, batch=batch)
    select = "SELECT * FROM experiment_documents ORDER BY experiment_id"
    live = workspace.view.reading().execute(select).fetchall()
    rebuild(workspace.view, TABLE, workspace.feed)

    assert workspace.view.reading().execute(select).fetchall() == live


def test_a_run_brings_its_deleted_experiment_back(workspace: Workspace) -> None:
    append(workspace, "experiment:x1", "runledger.experiment.created.v1", CREATED)
    append(workspace, "experiment:x1", "runledger.experiment.deleted.v1", b"{}")
    assert workspace.answers.experiments() == []
    append(workspace, "run:r", "runledger.run.started.v1", RUN)

    assert [each["name"] for each in workspace.answers.experiments()] == ["e"]


def test_as_of_any_position_they_are_what_was_answered_when_it_was_the_last(workspace: Workspace) -> None:
    answered = []
    run = RUN.replace(b'"e"', b'"by run"').replace(b"x1", b"x5")
    steps = [
        ("run:r5", "run.started", run),
        ("experiment:x5", "experiment.tagged", b'{"key":"k","value":"1"}'),
        ("experiment:x1", "experiment.tagged", b'{"key":"early","value":"1"}'),
        ("experiment:x1", "experiment.created", CREATED),
        ("experiment:x1", "experiment.deleted", b"{}"),
        ("run:r6", "run.started", RUN),
        ("experiment:x1", "experiment.tagged", b'{"key":"late","value":"1"}'),
        ("run:r7", "run.started", RUN),
        ("run:r6", "run.status-changed", b'{"previous":"Running","status":"Completed"}'),
        ("experiment:x5", "experiment.unheard-of", b"{}"),
    ]
    for stream, kind, value in steps:
        append(workspace, stream, f"runledger.{kind}.v1", value)
        answered.append((str(workspace.feed.last_position()), workspace.answers.experiments()))

    assert [len(found) for _, found in answered] == [1, 1, 1, 2, 1, 2, 2, 2, 2, 2]
    for position, found in answered:
        assert workspace.answers.experiments(as_of=position) == found, position
