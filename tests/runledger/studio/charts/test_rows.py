"""Points as comma-separated values."""

import csv
import io

from ledger.metrics import Scalar, Series
from runledger.studio.charts.rows import csv_of, csv_of_runs


def read(series: Series) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(csv_of(series)).decode(), newline="")))


def test_every_point_is_there_exactly() -> None:
    count = 2_500
    values = [0.1 + place for place in range(count)]
    head, *rows = read(Series("a", "scalar", [place * 1_000 for place in range(count)], list(range(count)), values))
    assert head == ["step", "time", "value"]
    assert [float(row[2]) for row in rows] == values
    assert rows[1][:2] == ["1", "1970-01-01T00:00:00.001000Z"]


def test_columns_keep_their_names_and_no_cell_is_a_formula() -> None:
    columns: dict[str, list[Scalar]] = {"=x": [1, None], "text": ["=1+1", 'a "b"\n']}
    found = read(Series("t", "row", [0, 0], [None, 3], None, columns))
    assert found[0] == ["step", "time", "'=x", "text"]
    assert [row[:1] + row[2:] for row in found[1:]] == [["", "1", "'=1+1"], ["3", "", 'a "b"\n']]


def test_points_of_several_runs_say_whose_they_are() -> None:
    values, table = (
        Series("a", "scalar", [0], [1], [0.5]),
        Series("a", "row", [0], [None], None, {"x": [1], "y": [None]}),
    )
    found = b"".join(csv_of_runs([("r1", values), ("r2", table)])).decode().splitlines()
    moment = "1970-01-01T00:00:00.000000Z"
    assert found == ["run,column,step,time,value", f"r1,,1,{moment},0.5", f"r2,x,,{moment},1", f"r2,y,,{moment},"]
