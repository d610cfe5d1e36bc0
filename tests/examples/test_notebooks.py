"""The notebooks, executed cell by cell beside a workspace of their own."""

import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from ledger.workspace.folder import make_folder
from runledger import Experiment, Workspace

NOTEBOOKS = Path(__file__).resolve().parents[2] / "examples" / "notebooks"


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """What each cell of code shows."""
    folder = tmp_path / "work"
    make_folder(folder, log="sqlite")
    for name, value in (("JUPYTER_PLATFORM_DIRS", "1"), ("PYDEVD_DISABLE_FILE_VALIDATION", "1")):
        monkeypatch.setenv(name, value)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.reads((NOTEBOOKS / request.param).read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    _use_this_python(client)
    client.execute()
    return [shown(cell) for cell in notebook.cells if cell.cell_type == "code"]


def _use_this_python(client: NotebookClient) -> None:
    """Start the kernel of the interpreter that runs the tests, whatever kernels the machine knows."""
    client.create_kernel_manager()
    assert client.km is not None
    assert client.km.kernel_spec is not None
    client.km.kernel_spec.argv[:] = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def _best(data: dict[str, str]) -> str:
    return data.get("text/html") or data.get("text/plain", "")


def shown(cell: Any) -> str:
    return "".join(output.get("text", "") + _best(output.get("data", {})) for output in cell.get("outputs", []))


@pytest.mark.parametrize("executed", ["manage-runs.ipynb"], indirect=True)
def test_i1_managing_runs_works_from_the_first_cell_to_the_last(executed: list[str]) -> None:
    """The notebook examples/notebooks/manage-runs.ipynb, executed cell by cell: what each cell shows."""
    (version, _, started, table, details, completed, block, _, submitted, script_run, early, waited, logs, *about) = (
        executed
    )
    (properties, refused, tags, found, batch, _, children, canceled, failed, snapshot, inside) = about

    assert version.strip().count(".") == 2
    assert started == "Running\n"
    assert "<table" in table
    assert "Running" in table
    assert "endTimeUtc" not in details
    assert completed == "Completed\n"
    assert block == "in the block: Running\nbehind it: Completed\n"
    assert submitted.strip() not in {"Failed", "Canceled"}
    assert "azureml.scriptrun" in script_run
    assert "user_logs/std_log.txt" in early
    assert "the script ran" in logs
    assert all(text in waited for text in ("RunId:", "the script ran", "Completed {'message': 'Hello from run!'}"))
    assert "'author': 'azureml-user'" in properties
    assert all(text in refused for text in ("author", "azureml-user", "different-user"))
    assert "'quality': 'fantastic run', 'worth another look': None}" in tags
    assert found.count("ScriptRun(") == 2
    assert batch.endswith("Completed ['Completed', 'Completed', 'Completed', 'Completed', 'Completed']\n")
    assert children.startswith("5 [{'Hello from child run': 4}")
    assert canceled.splitlines()[-1] == "Canceled"
    assert failed == "Failed\n"
    assert re.fullmatch(r"snapshots/[0-9a-f]{64}\.zip\n", snapshot)
    assert inside == "['.amlignore', 'hello.py', 'hello_with_children.py', 'hello_with_delay.py']\n"


_METRICS = (
    *("Accuracy", "Category", "Cosine Wave", "Fibonacci", "Hyperbolic Tangent", "Magic Number"),
    *("Precision", "Recall", "Sigmoid", "Sine Wave", "scale factor"),
)


@pytest.mark.parametrize("executed", ["logging-api.ipynb"], indirect=True)
def test_i1_logging_works_from_the_first_cell_to_the_last(executed: list[str], tmp_path: Path) -> None:
    """The notebook examples/notebooks/logging-api.ipynb, executed cell by cell: what each cell shows."""
    (version, place, _, _, table, experiment, *_, uploaded, completed, fetched, metrics, one, names, files, tags) = (
        executed
    )

    assert version.strip().count(".") == 2
    assert place == f"{tmp_path}/work\n"
    assert "<table" in table
    assert "logging-api-test" in experiment
    assert "'name': 'logging-api/myfile.txt'" in uploaded
    assert completed == "Completed\n"
    assert fetched == "True Completed\n"
    assert metrics == f"11 {list(_METRICS)}\n{{'column_0': 15000}}\n"
    assert one == "{'scale factor': 2}\n"
    assert re.fullmatch(r"\['Hyperbolic Tangent_\d+\.png', 'logging-api/myfile\.txt'\]\n", names)
    assert re.fullmatch(r"Hyperbolic Tangent_\d+\.png True\nmyfile\.txt True\nThis is an output file\n", files)
    assert tags.endswith("{'My Favorite Run': None, 'Competition Rank': '1'}\n")
    with Workspace(tmp_path / "work") as workspace:
        (run,) = Experiment(workspace, "logging-api-test").get_runs()
        found = run.get_metrics()
    assert (found["Category"], found["scale factor"], found["Magic Number"]) == ("Red", 2, 84)
    assert found["Fibonacci"] == [0, 2, 2, 4, 6, 10, 16, 26, 42, 68, 110, 178]
    assert (len(found["Sigmoid"]), found["Sigmoid"]) == (20, sorted(found["Sigmoid"]))
    assert all(len(column) == 20 for wave in ("Cosine Wave", "Sine Wave") for column in found[wave].values())
    assert found["Recall"]["column_14"] == [step + 0.14 for step in range(1000)]
