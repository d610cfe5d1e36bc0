"""`runledger run`: list, show, measure and tag runs, in a folder or behind a URL alike."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ledger.commands import TagRun
from ledger.errors import NotFoundError
from ledger.metrics import Series, SeriesQuery
from ledger.queries import RunDocument, RunQuery
from ledger.values.forms import spelled, summary_to
from runledger import VERSION
from runledger.cli.conditions import PAIR, STATUS, Pair, conditions, pair
from runledger.cli.output import note
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Noun
from runledger.cli.tables import Column, as_text, event_name, moment

if TYPE_CHECKING:
    from ledger.client import Client
    from runledger.cli.query import Query

_PAGE = 500
_LAST_HELP = "how many, newest start first; a leading [?...] of --query is applied before"
_NO_RUNS = "No runs yet. A script starts one with `Experiment(Workspace(), NAME).start_logging()`."
_STATUS_COLOURS = {"Completed": "green", "Failed": "red", "Canceled": "yellow", "Running": "cyan"}

run_id_option = click.option("-r", "--run", "run_id", required=True, metavar="ID", help="the run's id")


@click.group(cls=Noun)
def run() -> None:
    """List, show and tag runs."""


@run.command("list")
@click.option("-e", "--experiment-name", metavar="NAME", help="runs of this experiment")
@click.option("--status", "statuses", multiple=True, type=STATUS, metavar="STATUS", help="this status; again: or that")
@click.option("--tags", multiple=True, type=pair, metavar=PAIR, help="this tag; again: and that")
@click.option("--properties", multiple=True, type=pair, metavar=PAIR, help="this property; again: and that")
@click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help=_LAST_HELP)
@click.option("--include-children", is_flag=True, help="child runs too")
@click.option("--include-archived", is_flag=True, help="archived runs too")
@pass_session
def list_runs(
    session: Session,
    experiment_name: str | None,
    statuses: Sequence[str],
    tags: Sequence[Pair],
    properties: Sequence[Pair],
    last: int,
    include_children: bool,
    include_archived: bool,
) -> None:
    """List runs, newest start first."""
    query = RunQuery(
        experiment=experiment_name,
        statuses=statuses,
        tags=conditions(tags, "--tags"),
        properties=conditions(properties, "--properties"),
        include_children=include_children,
        include_archived=include_archived,
    )
    with session.client() as client:
        found = collect(client, query, last, session.output.query)
    if not found:
        note("No run matches." if _is_narrow(query, session) else _NO_RUNS)
    session.output.write(found, _RUN_COLUMNS)


@run.command()
@run_id_option
@pass_session
def show(session: Session, run_id: str) -> None:
    """Show one run."""
    with session.client() as client:
        session.output.write(client.run(run_id))


@run.command()
@run_id_option
@pass_session
def history(session: Session, run_id: str) -> None:
    """Show every event of a run, and what it changed."""
    with session.client() as client:
        entries = client.history(run_id)
    session.output.write([asdict(entry) for entry in entries], _HISTORY_COLUMNS)


@run.command()
@run_id_option
@click.option("--name", metavar="NAME", help="every point of this metric, with its step and time")
@pass_session
def metrics(session: Session, run_id: str, name: str | None) -> None:
    """Show what a run has logged: each metric in short, or one point by point."""
    with session.client() as client:
        if name is not None:
            series = client.series(SeriesQuery(run_id=run_id, name=name))
            if not series:
                known = ", ".join(each.name for each in client.metrics(run_id)) or "none"
                raise NotFoundError(f"run {run_id} has no metric {name!r}; it has: {known}")
            session.output.write([row for each in series for row in point_rows(each)])
            return
        found = [summary_to(each) for each in client.metrics(run_id)]
    if not found:
        note("Nothing is logged yet. A script logs with `run.log(NAME, VALUE, step=N)`.")
    session.output.write(found, _METRIC_COLUMNS)


@run.command()
@run_id_option
@click.argument("pairs", nargs=-1, type=pair, metavar=f"{PAIR}...")
@click.option("--add-tag", multiple=True, type=pair, metavar=PAIR, help="the same as an argument")
@pass_session
def tag(session: Session, run_id: str, pairs: Sequence[Pair], add_tag: Sequence[Pair]) -> None:
    """Set tags of a run; a key alone makes a bare tag."""
    tags = dict([*pairs, *add_tag])
    if not tags:
        raise click.UsageError("Name at least one tag: KEY=VALUE, or KEY alone.", click.get_current_context())
    with session.client() as client:
        client.execute(TagRun(run_id=run_id, tags=tags, client=f"runledger {VERSION}"))
        session.output.write(client.run(run_id))


def collect(client: "Client", query: RunQuery, wanted: int, expression: "Query | None") -> list[RunDocument]:
    """The newest runs that match, as many as are wanted; pages are read until there are enough."""
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


def _is_narrow(query: RunQuery, session: Session) -> bool:
    return query != RunQuery() or session.output.query is not None


def _started(run: Any) -> str:
    return moment(run.get("start_time_utc"))


def _duration(run: Any) -> str:
    if "duration_seconds" not in run:
        return ""
    minutes, seconds = divmod(int(run["duration_seconds"]), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _tags(run: Any) -> str:
    return ", ".join(key if value is None else f"{key}={value}" for key, value in run["tags"].items())


def point_rows(series: Series) -> Iterator[dict[str, Any]]:
    """The points of a metric as rows: name, step, time, and the value or the cells."""
    cells = {"value": series.values or ()} if series.columns is None else series.columns
    for place, (step, time) in enumerate(zip(series.steps, series.times, strict=True)):
        about = {"name": series.name, "step": step, "time": datetime.fromtimestamp(time / 1e6, UTC).isoformat()}
        yield about | {key: spelled(column[place]) for key, column in cells.items()}


def short(value: object) -> object:
    """A number as people read it, a row by its size; all else as it is."""
    if isinstance(value, dict):
        return f"{len(value)} columns"
    return f"{value:.6g}" if isinstance(value, float) else value


def _changes(entry: Any) -> str:
    return "; ".join(_change(change) for change in entry["changes"])


def _change(change: dict[str, Any]) -> str:
    before, after = as_text(change["before"]), as_text(change["after"])
    return f"{change['field']}: {before} -> {after}" if before else f"{change['field']}: {after}"


_RUN_COLUMNS = (
    Column("RUN ID", lambda run: run["run_id"], whole=True),
    Column("EXPERIMENT", lambda run: run.get("_experiment_name")),
    Column("STATUS", lambda run: run["status"], lambda status: _STATUS_COLOURS.get(status, ""), whole=True),
    Column("STARTED (UTC)", _started),
    Column("DURATION", _duration),
    Column("NAME", lambda run: run.get("display_name")),
    Column("TAGS", _tags),
)

_METRIC_COLUMNS = (
    Column("METRIC", lambda metric: metric["name"], whole=True),
    Column("KIND", lambda metric: metric["kind"]),
    Column("POINTS", lambda metric: metric["count"], whole=True),
    Column("LAST STEP", lambda metric: metric["last_step"]),
    Column("LAST", lambda metric: short(metric["last"]), whole=True),
    Column("MIN", lambda metric: short(metric["minimum"])),
    Column("MAX", lambda metric: short(metric["maximum"])),
)

_HISTORY_COLUMNS = (
    Column("POSITION", lambda entry: entry["position"], whole=True),
    Column("RECORDED (UTC)", lambda entry: moment(entry["recorded_at"])),
    Column("EVENT", lambda entry: event_name(entry["event"])),
    Column("ACTOR", lambda entry: entry["actor"]),
    Column("CHANGES", _changes),
    Column("REASON", lambda entry: entry["reason"]),
)
