"""Running writer processes, hurting some, and gathering what they noted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.history import Call

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class WriterProcess:
    """One process, the file it fills from the log, and the file it notes its calls in."""

    process: "subprocess.Popen[str]"
    replica: Path
    notes: Path

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def answered(self) -> int:
        return self.notes.read_bytes().count(b'"answer"') if self.notes.exists() else 0


@contextmanager
def writers(servers: str, name: str, folder: Path, *, count: int, runs: int) -> Iterator[list[WriterProcess]]:
    """So many writers on shared runs, all ready; none is left at the end."""
    started = [_start(servers, name, folder, number, runs) for number in range(count)]
    try:
        for writer in started:
            assert writer.process.stdout is not None
            assert writer.process.stdout.readline() == "ready\n"
        yield started
    finally:
        for writer in started:
            writer.process.kill()
            writer.process.wait()
            if writer.process.stdout is not None:
                writer.process.stdout.close()


def _start(servers: str, name: str, folder: Path, number: int, runs: int) -> WriterProcess:
    replica, notes = folder / f"{name}-{number}.db", folder / f"{name}-{number}.notes"
    arguments = [servers, name, str(replica), str(notes), str(runs), str(number)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writer", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    return WriterProcess(process, replica, notes)


def wait_for_answers(started: Sequence[WriterProcess], answers: int, seconds: float) -> None:
    """Wait until the writers together have so many answers."""
    end = time.monotonic() + seconds
    while sum(writer.answered() for writer in started) < answers:
        assert time.monotonic() < end, "the writers are too slow"
        time.sleep(0.2)


def calls_of(started: Sequence[WriterProcess]) -> list[Call]:
    """Every call with its answer; one that a kill cut off has none."""
    calls: list[Call] = []
    for number, writer in enumerate(started):
        begun: dict[str, dict[str, Any]] = {}
        for line in writer.notes.read_text(encoding="utf-8").splitlines():
            note = json.loads(line)
            if "call" in note:
                begun[note["call"]] = note
            else:
                calls.append(_call(number, begun.pop(note["answer"]), note))
        calls += [_call(number, note, None) for note in begun.values()]
    return calls


def _call(number: int, begun: dict[str, Any], answer: dict[str, Any] | None) -> Call:
    return Call(
        writer=f"writer {number}",
        stream=begun["stream"],
        seq=begun["seq"],
        prev=begun["prev"],
        hash=begun["hash"],
        began=begun["at"],
        ended=answer["at"] if answer else None,
        outcome=answer["outcome"] if answer else "none",
        place=answer["place"] if answer else None,
    )
