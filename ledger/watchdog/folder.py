"""The folder in which a process leaves evidence, and the watchdog its verdict."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ledger.watchdog import memory
from ledger.watchdog.verdict import Ending, Evidence, Parent, Raised

PROCESS = "process.json"
EXCEPTION = "exception.json"
EXITED = "exited.json"
EXIT_CODE = "exit_code"
DUMP = "stack.txt"
ENDING = "ending.json"
RELEASED = "released"
"""Says that nothing is left to be done after the process's end."""
TROUBLE = "trouble.txt"
"""What went wrong in the watchdog itself."""

_INT_BYTES = 4
_DUMP_BYTES = 100_000


class EvidenceFolder:
    """The files of one process; what is missing or half-written reads as None."""

    def __init__(self, path: Path) -> None:
        """Name it; nothing is touched."""
        self.path = path

    def claim(self, content: Mapping[str, Any]) -> bool:
        """Say whose folder it is; False if that was said before. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with (self.path / PROCESS).open("x", encoding="utf-8") as file:
                json.dump(content, file)
        except FileExistsError:
            return False
        return True

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a file whole or not at all; raises OSError."""
        partial = self.path / f"{name}.{os.getpid()}.partial"
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(self.path / name)

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of a file that `write` wrote."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def evidence(self, kernel: tuple[int, str] | None = None, exit_code: int | None = None) -> Evidence:
        """What is known of the process: its files, with what others know of it.

        `kernel` is a raw wait status and where it was read.
        """
        process, exited = self.read(PROCESS) or {}, self.read(EXITED)
        memory_file = process.get("oom_file")
        return Evidence(
            kernel_status=kernel[0] if kernel else None,
            kernel_source=kernel[1] if kernel else None,
            exit_code=self._exit_code() if exit_code is None else exit_code,
            exception=_raised(self.read(EXCEPTION)),
            last_exception_at_exit=_raised((exited or {}).get("exception")),
            interpreter_exited=exited is not None,
            dump=self._dump(),
            oom_kills_before=process.get("oom_kills"),
            oom_kills_after=memory.kills(Path(memory_file)) if memory_file else None,
            parent=_parent(process.get("parent")),
        )

    def write_ending(self, ending: Ending, evidence: Evidence, ended_at: float) -> None:
        """Keep the verdict beside what it was made from; `ended_at` in seconds since 1970 UTC. Raises OSError."""
        content = {"ending": asdict(ending), "ended_at": ended_at, "evidence": asdict(evidence)}
        self.write(ENDING, content)

    def ending(self) -> tuple[Ending, float] | None:
        """The verdict, and when the process ended in seconds since 1970 UTC."""
        content = self.read(ENDING)
        try:
            return None if content is None else (Ending(**content["ending"]), float(content["ended_at"]))
        except (KeyError, TypeError, ValueError):
            return None

    def _exit_code(self) -> int | None:
        """The code, if one process wrote one: copies of it made by C code write there too."""
        try:
            content = (self.path / EXIT_CODE).read_bytes()
        except OSError:
            return None
        return exit_code_of(content)

    def _dump(self) -> str | None:
        try:
            with (self.path / DUMP).open("rb") as file:
                content = file.read(_DUMP_BYTES)
        except OSError:
            return None
        if not content:
            return None
        from schemas.limits import UNSTORABLE  # noqa: PLC0415 - most processes leave no stack

        return UNSTORABLE.sub("\ufffd", content.decode(errors="replace"))


def exit_code_of(content: bytes) -> int | None:
    """The exit code that the C library wrote; None if it is not exactly one."""
    order: Literal["little", "big"] = sys.byteorder
    return int.from_bytes(content, order, signed=True) if len(content) == _INT_BYTES else None


def _raised(content: object) -> Raised | None:
    try:
        return Raised(**content) if isinstance(content, dict) else None
    except TypeError:
        return None


def _parent(content: object) -> Parent | None:
    try:
        return Parent(**content) if isinstance(content, dict) else None
    except TypeError:
        return None
