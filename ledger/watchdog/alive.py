"""Which process it was, so that another can tell later whether it is gone."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.watchdog import proc

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process among all that ever were; None stands for what cannot be known here.

    `start_time` counts ticks since the boot that `boot_id` names.
    """

    pid: int
    start_time: int | None
    boot_id: str | None
    pid_namespace: str | None
    host: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity":
        """The identity of a process that runs here now."""
        return cls(pid, proc.start_time(pid), _boot_id(), _pid_namespace(), _host())

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ProcessIdentity":
        """What `asdict` made of one; fields that are unknown here are left out."""
        return cls(**{name: content.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]


def is_gone(identity: ProcessIdentity) -> bool | None:
    """Whether that process has ended; None if it cannot be known from here."""
    if not _was_here(identity):
        return None
    found = proc.stat(identity.pid) if proc.is_ours() else None
    if found is None or identity.start_time is None:
        return _is_absent(identity.pid)
    return proc.has_ended(identity.pid, identity.start_time)


def _was_here(identity: ProcessIdentity) -> bool:
    """Whether its number counted what ours counts: the same host, boot and PID namespace."""
    return (identity.host, identity.boot_id, identity.pid_namespace) == (_host(), _boot_id(), _pid_namespace())


def _is_absent(pid: int) -> bool | None:
    """True if no process has the number; None if one has, for it may be another."""
    if sys.platform == "win32":  # there, the call below ends the process
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return None
    return None


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")


def _boot_id() -> str | None:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _pid_namespace() -> str | None:
    try:
        return os.readlink(_NAMESPACE)  # noqa: PTH115 - only its text is wanted
    except OSError:
        return None
