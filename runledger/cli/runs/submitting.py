"""`run submit-script`: a script that a supervisor sees to."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from runledger.cli.conditions import PAIR, pair
from runledger.cli.output import note
from runledger.cli.runs.options import experiment_option
from runledger.cli.runs.waiting import exit_code_of
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb

if TYPE_CHECKING:
    from ledger.sdk.config import RunConfiguration, ScriptRunConfig
    from ledger.sdk.workspace import Workspace

_CONFIGURATION_HELP = "what RunConfiguration.save() wrote to .azureml/NAME.runconfig; local is there without a file"
_LOCAL = "local"
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("submit-script", cls=Verb, context_settings={"allow_interspersed_args": False})
@experiment_option
@click.option("-c", "--run-configuration-name", "configuration", metavar="NAME", help=_CONFIGURATION_HELP)
@click.option("--source-directory", type=_FOLDER, metavar="FOLDER", help="where the script is and runs; else here")
@click.option("--target", "--ct", metavar="NAME", help="where it runs; else what the configuration says, or local")
@click.option("--tags", multiple=True, type=pair, metavar=PAIR, help="a tag; again: more")
@click.option("--display-name", metavar="TEXT", help="a name for people")
@click.option("--async", "asynchronous", is_flag=True, help="do not wait for its end, and show nothing of its output")
@click.option("-d", "--conda-dependencies", hidden=True, help="taken for lines of az ml; nothing is installed here")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT [ARGUMENT]...]")
@pass_session
def submit_script(
    session: Session,
    /,
    experiment_name: str | None,
    configuration: str | None,
    source_directory: Path | None,
    target: str | None,
    asynchronous: bool,
    words: Sequence[str],
    **about: Any,
) -> None:
    """Run a script as a run, and wait for its end.

    What the script writes is shown on stderr, the run on stdout. The exit code is 0 for Completed
    and 6 for Failed and Canceled. Ctrl-C ends the waiting, not the run. Options stand before SCRIPT.
    """
    from ledger.sdk.experiment import Experiment  # noqa: PLC0415 - help needs none of it
    from runledger.workspace import Workspace  # noqa: PLC0415

    folder = session.start if source_directory is None else source_directory.absolute()
    config = _config(session.start, folder, configuration, words, target)
    experiment_name = session.needed_experiment(experiment_name)
    if about["conda_dependencies"] is not None:
        note("-d does nothing here: the script runs in the Python of this command, with what is installed there.")
    with Workspace(session.location()) as workspace:
        _check_target(workspace, config.run_config.target)
        experiment = Experiment(workspace, experiment_name)
        run = experiment.submit(config, tags=dict(about["tags"]), display_name=about["display_name"])
        if not asynchronous:
            with redirect_stdout(sys.stderr):
                run.wait_for_completion(show_output=True, raise_on_error=False)
        document = workspace.client.run(run.id)
    session.output.write(document)
    if not asynchronous:
        raise Exit(exit_code_of(document))


def _check_target(workspace: "Workspace", name: str) -> None:
    try:
        workspace.compute_targets[name]
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from error


def _config(
    start: Path, folder: Path, configuration: str | None, words: Sequence[str], target: str | None
) -> "ScriptRunConfig":
    """What shall be run: words of the command line count more than the configuration (parity B8)."""
    from ledger.sdk.config import RunConfiguration, ScriptRunConfig  # noqa: PLC0415

    if configuration is None and not words:
        raise click.UsageError(
            "Name a script, or a configuration that names one with -c NAME.", click.get_current_context()
        )
    base = RunConfiguration() if configuration is None else _loaded(start, configuration)
    if words:
        base = replace(base, script=words[0], arguments=list(words[1:]), command=None)
    return ScriptRunConfig(folder, run_config=base, compute_target=target)


def _loaded(start: Path, name: str) -> "RunConfiguration":
    from ledger.errors import RefusedError  # noqa: PLC0415
    from ledger.sdk.config import RunConfiguration  # noqa: PLC0415

    try:
        return RunConfiguration.load(start, name)
    except RefusedError:
        # The original writes this one into every folder that is attached (parity B7, B8).
        if name != _LOCAL or (start / ".azureml" / f"{_LOCAL}.runconfig").exists():
            raise
        return RunConfiguration()
