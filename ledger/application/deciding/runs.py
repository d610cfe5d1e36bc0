"""Commands to a run."""

from functools import singledispatch

from ledger.application.deciding.decision import Decision, Given
from ledger.commands import (
    AddArtifacts,
    AddParameters,
    AddProperties,
    AlertRun,
    ArchiveRun,
    ChangeStatus,
    CreateExperiment,
    DescribeRun,
    RestoreRun,
    ResumeRun,
    RunCommand,
    StartRun,
    TagRun,
    UntagRun,
    WarnRun,
    derived_id,
)
from ledger.domain.artifacts import checked_artifacts
from ledger.domain.names import check_run_id
from ledger.domain.run import Run
from ledger.errors import RunNotFoundError
from schemas.events import RunOrigin
from schemas.limits import UNSTORABLE
from schemas.streams import experiment_stream, key_of, run_stream


def decision(command: RunCommand, given: Given) -> Decision[Run]:
    """What it means to the run of that id; one that begins makes its experiment first."""
    if not isinstance(command, StartRun) and UNSTORABLE.search(command.run_id):
        raise RunNotFoundError(command.run_id)
    stream = run_stream(command.run_id)
    match command:
        case StartRun():
            check_run_id(command.run_id, given.limits)
            made_by = derived_id(command.command, "experiment")
            first = CreateExperiment(command=made_by, name=command.experiment, reopen=True)
            return Decision(stream, Run, lambda run: _decide(command, run, given), first)
        case AddArtifacts():
            artifacts = checked_artifacts(command.artifacts, given.limits)
            for each in artifacts:
                given.check_content(each.content)
            return Decision(stream, Run, lambda run: run.add_artifacts(artifacts, given.limits))
        case _:
            return Decision(stream, Run, lambda run: _decide(command, run, given))


@singledispatch
def _decide(command: RunCommand, run: Run, given: Given) -> None:
    raise NotImplementedError(type(command).__name__)


@_decide.register
def _(command: StartRun, run: Run, given: Given) -> None:
    experiment_id = key_of(experiment_stream(given.log_id, command.experiment))
    run.start(command, experiment_id, given.limits, lambda: given.seal(command.run_id))


@_decide.register
def _(command: ResumeRun, run: Run, given: Given) -> None:
    origin = RunOrigin.model_validate(dict(command.origin))
    run.resume(origin, command.properties, limits=given.limits, seal=lambda: given.seal(command.run_id))


@_decide.register
def _(command: ChangeStatus, run: Run, given: Given) -> None:
    run.change_status(command, given.limits, lambda: given.seal(command.run_id))


@_decide.register
def _(command: TagRun, run: Run, given: Given) -> None:
    run.tag(command.tags, given.limits)


@_decide.register
def _(command: UntagRun, run: Run, _given: Given) -> None:
    run.untag(command.keys)


@_decide.register
def _(command: AddProperties, run: Run, given: Given) -> None:
    run.add_properties(command.properties, given.limits)


@_decide.register
def _(command: AddParameters, run: Run, given: Given) -> None:
    run.add_parameters(command.parameters, given.limits)


@_decide.register
def _(command: DescribeRun, run: Run, given: Given) -> None:
    run.describe(command.changes, given.limits)


@_decide.register
def _(command: WarnRun, run: Run, given: Given) -> None:
    run.warn(command, given.limits)


@_decide.register
def _(command: AlertRun, run: Run, given: Given) -> None:
    run.alert(command, given.limits)


@_decide.register
def _(_command: ArchiveRun, run: Run, _given: Given) -> None:
    run.archive()


@_decide.register
def _(_command: RestoreRun, run: Run, _given: Given) -> None:
    run.restore()
