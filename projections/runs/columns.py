"""What a list shows of each run: the tags, properties, parameters and metrics that were chosen, and no others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger.errors import InvalidNameError, LimitExceededError
from ledger.queries import COLUMN_KINDS, COLUMNS, RunDocument
from ledger.values.forms import spelled
from projections.connection import Connection
from projections.runs.conditions import LiveMetrics
from projections.sql import Sql, marks
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

    def cut(self, connection: Connection, runs: Mapping[int, RunDocument], live: LiveMetrics) -> None:
        """Leave in each document what is shown of it, and add the last values of the metrics."""
        metrics = self._metrics(connection, runs, live)
        for number, run in runs.items():
            for kind, name in _PAIRS.items():
                chosen = self.keys[kind]
                if EVERY not in chosen:
                    run[name] = {key: run[name][key] for key in chosen if key in run[name]}
            for name in _DROPPED:
                run.pop(name, None)
            run["metrics"] = metrics[number]

    def _metrics(
        self, connection: Connection, runs: Iterable[int], live: LiveMetrics
    ) -> Mapping[int, Mapping[str, Any]]:
        """The metrics that are shown of each run, in the order in which they were chosen."""
        names, stored = self.keys[_METRIC], [run for run in runs if run not in live]
        found: dict[int, dict[str, Any]] = {run: {} for run in stored}
        if names and stored:
            fields = [f"{_METRIC}.{name}" for name in names]
            select = Sql("SELECT a.run, a.field, a.value FROM run_values a WHERE ")
            select += connection.dialect.among("a.run", stored) + Sql(f" AND a.field IN ({marks(fields)})", fields)
            for run, field, value in connection.execute(*select):
                found[run][field.removeprefix(f"{_METRIC}.")] = connection.dialect.value(value)
        values = {run: live.get(run, found.get(run, {})) for run in runs}
        return {run: {name: spelled(of[name]) for name in names if name in of} for run, of in values.items()}
