"""`run exec`: any command as a run."""

import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
from click.exceptions import Exit

from ledger.commands import ChangeStatus, StartRun
from runledger.cli.conditions import PAIR, WRITTEN_PAIR, pair, written_pair
from runledger.cli.output import note
from runledger.cli.runs.lifecycle import root_of
from runledger.cli.runs.options import CLIENT, RUN_ID_VARIABLE, experiment_option
from runledger.cli.session import EXPERIMENT_VARIABLE, Session, pass_session
from runledger.cli.shared import Verb
from runledger.locating import VARIABLE
from schemas.errors import LedgerError
from schemas.statuses import RunStatus

if TYPE_CHECKING:
    from ledger.tracking.tracker import Tracker
    from runledger.cli.runs.passing import Ended


@click.command("exec", cls=Verb, context_settings={"allow_interspersed_args": False})
@experiment_option
@click.option("-r", "--run-id", "run_id", metavar="ID", help="an id of your own; else a random one")
@click.option("--display-name", metavar="TEXT", help="a name for people; else the command line")
@click.option("--description", metavar="TEXT", help="what it is about, in Markdown")
@click.option("--tags", multiple=True, type=pair, metavar=PAIR, help="a tag; again: more")
@click.option("--properties", multiple=True, type=written_pair, metavar=WRITTEN_PAIR, help="a property; again: more")
@click.option("--parent", "parent_run_id", metavar="ID", help="the run that this is a child of")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]...")
@pass_session
def execute(
    session: Session,
    /,
    experiment_name: str | None,
    run_id: str | None,
    parent_run_id: str | None,
    command: Sequence[str],
    **about: Any,
) -> None:
    """Run a command as a run: its output passes through.

    The exit code is the command's. Its last lines stand in the history of the run, which is
    Completed for exit code 0, Canceled if a signal to us ended it, and else Failed. When somebody
    cancels the run, the command gets SIGTERM, and the run is Canceled once it has ended. The command
    finds the run in RUNLEDGER_RUN_ID, so that `runledger run log NAME VALUE` in it needs no -r.
    """
    from runledger.cli.runs.passing import Tail, pass_through  # noqa: PLC0415 - help needs none of it
    from runledger.tracking import track  # noqa: PLC0415

    experiment = session.needed_experiment(experiment_name)
    location, run_id, tail = session.location(), run_id or str(uuid4()), Tail()
    tracker = track(location)
    try:
        tracker.begin(_started(tracker, run_id, experiment, parent_run_id, command, about))
        note(f"run {run_id} of experiment {experiment}")
        names = {RUN_ID_VARIABLE: run_id, EXPERIMENT_VARIABLE: experiment, VARIABLE: _absolute(location)}
        ended = pass_through(command, os.environ | names, tail, lambda: run_id in tracker.canceled)
        end = ending(run_id, command, ended, tail.lines())
        _end(tracker, as_asked(end, ended) if run_id in tracker.canceled else end)
    finally:
        tracker.close()
    raise Exit(ended.exit_code)


def ending(run_id: str, command: Sequence[str], ended: "Ended", lines: Sequence[str]) -> ChangeStatus:
    """What becomes of the run of a command that has ended."""
    told = ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED, log_lines=list(lines), client=CLIENT)
    if ended == (0, None, False, None):
        return told
    name = signal.Signals(ended.signal).name if ended.signal is not None else None
    if ended.forwarded:
        return replace(told, status=RunStatus.CANCELED, reason=f"ended by {name}")
    how = f"was ended by {name}" if name else f"ended with exit code {ended.exit_code}"
    message = ended.problem or f"{shlex.join(command)} {how}"
    code = "CommandNotStarted" if ended.problem else name or f"ExitCode{ended.exit_code}"
    return replace(told, status=RunStatus.FAILED, error={"code": code, "message": message})


def as_asked(end: ChangeStatus, ended: "Ended") -> ChangeStatus:
    """The end of a run that somebody wanted to be canceled: it is, unless its command came to its end."""
    if end.status is RunStatus.COMPLETED:
        return end
    certainty = f"its command was sent SIGTERM and ended with exit code {ended.exit_code}"
    return replace(end, status=RunStatus.CANCELED, reason=None, error=None, certainty=certainty)


def _started(
    tracker: "Tracker",
    run_id: str,
    experiment: str,
    parent_run_id: str | None,
    command: Sequence[str],
    about: Mapping[str, Any],
) -> StartRun:
    from ledger.sdk.git import git_properties, git_state  # noqa: PLC0415
    from ledger.sdk.origin import origin  # noqa: PLC0415
    from ledger.sdk.text import storable  # noqa: PLC0415

    git = git_state(Path.cwd(), os.environ)
    words = [storable(word) for word in command]
    found = {key: storable(value) for key, value in git_properties(git, os.environ).items()}
    return StartRun(
        run_id=run_id,
        experiment=experiment,
        display_name=about["display_name"] or shlex.join(words)[:200],
        description=about["description"],
        tags=dict(about["tags"]),
        properties=found | dict(about["properties"]),
        parent_run_id=parent_run_id,
        root_run_id=root_of(tracker.client, parent_run_id) if parent_run_id is not None else None,
        origin=origin(git) | {"command_line": words, "script": words[0]},
        client=CLIENT,
    )


def _end(tracker: "Tracker", command: ChangeStatus) -> None:
    try:
        tracker.end(command)
    except LedgerError as error:
        # The command's own exit code is what the caller waits for; it may have ended the run itself.
        note(f"the end of run {command.run_id} was not recorded: {error}")


def _absolute(location: str) -> str:
    return location if "://" in location else str(Path(location).expanduser().absolute())
