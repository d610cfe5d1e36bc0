"""Images and charts as metrics (parity 2.C)."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ledger.errors import BadValueError, UnavailableError
from ledger.workspace.folder import make_folder
from runledger import Experiment, Run, Workspace

PNG = b"\x89PNG\r\n\x1a\nand so on"

MATRIX = {"class_labels": ["cat", "dog"], "matrix": [[3, 1], [0, 4]]}
ACCURACY = {
    "class_labels": ["0", "1"],
    "probability_tables": [[[1, 2, 3, 4]] * 3, [[0, 0, 0, 0]] * 3],
    "probability_thresholds": [0.0, 0.5, 1.0],
    "percentile_tables": [[[1, 2, 3, 4]] * 2] * 2,
    "percentile_thresholds": [0.0, 1.0],
}
RESIDUALS = {"bin_edges": [0, 1, 2.5], "bin_counts": [4, 5]}
PREDICTIONS = {"bin_edges": [0, 1, 2], "bin_averages": [0.1, 0.2], "bin_errors": [0, 0.1], "bin_counts": [3, 4]}
CHARTS = {
    "log_confusion_matrix": ("confusion_matrix", MATRIX),
    "log_accuracy_table": ("accuracy_table", ACCURACY),
    "log_residuals": ("residuals", RESIDUALS),
    "log_predictions": ("predictions", PREDICTIONS),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("workspace")
    make_folder(folder, log="sqlite")
    with Workspace(folder) as opened:
        yield opened


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return Experiment(workspace, "figures").start_logging(outputs=False)


def stored(run: Run, name: str, folder: Path) -> bytes:
    run.download_file(name, folder / "stored")
    return (folder / "stored").read_bytes()


def artifact(run: Run) -> Any:
    (found,) = run.experiment.workspace.client.artifacts(run.id)
    return found


def test_a_figure_becomes_a_png_and_an_image_metric(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after its settings

    plt.plot([0, 1], [1, 0])
    run.log_image("Hyperbolic Tangent", plot=plt)
    figure = plt.figure()
    run.log_image("Hyperbolic Tangent", plot=figure, description="another")
    plt.close("all")

    names = run.get_metrics()["Hyperbolic Tangent"]
    assert names == run.get_file_names()
    assert all(name.startswith("Hyperbolic Tangent_") and name.endswith(".png") for name in names)
    assert stored(run, names[0], tmp_path).startswith(b"\x89PNG")
    about = run.experiment.workspace.client.artifacts(run.id)[0]
    assert (about["kind"], about["metric"], about["content_type"]) == ("image", "Hyperbolic Tangent", "image/png")


def test_an_image_of_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "any.PNG").write_bytes(PNG)
    run.log_image("a/b:c\\d", path=tmp_path / "any.PNG")
    location = run.get_metrics()["a/b:c\\d"]

    assert location.startswith("a/b_c_d_")
    assert location.endswith(".png")
    assert stored(run, location, tmp_path) == PNG


def test_what_is_no_image_is_refused_in_three_ways(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(BadValueError, match="a path or a plot, and got neither"):
        run.log_image("m")
    with pytest.raises(BadValueError, match="got both"):
        run.log_image("m", path="a", plot=io)
    with pytest.raises(BadValueError, match="is no image"):
        run.log_image("m", path=tmp_path / "a.png")
    with pytest.raises(BadValueError, match=r"matplotlib\.pyplot or a figure.*not int"):
        run.log_image("m", plot=3)
    with pytest.raises(BadValueError, match=r"nothing\.png cannot be read"):
        run.log_image("m", path=tmp_path / "nothing.png")
    with pytest.raises(BadValueError, match="not empty"):
        run.log_confusion_matrix("", MATRIX)
    assert (run.get_metrics(), run.get_file_names()) == ({}, [])


def test_matplotlib_is_the_users_import_alone() -> None:
    import ledger.sdk.figures as module  # noqa: PLC0415

    assert "matplotlib" not in str(sorted(vars(module)))
    assert "matplotlib" not in {name.partition(".")[0] for name in vars(sys.modules["ledger.sdk.charts"])}


@pytest.mark.parametrize("call", CHARTS)
@pytest.mark.parametrize("form", ["data", "document", "json"])
def test_a_chart_becomes_json_that_says_what_it_is(call: str, form: str, run: Run, tmp_path: Path) -> None:
    kind, data = CHARTS[call]
    document = {"schema_type": kind, "schema_version": "1.0.0", "data": data}
    value = {"data": data, "document": document, "json": json.dumps(document)}[form]
    getattr(run, call)("My chart", value)

    assert run.get_metrics() == {"My chart": "My chart"}
    found = json.loads(stored(run, "My chart", tmp_path))
    assert (found["schema_type"], found["data"]) == (kind, data)
    assert found["schema_version"] == ("1.0.1" if (kind, form) == ("accuracy_table", "data") else "1.0.0")
    assert (artifact(run)["kind"], artifact(run)["metric"]) == (kind, "My chart")


def test_arrays_are_taken_as_lists(run: Run, tmp_path: Path) -> None:
    run.log_confusion_matrix("m", {"class_labels": ["a", "b"], "matrix": np.array([[3, 1], [0, 4]])})

    assert json.loads(stored(run, "m", tmp_path))["data"]["matrix"] == [[3, 1], [0, 4]]


BAD: list[tuple[str, Any, str]] = [
    ("log_confusion_matrix", "{", "Invalid JSON provided"),
    ("log_confusion_matrix", [1], "must be an object or its JSON"),
    ("log_confusion_matrix", {"matrix": [[1]]}, "needs 'class_labels'; it has: 'matrix'"),
    ("log_confusion_matrix", MATRIX | {"matrix": [[1, 2]]}, "'matrix' must have 2 rows"),
    ("log_confusion_matrix", MATRIX | {"matrix": [[1, 2], [3]]}, "row 1 of 'matrix' must be 2 numbers"),
    ("log_confusion_matrix", MATRIX | {"matrix": [[1, 2], [3, "x"]]}, "row 1 of 'matrix'"),
    ("log_confusion_matrix", MATRIX | {"matrix": [[1, 2], [3, float("nan")]]}, "row 1 of 'matrix'"),
    ("log_confusion_matrix", {"schema_type": "residuals", "data": MATRIX}, "schema_type is 'residuals'"),
    ("log_confusion_matrix", {"data": [1]}, "data must be an object"),
    ("log_accuracy_table", ACCURACY | {"class_labels": []}, "'class_labels' must be a list"),
    ("log_accuracy_table", ACCURACY | {"probability_tables": [[[1, 2, 3, 4]]]}, "must have 2 tables, one a class"),
    ("log_accuracy_table", ACCURACY | {"percentile_thresholds": [1]}, "must have 1 rows, one a threshold"),
    ("log_accuracy_table", ACCURACY | {"percentile_tables": [[[1, 2, 3]] * 2] * 2}, r"\[TP, FP, TN, FN\]"),
    ("log_residuals", RESIDUALS | {"bin_counts": [1]}, "'bin_counts' must have 2 numbers, and has 1"),
    ("log_residuals", RESIDUALS | {"bin_edges": [1]}, "at least two"),
    ("log_predictions", PREDICTIONS | {"bin_errors": "x"}, "'bin_errors' must be a list of numbers"),
    ("log_predictions", PREDICTIONS | {"bin_counts": [object()] * 2}, "'bin_counts' must be a list"),
    ("log_predictions", PREDICTIONS | {"more": {1, 2}}, "is made of JSON"),
]


@pytest.mark.parametrize(("call", "value", "text"), BAD)
def test_a_chart_that_is_none_is_refused_by_its_part_and_nothing_is_stored(
    call: str, value: Any, text: str, run: Run
) -> None:
    with pytest.raises(BadValueError, match=text) as raised:
        getattr(run, call)("m", value)

    assert "metric 'm'" in str(raised.value) or "JSON" in str(raised.value)
    assert (run.get_metrics(), run.get_file_names()) == ({}, [])


def test_a_ledger_out_of_reach_is_a_warning(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_: object) -> None:
        raise UnavailableError("the line is cut.")

    with monkeypatch.context() as patched:
        patched.setattr(run.experiment.workspace.client, "put_content", away)
        run.log_residuals("r", RESIDUALS)

    assert "metric 'r' of run" in caplog.text
    assert run.get_metrics() == {}
