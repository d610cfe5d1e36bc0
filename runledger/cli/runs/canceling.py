"""`run cancel`: at once, or by the process that the run belongs to."""

import click

from runledger.cli.output import note
from runledger.cli.runs.lifecycle import reason_option
from runledger.cli.runs.options import check_experiment, expected_experiment_option, run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from schemas.statuses import RunStatus

_DONE = "Experiment run canceled successfully."
"""The line of the original (parity G4)."""


@click.command(cls=Verb)
@run_id_option
@expected_experiment_option
@reason_option
@pass_session
def cancel(session: Session, run_id: str, expected: str | None, reason: str | None) -> None:
    """Cancel a run, or ask its process to.

    A submitted run is ended with all its processes. A run that a script elsewhere tracks becomes
    CancelRequested: that script hears of it, and after the grace time the run is Canceled all the
    same. In a workspace folder, a run that nobody tracks is Canceled at once; a server cannot know that,
    and lets the grace time pass.
    """
    from runledger.workspace import Workspace  # noqa: PLC0415 - help needs none of it

    with Workspace(session.location()) as workspace:
        check_experiment(workspace.client.run(run_id), expected)
        run = workspace.get_run(run_id)
        run.cancel(reason)
        status = run.get_status()
    if status == RunStatus.CANCELED:
        click.echo(_DONE)
        return
    click.echo(f"Run {run_id} is {status}: its process was asked to end it.")
    note(f"`runledger run wait -r {run_id}` waits for the end.")
