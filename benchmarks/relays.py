"""Relays that count, each a process of its own: ours, and Postfix's `smtp-sink`."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

_ROOT = Path(__file__).resolve().parent.parent
_COUNT = re.compile(rb"mesg=(\d+)")
_NOTED = re.compile(rb"at=([0-9.]+) (.*)")
_LOOK_SECONDS = 0.01
_ELSEWHERE_SECONDS = 5.0
SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Where Debian's package postfix put it, if it did."""


class Relay:
    """A relay that takes everything, and tells how much it took."""

    def __init__(self, name: str, port: int, output: int) -> None:
        """It listens on a port of loopback and writes `mesg=N` to a descriptor that does not block."""
        self.name = name
        self.port = port
        self.taken = 0
        self.noted: list[tuple[float, str]] = []
        self._output = output
        self._rest = b""

    def wait(self, count: int, seconds: float) -> float:
        """When so many mails were taken, by `perf_counter`; raises RuntimeError if they are not."""
        deadline = perf_counter() + seconds
        while self._read() < count:
            if perf_counter() > deadline:
                raise RuntimeError(f"{self.name} took {self.taken} of {count} mails")
            sleep(_LOOK_SECONDS)
        return perf_counter()

    def taken_elsewhere(self, count: int) -> None:
        """So many more were taken that nobody waited for; raises RuntimeError if they were not."""
        self.wait(self.taken + count, _ELSEWHERE_SECONDS)

    def _read(self) -> int:
        try:
            self._rest += os.read(self._output, 1 << 20)
        except BlockingIOError:
            return self.taken
        *lines, self._rest = re.split(rb"[\r\n]", self._rest)
        found = _COUNT.findall(b"\n".join(lines))
        self.taken = int(found[-1]) if found else self.taken
        self.noted += [(float(when), subject.decode()) for when, subject in _NOTED.findall(b"\n".join(lines))]
        return self.taken


@contextmanager
def counting(milliseconds: float = 0.0, *, subjects: bool = False) -> Iterator[Relay]:
    """Our own; it answers so much later. With `subjects` it notes when each mail was taken."""
    command = [sys.executable, "-m", "benchmarks.counting_sink", str(milliseconds), *(["subjects"] if subjects else [])]
    with _running(command) as output:
        port = b""
        while not port.endswith(b"\n"):
            port += os.read(output, 1)
        os.set_blocking(output, False)
        yield Relay("our counting sink", int(port), output)


@contextmanager
def smtp_sink() -> Iterator[Relay]:
    """Postfix's; it answers at once."""
    if SMTP_SINK is None:
        raise RuntimeError("smtp-sink is not installed")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with _running([SMTP_SINK, "-c", "-m", "4096", *user, f"127.0.0.1:{port}", "4096"]) as output:
        os.set_blocking(output, False)
        until_listening(port)
        yield Relay("smtp-sink", port, output)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until_listening(port: int, seconds: float = 20.0) -> None:
    """Return when somebody answers at a port; raises OSError if nobody does."""
    deadline = perf_counter() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if perf_counter() > deadline:
                raise
            sleep(0.02)
        else:
            return


@contextmanager
def _running(command: list[str]) -> Iterator[int]:
    reading, writing = os.pipe()
    with subprocess.Popen(command, cwd=_ROOT, stdout=writing, stderr=subprocess.DEVNULL) as process:
        os.close(writing)
        try:
            yield reading
        finally:
            process.terminate()
            os.close(reading)
