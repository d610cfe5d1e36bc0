"""`run list` and `run children`: which runs, in which order, and how they look in a table."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.errors import InvalidNameError
from ledger.filters import Filter
from ledger.queries import RunDocument, RunQuery
from runledger.cli.conditions import PAIR, STATUS, Pair, conditions, pair
from runledger.cli.moments import MOMENT, moment
from runledger.cli.output import note
from runledger.cli.runs.options import experiment_option, run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column
from runledger.cli.tables import moment as shown_moment

if TYPE_CHECKING:
    from ledger.client import Client
    from runledger.cli.query import Query

F = TypeVar("F", bound=Callable[..., Any])

_PAGE = 500
_LAST_HELP = "how many; a leading [?...] of --query is applied before"
_SEARCH_HELP = "runs with these words, or words that begin like them, in any text of theirs"
_MOMENT_HELP = "2026-11-25, 2026-11-25T08:30 in local time, or 7d, 12h for so long ago"
_ORDER_HELP = (
    "start, end, duration, name, status, experiment, or metric.NAME, parameter.NAME, tag.NAME, property.NAME; "
    "a - before it is the other way round [default: -start]"
)
_AS_OF_HELP = "the list and its runs as they were: at a position, or at a time in ISO 8601 (UTC)"
_CHIP = "FIELD:OPERATOR:VALUES"
_FILTER_HELP = (
    "such as tag.team:is:vision,speech or metric.loss:<:0.1, by is, is-not, has-key, starts-with, >, <, between; "
    "again: and that"
)
_NO_RUNS = "No runs yet. A script starts one with `Experiment(Workspace(), NAME).start_logging()`."
_STATUS_COLOURS = {"Completed": "green", "Failed": "red", "Canceled": "yellow", "Running": "cyan"}
_MINIMAL = {
    "run_id": "RunId",
    "run_type": "RunType",
    "status": "Status",
    "start_time_utc": "StartTime",
    "end_time_utc": "EndTime",
    "target": "Target",
    "tags": "Tags",
}


def _chip(text: str) -> Filter:
    try:
        return Filter.parse(text)
    except InvalidNameError as error:
        raise click.BadParameter(str(error)) from error


def _conditions(command: F) -> F:
    """The options that say which runs, and how many in which order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--status", "statuses", multiple=True, type=STATUS, metavar="STATUS", help="this one; again: or that"),
    click.option("--tags", multiple=True, type=pair, metavar=PAIR, help="this tag; again: and that"),
    click.option("--properties", multiple=True, type=pair, metavar=PAIR, help="this property; again: and that"),
    click.option("--search", metavar="WORDS", help=_SEARCH_HELP),
    click.option("--filter", "filters", multiple=True, type=_chip, metavar=_CHIP, help=_FILTER_HELP),
    click.option("--started-from", type=moment, metavar=MOMENT, help=f"started then or later; {_MOMENT_HELP}"),
    click.option("--started-before", type=moment, metavar=MOMENT, help="started before then"),
    click.option("--order-by", metavar="FIELD", help=_ORDER_HELP),
    click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help=_LAST_HELP),
    click.option("--as-of", metavar="MOMENT", help=_AS_OF_HELP),
    click.option("--include-archived", is_flag=True, help="archived runs too"),
    click.option("--minimal", is_flag=True, help="the main facts alone, by the names of az ml"),
)


@click.command("list", cls=Verb)
@experiment_option
@_conditions
@click.option("--all-experiments", is_flag=True, help="whatever experiment the folder is attached to")
@click.option("--compute-target-name", "target", metavar="NAME", help="runs on this target")
@click.option("--parent-run-id", metavar="ID", help="children of this run")
@click.option("--root-run-id", "--pipeline-run-id", metavar="ID", help="all runs below this one, and itself")
@click.option("--include-children", is_flag=True, help="child runs too")
@click.argument("expression", required=False, metavar="[JMESPATH]")
@pass_session
def list_runs(
    session: Session,
    /,
    experiment_name: str | None,
    all_experiments: bool,
    root_run_id: str | None,
    include_children: bool,
    minimal: bool,
    last: int,
    expression: str | None,
    **asked: Any,
) -> None:
    """List runs, newest start first; a JMESPATH expression behind it is the same as --query."""
    if expression is not None:
        session.output.query = _expression(session, expression)
    if root_run_id is not None and experiment_name is not None:
        raise click.UsageError("--root-run-id names one tree of runs: leave --experiment-name out")
    whole = all_experiments or root_run_id is not None
    query = replace(
        _query(**asked),
        experiment=experiment_name if whole else session.experiment(experiment_name),
        root_run_id=root_run_id,
        include_children=include_children or root_run_id is not None,
    )
    _list(session, query, last, minimal=minimal)


@click.command(cls=Verb)
@run_id_option
@_conditions
@pass_session
def children(session: Session, /, run_id: str, minimal: bool, last: int, **asked: Any) -> None:
    """List the children of a run, newest start first."""
    with session.client() as client:
        client.run(run_id)  # a run that is not there has no empty list of children
    _list(session, replace(_query(**asked), parent_run_id=run_id, include_children=True), last, minimal=minimal)


def collect(client: "Client", query: RunQuery, wanted: int, expression: "Query | None") -> list[RunDocument]:
    """The first runs that match, as many as are wanted; pages are read until there are enough."""
    filters = expression is not None and expression.condition() is not None
    if expression is not None:
        query = expression.narrow(query)
    query = replace(query, limit=_PAGE if filters else min(wanted, _PAGE))
    found: list[RunDocument] = []
    while True:
        page = client.runs(query)
        found += page.runs if expression is None else expression.matching(page.runs)
        if page.cursor is None or len(found) >= wanted:
            return found[:wanted]
        query = replace(query, cursor=page.cursor)


def _expression(session: Session, text: str) -> "Query":
    """The article of the original writes an expression without its --query."""
    from runledger.cli.query import Query  # noqa: PLC0415 - jmespath only for who asks

    if not text.startswith("["):
        raise click.UsageError(f"{text!r} is neither an option nor a JMESPath expression in [...]")
    if session.output.query is not None:
        raise click.UsageError(f"there are two expressions: that of --query, and {text!r}")
    return Query.parse(text)


def _query(statuses: Sequence[str], tags: Sequence[Pair], properties: Sequence[Pair], **others: Any) -> RunQuery:
    return RunQuery(
        statuses=statuses,
        tags=conditions(tags, "--tags"),
        properties=conditions(properties, "--properties"),
        **others,
    )


def _list(session: Session, query: RunQuery, last: int, *, minimal: bool) -> None:
    with session.client() as client:
        found = collect(client, query, last, session.output.query)
    if not found:
        note("No run matches." if query != RunQuery() or session.output.query is not None else _NO_RUNS)
    if minimal:
        session.output.write([_shortened(run) for run in found])
    else:
        session.output.write(found, RUN_COLUMNS)


def _shortened(run: RunDocument) -> dict[str, Any]:
    return {name: run[key] for key, name in _MINIMAL.items() if key in run}


def duration(run: RunDocument) -> str:
    """How long a run took, as people read it."""
    if "duration_seconds" not in run:
        return ""
    minutes, seconds = divmod(int(run["duration_seconds"]), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _tags(run: RunDocument) -> str:
    return ", ".join(key if value is None else f"{key}={value}" for key, value in run["tags"].items())


RUN_COLUMNS = (
    Column("RUN ID", lambda run: run["run_id"], whole=True),
    Column("EXPERIMENT", lambda run: run.get("_experiment_name")),
    Column("STATUS", lambda run: run["status"], lambda status: _STATUS_COLOURS.get(status, ""), whole=True),
    Column("STARTED (UTC)", lambda run: shown_moment(run.get("start_time_utc"))),
    Column("DURATION", duration),
    Column("NAME", lambda run: run.get("display_name")),
    Column("TAGS", _tags),
)
