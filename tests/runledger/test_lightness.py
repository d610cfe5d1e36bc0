"""What is loaded by whom: who only records loads nothing that answers questions."""

import json
import subprocess
import sys
from pathlib import Path

from ledger.workspace.folder import make_folder
from runledger.tracking import _AFTERMATH

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from runledger import Experiment, Workspace
run = Experiment(Workspace(sys.argv[1]), "e").start_logging(snapshot_directory=None)
run.log("loss", 1.0)
run.tag("k", "v")
run.flush()
run.complete()
print(*sorted({name.split(".")[0] for name in sys.modules} & {"projections", "alerts"}), "schemas.rules" in sys.modules)
"""


def test_a_script_that_only_logs_loads_no_view_and_no_rule(tmp_path: Path) -> None:
    make_folder(tmp_path, log="sqlite")

    printed = subprocess.check_output([sys.executable, "-c", SCRIPT, tmp_path], cwd=ROOT, text=True, timeout=120)

    assert printed.split() == ["False"]


def test_what_runs_after_a_process_finds_packages_that_site_alone_finds(tmp_path: Path) -> None:
    make_folder(tmp_path, log="sqlite")
    process = tmp_path / ".runledger" / "journals" / "processes" / "one"
    process.mkdir(parents=True)
    library = [path for path in sys.path if "site-packages" not in path and Path(path).resolve() != ROOT]

    command = [sys.executable, "-S", "-c", _AFTERMATH, json.dumps(library), str(tmp_path), str(process)]
    subprocess.run(command, cwd="/", check=True, timeout=120)

    assert not process.exists()
