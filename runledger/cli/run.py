"""`runledger run`: all about runs, in a folder or behind a URL alike; most verbs lie in `runs/`."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from ledger.errors import NotFoundError
from ledger.metrics import Series, SeriesQuery
from ledger.values.forms import spelled, summary_to
from runledger.cli.lazy import Elsewhere, LazyNoun
from runledger.cli.output import note
from runledger.cli.runs.options import check_experiment, expected_experiment_option, run_id_option
from runledger.cli.session import Session, pass_session
from runledger.cli.tables import Column, as_text, event_name, moment

_RUNS = "runledger.cli.runs"
_ELSEWHERE = {
    "list": Elsewhere(f"{_RUNS}.listing", "list_runs", "List runs, newest start first."),
    "children": Elsewhere(f"{_RUNS}.listing", "children", "List the children of a run, newest start first."),
    "submit-script": Elsewhere(f"{_RUNS}.submitting", "submit_script", "Run a script as a run, and wait for its end."),
    "start": Elsewhere(f"{_RUNS}.lifecycle", "start", "Start a run that a script or a person ends."),
    "log": Elsewhere(f"{_RUNS}.values", "log", "Log values of metrics."),
    "tag": Elsewhere(f"{_RUNS}.describing", "tag", "Set tags of a run; a key alone makes a bare tag."),
    "untag": Elsewhere(f"{_RUNS}.describing", "untag", "Remove tags of a run."),
    "set-property": Elsewhere(f"{_RUNS}.describing", "set_property", "Add properties, each written once."),
    "set-parameter": Elsewhere(f"{_RUNS}.describing", "set_parameter", "Add parameters, each written once."),
    "describe": Elsewhere(f"{_RUNS}.describing", "describe", "Set or clear the description of a run, in Markdown."),
    "update": Elsewhere(f"{_RUNS}.describing", "update", "Set tags, name and description of a run."),
    "complete": Elsewhere(f"{_RUNS}.lifecycle", "complete", "End a run as Completed."),
    "fail": Elsewhere(f"{_RUNS}.lifecycle", "fail", "End a run as Failed."),
    "cancel": Elsewhere(f"{_RUNS}.canceling", "cancel", "Cancel a run, or ask its process to."),
    "archive": Elsewhere(f"{_RUNS}.lifecycle", "archive", "Hide a run from lists; its history stays."),
    "restore": Elsewhere(f"{_RUNS}.lifecycle", "restore", "Show an archived run in lists again."),
    "exec": Elsewhere(f"{_RUNS}.executing", "execute", "Run a command as a run: its output passes through."),
    "wait": Elsewhere(f"{_RUNS}.waiting", "wait", "Wait for the end of a run; 6 if it did not complete."),
    "watch": Elsewhere(f"{_RUNS}.waiting", "watch", "Follow the status and the last values of a run to its end."),
    "files": Elsewhere(f"{_RUNS}.files", "files", "List the files of a run: of each name what was added last."),
    "upload": Elsewhere(f"{_RUNS}.files", "upload", "Store files with a run."),
    "download": Elsewhere(f"{_RUNS}.files", "download", "Write files of a run into a folder, under their whole names."),
    "snapshot": Elsewhere(f"{_RUNS}.files", "snapshot", "Write the zip of the code that a run was made with."),
    "download-logs": Elsewhere(f"{_RUNS}.logs", "download_logs", "Write the logs of a run into a folder."),
    "monitor-logs": Elsewhere(f"{_RUNS}.logs", "monitor_logs", "Print what a submitted run prints, to its end."),
    "compare": Elsewhere(f"{_RUNS}.comparing", "compare", "Compare runs, differences first."),
}


@click.group(cls=LazyNoun, elsewhere=_ELSEWHERE)
def run() -> None:
    """List, show, start, change and compare runs."""


@run.command()
@run_id_option
@expected_experiment_option
@click.option(
    "--as-of", metavar="MOMENT", help="as it was: at a position, a time (UTC), or where FIELD=VALUE came to be so last"
)
@pass_session
def show(session: Session, run_id: str, expected: str | None, as_of: str | None) -> None:
    """Show one run, as it is or as it was."""
    with session.client() as client:
        document = client.run(run_id) if as_of is None else client.run_at(run_id, as_of)
    check_experiment(document, expected)
    session.output.write(document)


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
