"""Running writer processes: started, killed, frozen, started again, and counted while they work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults.kafka.notes import ACCEPTED
from tests.faults.kafka.writer import Load

_ROOT = Path(__file__).resolve().parents[3]
END_SECONDS = 600
_SAID = 30


class WritersError(Exception):
    """A writer ended by itself, or does not end."""


@dataclass(slots=True)
class Tally:
    """What one life's notes say so far, read piece by piece."""

    path: Path
    answered: int = 0
    """Accepted, or told that another was first."""
    open: int = 0
    """Calls without a final answer."""
    _read: int = 0

    def update(self) -> bytes:
        """Read on; what is new, in whole lines behind a line's end."""
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        # The last end of a line is read again, so that each line stands behind one.
        self._read += max(len(new) - 1, 0)
        answered = new.count(b" accepted ") + new.count(b" lost ")
        self.answered += answered
        self.open += new.count(b"\nc ") - answered - new.count(b" refused ")
        return new


class WriterProcess:
    """One writer over all its lives."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.answered_before = 0
        self.frozen = False
        self._launch()

    def _launch(self) -> None:
        with Path(self.load.folder, "writers.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.kafka.writer", self.load.argument()],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.tally = Tally(self.load.notes(self.load.life))

    @property
    def answered(self) -> int:
        """Final answers over all lives, as far as they were counted."""
        return self.answered_before + self.tally.answered

    @property
    def works(self) -> bool:
        """Whether it runs and has had answers in this life."""
        return not self.frozen and self.process.poll() is None and self.tally.answered > 0

    def start_again(self) -> None:
        """Another process takes the place of one that was killed: the same replica, the next life."""
        self._close()
        self.tally.update()
        self.answered_before += self.tally.answered
        self.frozen = False
        self.load = replace(self.load, life=self.load.life + 1)
        self._launch()

    def kill(self) -> int:
        """SIGKILL; how many calls were open."""
        self.process.kill()
        self.process.wait()
        self.tally.update()
        return self.tally.open

    def freeze(self) -> int:
        """SIGSTOP; how many calls are open while it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)
        self.frozen = True
        self.tally.update()
        return self.tally.open

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def die_in_the_next_fold(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def stop_appending(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Let it read the logs to their end, when all are quiet, and wait until it has ended."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def await_quiet(self) -> None:
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "quiet\n":
            raise WritersError(self.told(f"ended by itself, with {self.process.wait()}"))

    def await_end(self) -> None:
        if self.process.wait(END_SECONDS) != 0:
            raise WritersError(self.told(f"could not read to the end, with {self.process.returncode}"))

    def told(self, what: str) -> str:
        """What happened to it, and the end of what the writers said."""
        said = Path(self.load.folder, "writers.log").read_text(errors="replace").splitlines()[-_SAID:]
        return "\n".join([f"writer {self.load.writer} {what}; the writers said:", *said])

    def put_away(self) -> None:
        """Leave no process behind, whatever happened."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class Writers:
    """All writers of one ledger."""

    each: Sequence[WriterProcess]

    def answered(self) -> int:
        """How many appends were answered by now."""
        for writer in self.each:
            writer.tally.update()
        return sum(writer.answered for writer in self.each)

    def all_work(self) -> bool:
        return all(writer.works for writer in self.each)

    def seconds_until_accepted(self, since: float, patience: float) -> float | None:
        """The time from `since` until the last of them has had an append accepted, or None."""
        waiting = list(self.each)
        latest = since
        while waiting and time.monotonic() < since + patience:
            time.sleep(0.02)
            for writer in list(waiting):
                at = _first_accepted(writer.tally.update(), since)
                if at is not None:
                    latest = max(latest, at)
                    waiting.remove(writer)
        return None if waiting else latest - since

    def finish(self) -> None:
        """End the appends of all, then let each read to the end."""
        for writer in self.each:
            writer.stop_appending()
        for writer in self.each:
            writer.await_quiet()
        for writer in self.each:
            writer.end()
        for writer in self.each:
            writer.await_end()
            writer.tally.update()


@contextmanager
def writers(load: Load, count: int) -> Iterator[Writers]:
    """So many writers, at work; none is left at the end."""
    started = Writers([WriterProcess(replace(load, writer=number)) for number in range(count)])
    try:
        yield started
    finally:
        for writer in started.each:
            writer.put_away()


def _first_accepted(new: bytes, since: float) -> float | None:
    word = f" {ACCEPTED} ".encode()
    for line in new.splitlines():
        if line.startswith(b"a ") and word in line:
            at = float(line.split()[2])
            if at >= since:
                return at
    return None
