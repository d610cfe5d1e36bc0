"""What each team's runs cost in each week: a projection of one's own, from tags and durations.

    python examples/cost_per_team.py WORKSPACE              # a table, from all of history
    python examples/cost_per_team.py WORKSPACE --follow     # and again whenever something has happened

The workspace is a folder. The view is a SQLite file, cost_per_team.db, here; the second call goes on where the first
one ended. A week is that of a run's end; runs without a tag `team` are those of "nobody".
"""

import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from ledger.feed import FeedEvent
from projections.runs.state import moment
from runledger.projecting import own_view
from schemas.events import RunResumedEvent, RunStartedEvent, RunStatusChangedEvent, RunTaggedEvent, RunUntaggedEvent
from schemas.events.base import readable
from schemas.statuses import TERMINAL, RunStatus
from schemas.streams import run_stream

EURO_AN_HOUR = 2.50
_RUN = run_stream("")
_NOBODY = "nobody"
_END = "UPDATE {} SET seconds = seconds + coalesce(? - since, 0), since = NULL, week = ? WHERE run_id = ?"


class CostPerTeam:
    """A row for each run: its team, since when it runs, and how long it has run in the week of its end."""

    name: str = "cost_per_team"
    version: int = 1
    tables: tuple[str, ...] = ("run_costs",)

    def schema(self, suffix: str) -> str:
        """One generation of the table: a rebuild makes the next one beside it."""
        return f"""CREATE TABLE run_costs{suffix} (
            run_id TEXT PRIMARY KEY, team TEXT NOT NULL, since REAL, week TEXT, seconds REAL NOT NULL
        )"""

    def apply(self, events: Sequence[FeedEvent], connection: sqlite3.Connection, suffix: str) -> None:
        """Take in events, in the order of the log; it is never told the same one twice."""
        for happened in events:
            if happened.envelope.stream.startswith(_RUN):
                run_id = happened.envelope.stream.removeprefix(_RUN)
                for statement, values in _changes(happened):
                    connection.execute(statement.format(f"run_costs{suffix}"), (*values, run_id))


def _changes(happened: FeedEvent) -> list[tuple[str, tuple[object, ...]]]:
    """What an event changes in the row of its run."""
    at = moment(happened) / 1e6
    match happened.event:
        case RunStartedEvent(tags=tags, status=status):
            since = at if status is RunStatus.RUNNING else None
            team = readable(tags.get("team")) or _NOBODY
            return [("INSERT OR IGNORE INTO {} (team, since, seconds, run_id) VALUES (?, ?, 0, ?)", (team, since))]
        case RunTaggedEvent(key="team", value=team):
            return [("UPDATE {} SET team = ? WHERE run_id = ?", (readable(team) or _NOBODY,))]
        case RunUntaggedEvent(key="team"):
            return [("UPDATE {} SET team = ? WHERE run_id = ?", (_NOBODY,))]
        case RunStatusChangedEvent(status=RunStatus.RUNNING) | RunResumedEvent():
            return [("UPDATE {} SET since = coalesce(since, ?) WHERE run_id = ?", (at,))]
        case RunStatusChangedEvent(status=status) if status in TERMINAL:
            return [(_END, (at, f"{datetime.fromtimestamp(at, UTC):%G-W%V}"))]
        case _:
            return []


COSTS = """
SELECT week, team, count(*) AS runs, round(sum(seconds) / 3600, 2) AS hours, round(sum(seconds) / 3600 * ?, 2) AS euro
FROM run_costs WHERE week IS NOT NULL GROUP BY week, team ORDER BY week, team"""


def main(workspace: str, *options: str) -> None:
    """Print the costs, once or whenever something has happened."""
    with own_view("cost_per_team.db", CostPerTeam(), workspace) as view:
        for position in view.follow():
            print(f"as of position {position}")
            for row in view.rows(COSTS, EURO_AN_HOUR):
                print("{week}  {team:<12} {runs:>5} runs {hours:>10} h {euro:>10} EUR".format(**row), flush=True)
            if "--follow" not in options:
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
