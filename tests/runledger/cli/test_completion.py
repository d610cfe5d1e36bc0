"""Completion in shells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runledger.cli.calling import SECONDS, call, process


def completed(line: str) -> list[str]:
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_RUNLEDGER_COMPLETE": "bash_complete"}
    done = process(**words)
    assert done.err == ""
    return [part.partition(",")[2] for part in done.out.split()]


@pytest.mark.parametrize(
    ("shell", "parts"),
    [
        ("bash", ["complete -o nosort -F _runledger_completion runledger", "_RUNLEDGER_COMPLETE=bash_complete"]),
        ("zsh", ["#compdef runledger", "compdef _runledger_completion runledger", "_RUNLEDGER_COMPLETE=zsh_complete"]),
        ("fish", ["complete --no-files --command runledger", "_RUNLEDGER_COMPLETE=fish_complete"]),
    ],
)
def test_the_script_asks_us_from_its_shell(shell: str, parts: list[str]) -> None:
    done = call("completion", shell)

    assert (done.code, done.err) == (0, "")
    assert [part for part in parts if part not in done.out] == []


def test_bash_completes_with_the_script() -> None:
    typed = "COMP_WORDS=(runledger run set-p); COMP_CWORD=2; _runledger_completion runledger; echo ${COMPREPLY[@]}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", f'eval "$(runledger completion bash)"; {typed}'],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["set-property", "set-parameter"]


@pytest.mark.parametrize(("shell", "begun"), [("zsh", "3"), ("fish", "comp")])
def test_the_other_shells_are_answered_too(shell: str, begun: str) -> None:
    words = {"COMP_WORDS": "runledger run comp", "COMP_CWORD": "2" if shell == "zsh" else begun}
    done = process(**words, _RUNLEDGER_COMPLETE=f"{shell}_complete")

    assert done.err == ""
    assert "Compare runs, differences first" in done.out


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
