"""`runledger config`: what is set, and where."""

import os
import re
from typing import Any

import click

from ledger.errors import WorkspaceError
from ledger.workspace.folder import FOLDER
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column
from runledger.locating import VARIABLE, folder_of
from runledger.settings import resolve

_USER_IN_URL = re.compile(r"//[^/@]*@")


@click.group(cls=Noun)
def config() -> None:
    """Show the settings and where they come from."""


@config.command()
@pass_session
def show(session: Session) -> None:
    """Show each setting, its value and its source; secrets are hidden."""
    location = _location(session)
    values = resolve(os.environ, _file_settings(location)).values()
    result = [
        {
            "name": value.setting.name,
            "value": value.shown(),
            "source": value.source,
            "variable": value.setting.variable,
            "help": value.setting.help,
        }
        for value in values
    ]
    workspace = next(item for item in result if item["name"] == "workspace")
    workspace |= {
        "value": location and _USER_IN_URL.sub("//********@", location),
        "source": _source(session, location),
    }
    session.output.write(result, _COLUMNS)


def _location(session: Session) -> str | None:
    try:
        return session.location()
    except WorkspaceError as error:
        note(str(error))
        return None


def _file_settings(location: str | None) -> dict[str, Any]:
    if location is None or "://" in location:
        return {}
    folder = folder_of(location)
    if not folder.config.is_file():
        note(f"{location} is not a workspace yet: there is no {folder.config}. `runledger init {location}` makes it.")
        return {}
    return folder.settings()


def _source(session: Session, location: str | None) -> str:
    if location is None:
        return "not found"
    if session.workspace is not None:
        return "--workspace"
    return f"environment ({VARIABLE})" if os.environ.get(VARIABLE) else f"the nearest {FOLDER}/ upwards"


_COLUMNS = (
    Column("SETTING", lambda item: item["name"], whole=True),
    Column("VALUE", lambda item: item["value"]),
    Column("SOURCE", lambda item: item["source"]),
    Column("VARIABLE", lambda item: item["variable"]),
)
