"""`run start`, `complete`, `fail`, `archive`, `restore`: where a run is in its life."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from ledger.commands import ArchiveRun, ChangeStatus, RestoreRun, RunCommand, StartRun
from ledger.sdk.origin import origin
from runledger.cli.conditions import PAIR, WRITTEN_PAIR, Pair, WrittenPair, pair, written_pair
from runledger.cli.runs.options import CLIENT, check_experiment, experiment_option, run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from schemas.statuses import RunStatus

if TYPE_CHECKING:
    from ledger.client import Client

_FAILED = "the run was failed by hand"

reason_option = click.option("--reason", metavar="TEXT", help="why, for the history")


@click.command(cls=Verb)
@experiment_option
@click.option("-r", "--run-id", "run_id", metavar="ID", help="an id of your own; else a random one")
@click.option("--display-name", metavar="TEXT", help="a name for people")
@click.option("--description", metavar="TEXT", help="what it is about, in Markdown")
@click.option("--tags", multiple=True, type=pair, metavar=PAIR, help="a tag; again: more")
@click.option("--properties", multiple=True, type=written_pair, metavar=WRITTEN_PAIR, help="a property; again: more")
@click.option("--parent", "parent_run_id", metavar="ID", help="the run that this is a child of")
@pass_session
def start(
    session: Session,
    experiment_name: str | None,
    run_id: str | None,
    display_name: str | None,
    description: str | None,
    tags: Sequence[Pair],
    properties: Sequence[WrittenPair],
    parent_run_id: str | None,
) -> None:
    """Start a run that a script or a person ends.

    Nobody watches over it: end it with `run complete` or `run fail`. `run exec` ends its run itself.
    """
    command = StartRun(
        run_id=run_id or str(uuid4()),
        experiment=session.needed_experiment(experiment_name),
        display_name=display_name,
        description=description,
        tags=dict(tags),
        properties=dict(properties),
        parent_run_id=parent_run_id,
        origin=origin(),
        client=CLIENT,
    )
    with session.client() as client:
        if parent_run_id is not None:
            command = replace(command, root_run_id=root_of(client, parent_run_id))
        client.execute(command)
        session.output.write(client.run(command.run_id))


@click.command(cls=Verb)
@run_id_option
@reason_option
@pass_session
def complete(session: Session, run_id: str, reason: str | None) -> None:
    """End a run as Completed."""
    carry_out(session, ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED, reason=reason, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@click.option("--message", metavar="TEXT", default=_FAILED, show_default=True, help="what happened")
@click.option("--code", metavar="WORD", default="UserError", show_default=True, help="the kind of error")
@reason_option
@pass_session
def fail(session: Session, run_id: str, message: str, code: str, reason: str | None) -> None:
    """End a run as Failed."""
    error = {"code": code, "message": message}
    carry_out(session, ChangeStatus(run_id=run_id, status=RunStatus.FAILED, error=error, reason=reason, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@pass_session
def archive(session: Session, run_id: str) -> None:
    """Hide a run from lists; its history stays."""
    carry_out(session, ArchiveRun(run_id=run_id, client=CLIENT))


@click.command(cls=Verb)
@run_id_option
@pass_session
def restore(session: Session, run_id: str) -> None:
    """Show an archived run in lists again."""
    carry_out(session, RestoreRun(run_id=run_id, client=CLIENT))


def carry_out(session: Session, *commands: RunCommand, expected: str | None = None) -> None:
    """Carry out commands to one run, which may have to be of an experiment, and write what it is then."""
    with session.client() as client:
        if expected is not None:
            check_experiment(client.run(commands[0].run_id), expected)
        for command in commands:
            client.execute(command)
        session.output.write(client.run(commands[0].run_id))


def root_of(client: "Client", parent_run_id: str) -> str:
    """The root of the tree that children of a run belong to."""
    return str(client.run(parent_run_id).get("root_run_id", parent_run_id))
