"""`run compare`: what tells runs apart, then what they have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from ledger.metrics import MetricSummary
from ledger.queries import RunDocument
from ledger.values.forms import summary_to
from runledger.cli.run import short
from runledger.cli.runs.options import complete_runs
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column

Facts = Mapping[tuple[str, str], Any]
"""What is known of a run, by kind and key."""

_BARE = "(bare)"
_FIELDS = {"status": "status", "experiment_name": "experiment", "target": "target", "duration_seconds": "duration"}
_PAIRS = {"parameters": "parameter", "tags": "tag", "properties": "property"}


@click.command(cls=Verb)
@click.argument("run_ids", nargs=-1, required=True, metavar="ID ID...", shell_complete=complete_runs)
@click.option("--differences", is_flag=True, help="only what tells them apart")
@pass_session
def compare(session: Session, run_ids: Sequence[str], differences: bool) -> None:
    """Compare runs, differences first: parameters, tags, properties, last metrics, status, duration."""
    run_ids = list(dict.fromkeys(run_ids))
    if len(run_ids) == 1:
        raise click.UsageError("Name at least two runs to compare.", click.get_current_context())
    with session.client() as client:
        facts = {run_id: facts_of(client.run(run_id), client.metrics(run_id)) for run_id in run_ids}
    rows = [row for row in compared(facts) if row["differs"] or not differences]
    session.output.write(rows, [*_COLUMNS, *(Column(run_id, _cell(run_id)) for run_id in run_ids)])


def facts_of(run: RunDocument, metrics: Sequence[MetricSummary]) -> Facts:
    """What a run is compared by."""
    facts = {("run", name): run[key] for key, name in _FIELDS.items() if key in run}
    for field, kind in _PAIRS.items():
        facts |= {(kind, key): value for key, value in run[field].items()}
    return facts | {("metric", each.name): summary_to(each)["last"] for each in metrics}


def compared(facts: Mapping[str, Facts]) -> list[dict[str, Any]]:
    """A row for each fact that any run has; those that tell runs apart come first, otherwise as they come."""
    keys = dict.fromkeys(key for known in facts.values() for key in known)
    kinds = ["run", *_PAIRS.values(), "metric"]
    rows = [_row(kind, key, facts) for kind, key in sorted(keys, key=lambda known: kinds.index(known[0]))]
    return sorted(rows, key=lambda row: not row["differs"])


def _row(kind: str, key: str, facts: Mapping[str, Facts]) -> dict[str, Any]:
    values = {run_id: known[kind, key] for run_id, known in facts.items() if (kind, key) in known}
    first, *others = values.values()
    differs = len(values) < len(facts) or any(not _same(first, other) for other in others)
    return {"kind": kind, "key": key, "differs": differs, "values": values}


def _same(one: object, other: object) -> bool:
    # For Python, true equals 1.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _cell(run_id: str) -> Callable[[Any], object]:
    def cell(row: Any) -> object:
        if run_id not in row["values"]:
            return None
        value = row["values"][run_id]
        return _BARE if value is None and row["kind"] == "tag" else short(value)

    return cell


_COLUMNS = (
    Column("", lambda row: "!=" if row["differs"] else "", lambda _: "yellow", whole=True),
    Column("KIND", lambda row: row["kind"], whole=True),
    Column("KEY", lambda row: row["key"]),
)
