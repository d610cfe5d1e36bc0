"""Running writer processes: started, killed, frozen, started again, and counted while they work."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from tests.faults.kafka.notes import ACCEPTED
from tests.faults.kafka.writer import Load

_ROOT = Path(__file__).resolve().parents[3]
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
        self._pid: int | None = None
        self._code: int | None = None
        with self._log.open("ab") as log:
            self._parent = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.kafka.writer"],
                cwd=_ROOT,
                bufsize=0,  # a line is read when it is asked for, and no more than that
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._live()

    def _live(self) -> None:
        self._say(self.load.argument())
        self._pid, self._code = None, None
        self.tally = Tally(self.load.notes(self.load.life))

    @property
    def pid(self) -> int:
        """The process of this life."""
        if self._pid is None:
            self._pid = int(self._hear())
        return self._pid

    @property
    def answered(self) -> int:
        """Answers over all lives, as far as they were counted."""
        return self.answered_before + self.tally.answered

    @property
    def works(self) -> bool:
        """Whether it runs and has had answers in this life."""
        return not self.frozen and self.code() is None and self.tally.answered > 0

    def code(self) -> int | None:
        """How this life ended, or None if it goes on."""
        if self._code is None and self.pid and self._has_spoken():
            self._end(self._hear())
        return self._code

    def start_again(self) -> None:
        """Another process takes the place of one that was killed: the same replica, the next life."""
        self.tally.update()
        self.answered_before += self.tally.answered
        self.load = replace(self.load, life=self.load.life + 1)
        self._live()

    def kill(self) -> int:
        """SIGKILL; how many calls were open."""
        self.signal(signal.SIGKILL)
        self._end(self._hear())
        self.tally.update()
        return self.tally.open

    def freeze(self) -> int:
        """SIGSTOP; how many calls are open while it stands still."""
        self.signal(signal.SIGSTOP)
        while psutil.Process(self.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)
        self.frozen = True
        self.tally.update()
        return self.tally.open

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)
        self.frozen = False

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def await_quiet(self) -> None:
        """Wait until it appends no more, after SIGTERM."""
        if (said := self._hear()) != "quiet":
            raise WritersError(self.told(said))

    def read_to_the_end(self) -> None:
        """Let it go on and end, when all are quiet."""
        self._say("")

    def await_end(self) -> None:
        self._end(self._hear())
        if self._code:
            raise WritersError(self.told(f"could not read to the end, with {self._code}"))
        self.tally.update()

    def told(self, what: str) -> str:
        """What happened to it, and the end of what the writers said."""
        said = self._log.read_text(errors="replace").splitlines()[-_SAID:]
        return "\n".join([f"writer {self.load.writer}: {what}; the writers said:", *said])

    def put_away(self) -> None:
        """Leave no process behind, whatever happened."""
        os.killpg(self._parent.pid, signal.SIGKILL)
        self._parent.wait()
        for pipe in (self._parent.stdin, self._parent.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def _log(self) -> Path:
        return Path(self.load.folder, "writers.log")

    def _say(self, line: str) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.write(f"{line}\n".encode())

    def _hear(self) -> str:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline().decode()
        if not line:
            raise WritersError(self.told("its parent is gone"))
        return line.strip()

    def _has_spoken(self) -> bool:
        assert self._parent.stdout is not None
        return bool(select.select([self._parent.stdout], [], [], 0)[0])

    def _end(self, said: str) -> None:
        word, _, code = said.partition(" ")
        if word != "ended":
            raise WritersError(self.told(f"said {said!r}"))
        self._code = int(code)


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
            writer.signal(signal.SIGTERM)
        for writer in self.each:
            writer.await_quiet()
        for writer in self.each:
            writer.read_to_the_end()
        for writer in self.each:
            writer.await_end()


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
