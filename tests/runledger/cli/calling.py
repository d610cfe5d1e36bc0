"""Ways to call the command: in this process, in one of its own, and on a terminal."""

import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.workspace.mounts import MOUNTS
from runledger.cli import main

SECONDS = 60
COMMAND = (sys.executable, "-m", "runledger")


@dataclass(frozen=True)
class Called:
    """What a call came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result."""
        return json.loads(self.out)


def call(*words: object, mounts: Path = MOUNTS) -> Called:
    """Call the command in this process; its output is no terminal."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words], mounts=mounts)
    return Called(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def process(*words: object, **environment: str) -> Called:
    """Call the command in a process of its own."""
    command = [*COMMAND, *(str(word) for word in words)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, timeout=SECONDS, check=False
    )
    return Called(done.returncode, done.stdout, done.stderr)


def terminal(*words: object, columns: int = 100, environment: Mapping[str, str] | None = None) -> Called:
    """Call the command on a terminal that many columns wide; stderr is the terminal too."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    variables = os.environ | {"TERM": "xterm-256color"} | dict(environment or {})
    variables.pop("COLUMNS", None)
    command = [*COMMAND, *(str(word) for word in words)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables) as running:
        os.close(theirs)
        shown = _read_all(ours)
        code = running.wait(SECONDS)
    return Called(code, shown.decode().replace("\r\n", "\n"), "")


def _read_all(terminal: int) -> bytes:
    shown = b""
    with open(terminal, "rb", buffering=0) as stream:
        while True:
            try:
                part = stream.read(65536)
            except OSError:  # Linux says so when the other side is closed
                return shown
            if not part:
                return shown
            shown += part
