"""What a list shows of each run: the tags, properties, parameters and metrics that were chosen, and no others."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger.errors import InvalidNameError, LimitExceededError
from ledger.queries import COLUMN_KINDS, COLUMNS, RunDocument
from ledger.values.forms import spelled
from projections.runs.conditions import LiveMetrics
from schemas.limits import UNSTORABLE

_PAIRS = {"tag": "tags", "property": "properties", "parameter": "parameters"}
_DROPPED = ("error", "warnings", "attempts", "description")
_METRIC = "metric"
EVERY = "*"
"""As a key: all tags, properties or parameters."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The keys that were chosen, by kind."""

    keys: Mapping[str, Sequence[str]]

    @classmethod
    def parse(cls, names: Sequence[str]) -> Self:
        """Read names such as `tag.team`.

        Raises:
            InvalidNameError: a name is no column.
            LimitExceededError: there are too many.
        """
        if len(names) > COLUMNS:
            raise LimitExceededError(f"a list has at most {COLUMNS} columns, not {len(names)}")
        keys: dict[str, list[str]] = {kind: [] for kind in COLUMN_KINDS}
        for name in names:
            kind, _, key = name.partition(".")
            if kind not in keys or not key or UNSTORABLE.search(key):
                known = ", ".join(f"{each}.KEY" for each in COLUMN_KINDS)
                raise InvalidNameError(f"{name[:200]!r} is no column; there are {known}")
            keys[kind].append(key)
        return cls(keys)

    def cut(self, connection: sqlite3.Connection, runs: Mapping[int, RunDocument], live: LiveMetrics) -> None:
        """Leave in each document what is shown of it, and add the last values of the metrics."""
        for number, run in runs.items():
            for kind, name in _PAIRS.items():
                chosen = self.keys[kind]
                if EVERY not in chosen:
                    run[name] = {key: run[name][key] for key in chosen if key in run[name]}
            for name in _DROPPED:
                run.pop(name, None)
            run["metrics"] = self._metrics(connection, number, live)

    def _metrics(self, connection: sqlite3.Connection, number: int, live: LiveMetrics) -> dict[str, Any]:
        names = self.keys[_METRIC]
        if number in live:
            return {name: spelled(live[number][name]) for name in names if name in live[number]}
        select = "SELECT value FROM run_values WHERE run = ? AND field = ?"
        rows = ((name, connection.execute(select, (number, f"{_METRIC}.{name}")).fetchone()) for name in names)
        return {name: spelled(row[0]) for name, row in rows if row is not None}
