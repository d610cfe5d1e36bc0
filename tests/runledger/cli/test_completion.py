"""Completion in shells."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.runledger.cli.calling import SECONDS, call, process


def completed(line: str) -> list[str]:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_RUNLEDGER_COMPLETE": "bash_complete"}
    done = process(**words)
    assert done.err == ""
    return [part.partition(",")[2] for part in done.out.split()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_can_read(shell: str) -> None:
    done = call("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_RUNLEDGER_COMPLETE" in done.out
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    subprocess.run([program, "-n"], input=done.out, text=True, timeout=SECONDS, check=True)


def test_an_unknown_shell_is_wrong_usage() -> None:
    assert call("completion", "cmd").code == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("runledger r", "run"),
        ("runledger run comp", "compare"),
        ("runledger run set-p", "set-parameter"),
        ("runledger run list --order", "--order-by"),
        ("runledger run list --status Fail", "failed"),
        ("runledger completion f", "fish"),
        ("runledger run list -o mark", "markdown"),
    ],
)
def test_words_are_completed(line: str, expected: str) -> None:
    assert expected in completed(line)


def test_runs_and_experiments_are_completed(place: str) -> None:
    for run_id in ("tab-one", "tab-two"):
        call("run", "start", "-w", place, "-e", "tabbed", "-r", run_id)
    assert completed(f"runledger run show -w {place} -r tab-o") == ["tab-one"]
    assert completed(f"runledger run show -w {place} --run tab-") == ["tab-two", "tab-one"]
    assert completed(f"runledger run compare -w {place} tab-t") == ["tab-two"]
    assert completed(f"runledger run list -w {place} -e tabb") == ["tabbed"]


def test_without_a_workspace_nothing_is_completed_and_nothing_is_said(tmp_path: Path) -> None:
    assert completed(f"runledger run show -w {tmp_path} -r x") == []
    assert completed("runledger run show -w http://127.0.0.1:9 -r x") == []
