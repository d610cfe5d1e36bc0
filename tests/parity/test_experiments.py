"""Experiments as people keep them: listed, tagged, archived, deleted (parity B3, 2.A)."""

from pathlib import Path

import pytest

from ledger.errors import ExperimentNotFoundError
from runledger import Experiment, UserErrorException, Workspace
from tests.runledger.server.running import running


def names(workspace: Workspace, **conditions: str) -> list[str]:
    return [experiment.name for experiment in Experiment.list(workspace, **conditions)]


def test_b3_two_who_name_it_get_the_same_one(workspace: Workspace) -> None:
    assert Experiment(workspace, "one").id == Experiment(workspace, "one").id != Experiment(workspace, "two").id
    assert names(workspace) == ["one", "two"]
    assert names(workspace, experiment_name="two") == ["two"]


def test_tags_and_a_description(experiment: Experiment, workspace: Workspace) -> None:
    experiment.tag("quality", "great")
    experiment.set_tags({"rank": "1", "old": "x"})
    experiment.set_tags("bare")
    experiment.remove_tags(["old", "never there"])
    experiment.description = "# Why"
    experiment.refresh()

    assert experiment.tags == {"quality": "great", "rank": "1", "bare": None}
    assert experiment.description == "# Why"
    assert names(workspace, tags="bare") == ["explore-runs"]
    assert names(workspace, tags="old") == []


def test_an_archived_experiment_is_hidden_until_its_next_run(experiment: Experiment, workspace: Workspace) -> None:
    run = experiment.start_logging()
    run.complete()
    experiment.archive()
    experiment.archive()

    assert (names(workspace), names(workspace, view_type="ArchivedOnly")) == ([], ["explore-runs"])
    assert names(workspace, view_type="All") == ["explore-runs"]
    assert Experiment(workspace, "explore-runs").archived
    assert [found.id for found in experiment.get_runs()] == [run.id]
    experiment.start_logging()
    assert names(workspace) == ["explore-runs"]
    experiment.archive()
    experiment.reactivate()
    assert not experiment.archived
    with pytest.raises(ValueError, match="view_type"):
        Experiment.list(workspace, view_type="Some")


def test_only_an_experiment_without_runs_is_deleted(experiment: Experiment, workspace: Workspace) -> None:
    spare = Experiment(workspace, "spare")
    spare.tag("a")
    Experiment.delete(workspace, spare.id)
    with pytest.raises(ExperimentNotFoundError, match="spare"):
        spare.tag("b")
    with pytest.raises(ExperimentNotFoundError, match="spare"):
        Experiment.delete(workspace, "spare")

    assert names(workspace) == ["explore-runs"]
    assert Experiment(workspace, "spare").tags == {}
    experiment.start_logging().child_run()
    with pytest.raises(UserErrorException, match="archive"):
        Experiment.delete(workspace, "explore-runs")


def test_a_server_answers_alike(place: Path) -> None:
    with running(place) as server, Workspace(server.url) as workspace:
        experiment = Experiment(workspace, "remote")
        experiment.tag("a", "b")
        experiment.start_logging()
        experiment.archive()

        assert (experiment.tags, experiment.archived) == ({"a": "b"}, True)
        assert names(workspace, view_type="All") == ["remote"]
        assert workspace.client.experiment("remote")["runs"] == 1
        with pytest.raises(ExperimentNotFoundError, match="nothing"):
            workspace.client.experiment("nothing")
