"""The notebooks, executed cell by cell beside a workspace of their own."""

import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from ledger.workspace.folder import make_folder

NOTEBOOKS = Path(__file__).resolve().parents[2] / "examples" / "notebooks"


@pytest.fixture
def manage_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What each cell shows, with its code."""
    make_folder(tmp_path, log="sqlite")
    for name, value in (("JUPYTER_PLATFORM_DIRS", "1"), ("PYDEVD_DISABLE_FILE_VALIDATION", "1")):
        monkeypatch.setenv(name, value)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.reads((NOTEBOOKS / "manage-runs.ipynb").read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    _use_this_python(client)
    client.execute()
    return [(cell.source, shown(cell)) for cell in notebook.cells if cell.cell_type == "code"]


def _use_this_python(client: NotebookClient) -> None:
    """Start the kernel of the interpreter that runs the tests, whatever kernels the machine knows."""
    client.create_kernel_manager()
    assert client.km is not None
    assert client.km.kernel_spec is not None
    client.km.kernel_spec.argv[:] = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def shown(cell: Any) -> str:
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])
    )


def test_i1_managing_runs_works_from_the_first_cell_to_the_last(manage_runs: list[tuple[str, Any]]) -> None:
    """The notebook examples/notebooks/manage-runs.ipynb, executed cell by cell: what each cell shows."""
    texts = [text for _, text in manage_runs]
    (version, _, started, table, details, completed, block, submitted, waited, *about) = texts
    (properties, refused, tags, found, batch, _, children, canceled, failed) = about

    assert version.strip().count(".") == 2
    assert started == "Running\n"
    assert "<table" in table
    assert "Running" in table
    assert "endTimeUtc" not in details
    assert completed == "Completed\n"
    assert block == "in the block: Running\nbehind it: Completed\n"
    assert submitted.strip() not in {"Failed", "Canceled"}
    assert all(text in waited for text in ("RunId:", "the script ran", "Completed {'message': 'Hello from run!'}"))
    assert "'author': 'azureml-user'" in properties
    assert all(text in refused for text in ("author", "azureml-user", "different-user"))
    assert "'quality': 'fantastic run', 'worth another look': None}" in tags
    assert found.count("ScriptRun(") == 2
    assert batch.endswith("Completed ['Completed', 'Completed', 'Completed', 'Completed', 'Completed']\n")
    assert children.startswith("5 [{'Hello from child run': 4}")
    assert canceled.splitlines()[-1] == "Canceled"
    assert failed == "Failed\n"
