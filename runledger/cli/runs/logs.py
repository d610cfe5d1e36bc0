"""`run download-logs` and `run monitor-logs`: what a run has printed (parity 2.B)."""

from pathlib import Path

import click
from click.exceptions import Exit

from ledger.sdk.run import Run
from runledger.cli.output import note
from runledger.cli.runs.options import check_experiment, expected_experiment_option, run_id_option
from runledger.cli.runs.waiting import exit_code_of
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column


@click.command("download-logs", cls=Verb)
@run_id_option
@click.option(
    "-d",
    "--directory",
    "--output-dir",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="the folder to write into, made if it is not there",
)
@expected_experiment_option
@pass_session
def download_logs(session: Session, run_id: str, folder: Path, expected: str | None) -> None:
    """Write the logs of a run into a folder; of one that runs, what it has printed so far."""
    from runledger.workspace import Workspace  # noqa: PLC0415 - help needs none of it

    with Workspace(session.location()) as workspace:
        check_experiment(workspace.client.run(run_id), expected)
        written = Run.get(workspace, run_id).get_all_logs(folder)
    if not written:
        note(f"Run {run_id} has no logs. Submitted scripts have one; others may write to ./logs.")
    session.output.write([{"path": path} for path in written], [Column("PATH", lambda row: row["path"], whole=True)])


@click.command("monitor-logs", cls=Verb)
@run_id_option
@expected_experiment_option
@pass_session
def monitor_logs(session: Session, run_id: str, expected: str | None) -> None:
    """Print what a submitted run prints, to its end.

    The exit code is that of `run wait`.
    """
    from runledger.workspace import Workspace  # noqa: PLC0415

    with Workspace(session.location()) as workspace:
        run = Run.get(workspace, run_id)
        check_experiment(workspace.client.run(run_id), expected)
        run.wait_for_completion(show_output=True, raise_on_error=False)
        document = workspace.client.run(run_id)
    raise Exit(exit_code_of(document))
