"""What a measurement says, and how it is shown."""

import json
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """One figure, the floor or peer of the same run, and the goal for their ratio (or for the figure).

    Where there is no floor, its name says why.
    """

    name: str
    figure: float
    unit: str
    floor: float | None = None
    floor_name: str | None = None
    goal: str | None = None
    met: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The figure as a part of the floor."""
        return self.figure / self.floor if self.floor else None

    def line(self) -> str:
        """One JSON line, with the machine."""
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return json.dumps(asdict(self) | {"ratio": ratio, "machine": machine()}, ensure_ascii=False)


def machine() -> str:
    """Where it was measured."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def rows_of(results: Iterable[Result]) -> str:
    """The results as a table of the documentation."""
    heading, *rows = _rows(results)
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(results: Iterable[Result]) -> str:
    """The results for people."""
    rows = _rows(results)
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _rows(results: Iterable[Result]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("measurement", "figure", "floor or peer", "ratio", "goal", "")]
    for result in results:
        floor = result.floor_name or "" if result.floor is None else f"{_number(result.floor)} {result.floor_name}"
        ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
        verdict = {True: "met", False: "missed", None: ""}[result.met]
        rows.append((result.name, f"{_number(result.figure)} {result.unit}", floor, ratio, result.goal or "", verdict))
    return rows


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def interleaved(ours: Callable[[], float], floor: Callable[[], float], rounds: int = _ROUNDS) -> tuple[float, float]:
    """Medians of two measurements taken in turns, so that a busy machine slows both."""
    pairs = [(ours(), floor()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median time of one call."""
    taken = []
    for _ in range(times):
        began = perf_counter()
        work()
        taken.append(perf_counter() - began)
    return statistics.median(taken)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
