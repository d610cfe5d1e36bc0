"""The demo, as README's first command runs it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [[], pytest.param(["--kafka"], marks=pytest.mark.kafka)], ids=["sqlite", "kafka"])
def test_the_demo_shows_every_part(arguments: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNLEDGER_")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("Completed", "Failed", "great run", "shrinking steps: accuracy 0.9", "chain intact"):
        assert part in done.stdout
    assert "exploding steps: failed (Floating-point under-/overflow" in done.stdout
    assert "envelope: from ledger@example.org to you@example.org" in done.stdout
    assert "Subject: [digits] run exploding steps: Running -> Failed" in done.stdout
    assert (ROOT / ".demo" / "mails" / "1.eml").is_file()
    assert not [process for process in psutil.process_iter(["cmdline"]) if _of_demo(process.info["cmdline"])]


def _of_demo(command: list[str] | None) -> bool:
    return any(str(ROOT / ".demo") in part for part in command or [])
