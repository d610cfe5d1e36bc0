"""`runledger folder`: tie a folder to a workspace and an experiment."""

import re
from pathlib import Path

import click

from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.locating import attach as attach_folder
from runledger.locating import find_attached, folder_of, is_url

_EXPERIMENT = re.compile(r"[A-Za-z0-9][\w-]*")


@click.group(cls=Noun)
def folder() -> None:
    """Tie a folder to a workspace and an experiment."""


@folder.command()
@click.option("-e", "--experiment-name", metavar="NAME", help="the experiment; else the name of the folder")
@pass_session
def attach(session: Session, experiment_name: str | None) -> None:
    """Let commands and scripts in this folder, or the one of --path, and below it need neither -w nor -e.

    A folder of --path that is not there is made. The file .azureml/config.json then says which
    workspace and experiment are meant.
    """
    place = session.start
    place.mkdir(parents=True, exist_ok=True)
    location = session.location()
    if not is_url(location):
        workspace = folder_of(location)
        if not workspace.config.is_file():
            raise click.UsageError(f"{location} is no workspace; `runledger init {location}` makes it one")
        location = str(workspace.path.parent)
    file = attach_folder(place, location, _experiment(experiment_name, place))
    _tell(session, place, file)


@folder.command()
@pass_session
def show(session: Session) -> None:
    """Show which workspace and experiment the folder is attached to."""
    attached = find_attached(session.start)
    if attached is None:
        raise click.UsageError(f"neither {session.start} nor a folder above it is attached: `runledger folder attach`")
    _tell(session, attached.folder, None)


def _tell(session: Session, place: Path, file: Path | None) -> None:
    attached = find_attached(place)
    if attached is None:
        raise click.UsageError(f"{place} is not attached")
    result = {"folder": str(place), "workspace": attached.workspace, "experiment": attached.experiment}
    session.output.write(result | ({} if file is None else {"file": str(file)}))


def _experiment(named: str | None, place: Path) -> str:
    name = place.name if named is None else named
    if _EXPERIMENT.fullmatch(name) is None:
        raise click.UsageError(
            f"{name!r} cannot name an experiment: it begins with a letter or digit and has letters, digits, _ and -. "
            "Name one with --experiment-name."
        )
    return name
