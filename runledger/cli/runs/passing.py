"""A command as a process of ours: what it writes passes through, and signals to us go to it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, BinaryIO, NamedTuple

from schemas.limits import Limits

FORWARDED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
_PART_BYTES = 65_536
_DRAIN_SECONDS = 2.0
_LOOK_SECONDS = 0.2
_NOT_FOUND, _NOT_RUNNABLE = 127, 126


class Tail:
    """The last lines of what is written, as a person saw them; threads may share it."""

    def __init__(self, lines: int = Limits().log_lines, length: int = Limits().log_line_length) -> None:
        """Keep so many lines, and of each so many characters."""
        self._length = length
        self._lines: deque[str] = deque(maxlen=lines)
        self._lock = threading.Lock()

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        with self._lock:
            return list(self._lines)

    def feeder(self) -> "_Feeder":
        """Where the bytes of one stream go."""
        return _Feeder(self)

    def add(self, line: bytes) -> None:
        """Add a line; of a progress bar that was drawn over, what it was at last."""
        text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace").replace("\0", "\ufffd")
        with self._lock:
            self._lines.append(text[: self._length])


class _Feeder:
    """The lines of one stream, from parts that are cut anywhere."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._rest = b""

    def feed(self, part: bytes) -> None:
        *lines, rest = (self._rest + part).split(b"\n")
        for line in lines:
            self._tail.add(line)
        # A line without an end must not fill the memory.
        self._rest = rest if len(rest) < _PART_BYTES else rest[-_PART_BYTES // 2 :]

    def end(self) -> None:
        if self._rest:
            self._tail.add(self._rest)
        self._rest = b""


class Ended(NamedTuple):
    """How a command ended: its exit code as a shell tells it, the signal that ended it, and whether we sent that."""

    exit_code: int
    signal: int | None = None
    forwarded: bool = False
    problem: str | None = None


def pass_through(
    command: Sequence[str],
    environment: Mapping[str, str],
    tail: Tail,
    is_canceled: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run a command to its end; it gets SIGTERM once `is_canceled`.

    One that cannot be started has 127 or 126, as in a shell.
    """
    with _forwarding() as forwarding:
        try:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUNNABLE
            return Ended(code, problem=f"{command[0]} cannot be started: {error.strerror}")
        forwarding.begin(process)
        threading.Thread(target=forwarding.watch, args=(process, is_canceled), daemon=True).start()
        readers = [_reader(process.stdout, sys.stdout.buffer, tail), _reader(process.stderr, sys.stderr.buffer, tail)]
        code = process.wait()
        for reader in readers:
            # Who was started by the command may hold its output open for long.
            reader.join(_DRAIN_SECONDS)
        return _ended(code, forwarding.sent)


def _ended(code: int, sent: set[int]) -> Ended:
    if code < 0:
        return Ended(128 - code, -code, -code in sent)
    if code - 128 in sent:  # a shell tells so of its child
        return Ended(code, code - 128, forwarded=True)
    return Ended(code)


class _Forwarding:
    """Sends signals on, also those that came before the process was there."""

    def __init__(self) -> None:
        self.sent: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        for number in [*self.sent]:
            self._send(process, number)

    def take(self, number: int, _: FrameType | None) -> None:
        self.sent.add(number)
        if self._process is not None and not (number == signal.SIGINT and _is_in_foreground()):
            self._send(self._process, number)

    def watch(self, process: "subprocess.Popen[bytes]", is_canceled: Callable[[], bool]) -> None:
        while process.returncode is None:
            if is_canceled():
                self.take(signal.SIGTERM, None)
                return
            time.sleep(_LOOK_SECONDS)

    def _send(self, process: "subprocess.Popen[bytes]", number: int) -> None:
        with suppress(OSError):
            process.send_signal(number)


@contextmanager
def _forwarding() -> Iterator[_Forwarding]:
    forwarding = _Forwarding()
    if threading.current_thread() is not threading.main_thread():
        yield forwarding
        return
    before = {number: signal.signal(number, forwarding.take) for number in FORWARDED}
    try:
        yield forwarding
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _is_in_foreground() -> bool:
    """Whether a terminal sends Ctrl-C to the command itself, since it sends it to all in its foreground."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _reader(source: IO[bytes] | None, target: BinaryIO, tail: Tail) -> threading.Thread:
    assert source is not None  # noqa: S101 - we asked for a pipe
    reader = threading.Thread(target=_copy, args=(source, target, tail.feeder()), daemon=True)
    reader.start()
    return reader


def _copy(source: IO[bytes], target: BinaryIO, feeder: _Feeder) -> None:
    try:
        while part := os.read(source.fileno(), _PART_BYTES):
            feeder.feed(part)
            target.write(part)
            target.flush()
    except (OSError, ValueError):
        # Nobody reads our output any more: the command shall find that out as if it wrote there itself.
        pass
    finally:
        feeder.end()
        source.close()
