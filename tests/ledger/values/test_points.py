"""How points become batches, and batches events."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.metrics import Scalar
from ledger.values.batch import Batch, halves
from ledger.values.forms import read
from ledger.values.points import LIST, ROW, SCALAR, TABLE, Point, batches
from schemas.events import RunLoggedEvent
from schemas.limits import Limits

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.sampled_from(["", "NaN", "ą", "x"])
)
NAMES = st.sampled_from(["loss", "acc", "r"])
STEPS = st.none() | st.integers(-(2**63), 2**63 - 1)


@st.composite
def calls(draw: st.DrawFn) -> list[tuple[str, str, Any, int | None]]:
    """Calls of `log*`: kind, name, content, step."""
    rows = st.dictionaries(st.sampled_from("xyz"), SCALARS, min_size=1)
    one = st.tuples(st.just(SCALAR), NAMES, SCALARS, STEPS)
    many = st.tuples(st.just(LIST), NAMES, st.lists(SCALARS, max_size=4), STEPS)
    row = st.tuples(st.just(ROW), NAMES, rows, STEPS)
    table = st.tuples(st.just(TABLE), NAMES, rows.map(lambda it: {k: [v, v] for k, v in it.items()}), STEPS)
    return draw(st.lists(st.one_of(one, many, row, table), max_size=25))


@given(calls(), st.integers(1, 6), st.integers(60, 2000), st.integers(0, 5))
def test_batches_hold_every_point_once_and_in_order(
    made: list[tuple[str, str, Any, int | None]], rows: int, size: int, after: int
) -> None:
    points = [
        Point(after + 1 + number, 1000 + number, kind, name, content, step, None, 50)
        for number, (kind, name, content, step) in enumerate(made)
    ]
    found = list(batches("r", "w", after, points, Limits(points_per_batch=rows), batch_bytes=size))

    ends = [(batch.first, batch.last) for batch in found]
    assert [first for first, _ in ends] == [after + 1, *(last + 1 for _, last in ends[:-1])][: len(ends)]
    assert not points or ends[-1][1] == points[-1].index
    events = [
        RunLoggedEvent.model_validate({"writer": "w", "first": b.first, "last": b.last, "series": list(b.series)})
        for b in found
    ]
    assert [repr(cell) for cell in _cells(points)] == [repr(cell) for cell in _logged(events)]


@given(calls())
def test_a_batch_in_halves_holds_the_same_points_in_the_same_order(
    made: list[tuple[str, str, Any, int | None]],
) -> None:
    points = [
        Point(1 + number, 1000 + number, kind, name, content, step, None, 50)
        for number, (kind, name, content, step) in enumerate(made)
    ]
    for batch in batches("r", "w", 0, points, Limits()):
        parts = _in_single_calls(batch)
        ends = [(part.first, part.last) for part in parts]

        assert all(len({index for series in part.series for index in series["index"]}) <= 1 for part in parts)
        assert [first for first, _ in ends] == [batch.first, *(last + 1 for _, last in ends[:-1])]
        assert ends[-1][1] == batch.last
        assert parts[-1].occurred_at == batch.occurred_at
        assert _rows(parts) == _rows([batch])


def _in_single_calls(batch: Batch) -> list[Batch]:
    parts = halves(batch)
    return [batch] if parts is None else [each for part in parts for each in _in_single_calls(part)]


def _rows(parts: list[Batch]) -> dict[tuple[str, str], list[str]]:
    """Each series' rows as they follow each other, each with its index, time, step and cells."""
    found: dict[tuple[str, str], list[str]] = {}
    for series in (series for part in parts for series in part.series):
        rows = found.setdefault((series["name"], series["kind"]), [])
        for place, index in enumerate(series["index"]):
            cells = {key: column[place] for key, column in series.get("columns", {}).items()}
            value = series["values"][place] if "values" in series else None
            step = series["steps"][place] if "steps" in series else None
            rows.append(repr((index, series["times"][place], step, value, cells)))
    return found


def _cells(points: list[Point]) -> list[tuple[int, str, str, int | None, str, Scalar]]:
    found = []
    for point in points:
        match point.kind:
            case "scalar":
                rows: list[dict[str, Scalar]] = [{"": point.content}]
            case "list":
                rows = [{"": value} for value in point.content]
            case "row":
                rows = [point.content]
            case _:
                columns = point.content
                rows = [{key: cells[i] for key, cells in columns.items()} for i in range(2)]
        for cells in rows:
            found += [
                (point.index, point.kind, point.name, point.step, k, v) for k, v in cells.items() if v is not None
            ]
    return sorted(found, key=lambda each: (each[0], each[4]))


def _logged(events: list[RunLoggedEvent]) -> list[tuple[int, str, str, int | None, str, Scalar]]:
    found = []
    for event in events:
        for series in event.series:
            columns = {"": series.values} if series.values is not None else series.columns or {}
            steps = series.steps or [None] * len(series.index)
            for key, cells in columns.items():
                for place, cell in enumerate(cells):
                    if cell is not None:
                        about = (series.index[place], series.kind, series.name, steps[place])
                        found.append((*about, key, read(cell)))
    return sorted(found, key=lambda each: (each[0], each[4]))


def test_a_column_that_comes_later_is_empty_before() -> None:
    points = [Point(1, 1, ROW, "r", {"x": 1}, None, None, 9), Point(2, 2, ROW, "r", {"y": 2}, None, None, 9)]
    (batch,) = batches("r", "w", 0, points, Limits())
    assert batch.series[0]["columns"] == {"x": [1, None], "y": [None, 2]}


def test_an_empty_list_is_a_series_without_points() -> None:
    (batch,) = batches("r", "w", 0, [Point(1, 1, LIST, "l", [], None, None, 9)], Limits())
    assert batch.series == [{"name": "l", "kind": "list", "index": [], "times": [], "values": []}]
    assert (batch.first, batch.last) == (1, 1)
