"""Options that several verbs of `runledger run` take."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from runledger import VERSION
from runledger.cli.session import Session

if TYPE_CHECKING:
    from ledger.client import Client
    from ledger.queries import RunDocument

RUN_ID_VARIABLE = "RUNLEDGER_RUN_ID"

CLIENT = f"runledger {VERSION}"
"""Who sends the commands of the command line."""

_RUN_HELP = f"the run's id; else {RUN_ID_VARIABLE}, which `run exec` sets"
_EXPERIMENT_HELP = "the experiment; else RUNLEDGER_EXPERIMENT, or the one of `folder attach`"

_COMPLETED = 50
_SECONDS = 2.0


def complete_runs(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The ids of the newest runs that begin like this."""
    from ledger.queries import RunQuery  # noqa: PLC0415

    query = RunQuery(search=begun or None, include_children=True, limit=_COMPLETED)
    found = _asked(context, lambda client: [run["run_id"] for run in client.runs(query).runs])
    return [run_id for run_id in found if run_id.startswith(begun)]


def complete_experiments(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The names of experiments that begin like this."""
    found = _asked(context, lambda client: [each["name"] for each in client.experiments()])
    return [name for name in found if name.startswith(begun)]


def _asked(context: click.Context, question: "Callable[[Client], list[str]]") -> list[str]:
    from contextlib import closing  # noqa: PLC0415

    from runledger.wiring import connect  # noqa: PLC0415 - only the Tab key needs it

    try:
        with closing(connect(context.ensure_object(Session).location(), seconds=_SECONDS)) as client:
            return question(client)
    except Exception:  # noqa: BLE001 - whatever is wrong, a half-written line is no place to say so
        return []


def check_experiment(document: "RunDocument", expected: str | None) -> None:
    """Raise NotFoundError unless the run is of the experiment that was named, if one was."""
    from ledger.errors import NotFoundError  # noqa: PLC0415

    if expected not in {None, document["experiment_name"]}:
        raise NotFoundError(
            f"run {document['run_id']} is of experiment {document['experiment_name']!r}, not of {expected!r}: "
            "leave -e out, or name the other run"
        )


run_id_option = click.option(
    "-r",
    "--run",
    "run_id",
    required=True,
    metavar="ID",
    envvar=RUN_ID_VARIABLE,
    help=_RUN_HELP,
    shell_complete=complete_runs,
)
expected_experiment_option = click.option(
    "-e",
    "--experiment-name",
    "expected",
    metavar="NAME",
    help="the experiment that the run must be of; without it, whichever it is of",
    shell_complete=complete_experiments,
)
experiment_option = click.option(
    "-e",
    "--experiment-name",
    "experiment_name",
    metavar="NAME",
    help=_EXPERIMENT_HELP,
    shell_complete=complete_experiments,
)
