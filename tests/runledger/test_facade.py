"""What `from runledger import ...` costs, and what it notices."""

import subprocess
import sys
from pathlib import Path

import runledger

HEAVY = (
    *("pydantic", "eventsourcing", "sqlite3", "aiokafka", "rich", "jmespath", "click"),
    *("concurrent.futures", "mimetypes", "tempfile", "zipfile"),
)


def python(code: str, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    return subprocess.run(
        [sys.executable, *options, str(script)], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_names_are_there_and_light(tmp_path: Path) -> None:
    done = python(
        "import sys\nfrom runledger import Experiment, LedgerError, Run, VERSION, Workspace\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], VERSION)",
        tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"[] {runledger.VERSION}"


def test_a_file_of_the_user_that_hides_a_package_is_named_with_the_cure(tmp_path: Path) -> None:
    intruder = tmp_path / "schemas.py"
    intruder.write_text("x = 1")
    code = "from runledger import Workspace\nprint('fine')"

    hidden = python(code, tmp_path)
    cured = python(code, tmp_path, "-P")

    assert hidden.returncode != 0
    assert str(intruder) in hidden.stderr
    assert "python -P" in hidden.stderr
    assert cured.stdout == "fine\n"


def test_a_name_that_is_not_there() -> None:
    assert not hasattr(runledger, "Nothing")
    assert "Workspace" in dir(runledger)
