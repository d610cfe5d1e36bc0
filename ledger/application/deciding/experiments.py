"""Commands to an experiment."""

from functools import singledispatch

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    ArchiveExperiment,
    CreateExperiment,
    DeleteExperiment,
    DescribeExperiment,
    ExperimentCommand,
    ReactivateExperiment,
    TagExperiment,
    UntagExperiment,
)
from ledger.domain.experiment import Experiment
from ledger.domain.names import check_experiment_name
from schemas.streams import experiment_stream


def decision(command: ExperimentCommand, given: Given) -> Decision[Experiment]:
    """What it means to the experiment of that name."""
    check_experiment_name(command.name, given.limits)
    return Decision(experiment_stream(given.log_id, command.name), Experiment, lambda it: _decide(command, it, given))


@singledispatch
def _decide(command: ExperimentCommand, it: Experiment, given: Given) -> None:
    raise NotImplementedError(type(command).__name__)


@_decide.register
def _(command: CreateExperiment, it: Experiment, given: Given) -> None:
    it.create(command.name, given.limits, reopen=command.reopen)


@_decide.register
def _(command: TagExperiment, it: Experiment, given: Given) -> None:
    it.tag(command.name, command.tags, given.limits)


@_decide.register
def _(command: UntagExperiment, it: Experiment, _given: Given) -> None:
    it.untag(command.name, command.keys)


@_decide.register
def _(command: DescribeExperiment, it: Experiment, given: Given) -> None:
    it.describe(command.name, command.description, given.limits)


@_decide.register
def _(command: ArchiveExperiment, it: Experiment, _given: Given) -> None:
    it.archive(command.name)


@_decide.register
def _(command: ReactivateExperiment, it: Experiment, _given: Given) -> None:
    it.reactivate(command.name)


@_decide.register
def _(command: DeleteExperiment, it: Experiment, given: Given) -> None:
    it.delete(command.name, given.has_runs)
