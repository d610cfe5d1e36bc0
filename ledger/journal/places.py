"""Where the journals of a workspace lie."""

import os
from collections.abc import Mapping
from pathlib import Path
from re import sub
from urllib.parse import urlsplit
from zlib import crc32

JOURNALS = "journals"
OFFLINE = "offline"
UNNAMED = "any"
"""The folder of what was noted for no workspace in particular."""


def journals_of(location: str, folder: Path | None, environment: Mapping[str, str]) -> Path:
    """The folder for journals of a workspace.

    `RUNLEDGER_JOURNAL_DIR` comes first, then the workspace's own `folder`, then the user's state
    folder; outside the workspace each location has a folder of its own.
    """
    named = environment.get("RUNLEDGER_JOURNAL_DIR")
    if named:
        return Path(named).expanduser().absolute() / _name(location)
    if folder is not None:
        return folder / JOURNALS
    state = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "runledger" / _name(location)


def offline_journals(location: str, environment: Mapping[str, str]) -> Path:
    """The folder for journals of a process without a ledger; `location` is empty where no workspace is named."""
    return offline_home(environment) / (_name(location) if location else UNNAMED)


def offline_home(environment: Mapping[str, str]) -> Path:
    """Where offline journals lie: in `RUNLEDGER_JOURNAL_DIR`, else in the user's state folder."""
    named = environment.get("RUNLEDGER_JOURNAL_DIR")
    if named:
        return Path(named).expanduser().absolute()
    state = environment.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "runledger" / OFFLINE


def fallbacks(journals: Path) -> tuple[Path, ...]:
    """Where a journal may lie: where it should, then where there is room if it cannot."""
    from tempfile import gettempdir  # noqa: PLC0415 - what it loads, few processes need

    user = os.getuid() if hasattr(os, "getuid") else "user"
    return (journals, Path(gettempdir()) / f"runledger-{user}" / JOURNALS)


def _name(location: str) -> str:
    """A name that people recognise and no other location has."""
    parts = urlsplit(location)
    words = sub(r"[^A-Za-z0-9]+", "-", f"{parts.netloc}{parts.path}").strip("-")[-60:]
    return f"{words}-{crc32(location.encode(errors='surrogateescape')):08x}"
