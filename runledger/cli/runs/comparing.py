"""`run compare`: what tells runs apart, then what they have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from runledger.cli.run import short
from runledger.cli.runs.options import complete_runs
from runledger.cli.session import Session, pass_session
from runledger.cli.shared import Verb
from runledger.cli.tables import Column

_BARE = "(bare)"


@click.command(cls=Verb)
@click.argument("run_ids", nargs=-1, required=True, metavar="ID ID...", shell_complete=complete_runs)
@click.option("--differences", is_flag=True, help="only what tells them apart")
@click.option("--as-of", metavar="MOMENT", help="as they were: at a position, or at a time in ISO 8601 (UTC)")
@pass_session
def compare(session: Session, run_ids: Sequence[str], differences: bool, as_of: str | None) -> None:
    """Compare runs, differences first.

    Up to 50 are compared by status, parameters, tags, properties, metrics, source and environment.
    """
    run_ids = list(dict.fromkeys(run_ids))
    if len(run_ids) == 1:
        raise click.UsageError("Name at least two runs to compare.", click.get_current_context())
    with session.client() as client:
        rows = [row for row in client.compared(run_ids, as_of) if row["differs"] or not differences]
    session.output.write(rows, [*_COLUMNS, *(Column(run_id, _cell(run_id)) for run_id in run_ids)])


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
