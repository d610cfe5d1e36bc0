"""Journals as processes of other hosts left them."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ledger.journal.folder import Identity, WriterFolder, new_writer
from ledger.journal.writer import JournalWriter
from ledger.watchdog.alive import ProcessIdentity


def journal_of(
    journals: Path, run_id: str, of: ProcessIdentity, *, begun_by: str | None = "c", **more: Any
) -> tuple[WriterFolder, Identity]:
    """A journal of that process, which nobody holds the lock of."""
    writer = new_writer(run_id)
    identity = Identity.of_process(run_id, writer, "", begun_by, None, offline=True)
    identity = replace(identity, **asdict(of), **more)
    JournalWriter(WriterFolder(journals / writer), identity).close()
    return WriterFolder(journals / writer), identity


def here() -> ProcessIdentity:
    return ProcessIdentity.of(os.getpid())


def elsewhere() -> ProcessIdentity:
    return replace(here(), host="node7", boot_id="another")


def gone() -> ProcessIdentity:
    """One of this host whose number another process has by now."""
    mine = here()
    assert mine.start_time is not None
    return replace(mine, start_time=mine.start_time - 1)
