"""Several runs at once: which metrics they have, and one number of each over another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.metrics import Scalar
from ledger.queries import RunDocument
from runledger.studio.charts.drawing import Drawing, drawing

RUNS = 50
"""So many runs are compared at once (ecosystem 1.3)."""
METRIC, PARAMETER = "metric.", "parameter."
_LARGEST = 1e300
_TWO = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """One number of each run over another; `x` and `y` are `metric.NAME` or `parameter.NAME`."""

    choices: Sequence[str]
    x: str
    y: str
    drawn: Drawing | None
    rows: Sequence[tuple[RunDocument, float, float]]


def labels_of(runs: Iterable[RunDocument]) -> dict[str, str]:
    """What runs are called in a legend; those of one name are told apart by the beginning of their ids."""
    found = list(runs)
    names = [run["name"] for run in found]
    return {
        run["run_id"]: run["name"] if names.count(run["name"]) == 1 else f"{run['name']} ({run['run_id'][:8]})"
        for run in found
    }


def scatter(
    runs: Sequence[RunDocument], last_values: Mapping[str, Mapping[str, Scalar]], x: str = "", y: str = ""
) -> Compared:
    """The numbers that some runs have, and two of them drawn: those that are asked for, else any two."""
    numbers = {run["run_id"]: _numbers(run, last_values.get(run["run_id"], {})) for run in runs}
    choices = sorted({name for found in numbers.values() for name in found})
    if len(choices) < _TWO:
        return Compared([], "", "", None, [])
    first = next((name for name in choices if name.startswith(PARAMETER)), choices[-1])
    x, y = (chosen if chosen in choices else usual for chosen, usual in ((x, first), (y, choices[0])))
    rows = [
        (run, numbers[run["run_id"]][x], numbers[run["run_id"]][y])
        for run in runs
        if {x, y} <= numbers[run["run_id"]].keys()
    ]
    if not rows:
        return Compared(choices, x, y, None, [])
    drawn = drawing([each[1] for each in rows], [each[2] for each in rows], x, y)
    labels = labels_of(runs)
    for run, a, b in rows:
        drawn.dot((a, b), f"{labels[run['run_id']]}: {a:.6g}, {b:.6g}", f"/runs/{run['run_id']}")
    return Compared(choices, x, y, drawn, rows)


def _numbers(run: RunDocument, last_values: Mapping[str, Scalar]) -> dict[str, float]:
    found: dict[str, Any] = {f"{METRIC}{name}": value for name, value in last_values.items()}
    found |= {f"{PARAMETER}{name}": value for name, value in run.get("parameters", {}).items()}
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST
