"""Noting on the host of a process that it writes no more: another host cannot find out."""

from collections.abc import Iterable
from pathlib import Path

from ledger.journal.folder import Identity, WriterFolder, writer_folders
from ledger.tracking.watching import PROCESSES
from ledger.watchdog.alive import is_gone


def mark_gone(journals: Iterable[tuple[WriterFolder, Identity]]) -> None:
    """Mark those of workers that have ended without a word, as far as it can be known here."""
    for folder, identity in journals:
        is_worker = identity.offline and identity.begun_by is None
        if is_worker and not folder.is_marked_ended() and is_gone(identity.of_writer()):
            folder.mark_ended("a process beside it")


def note_end(process: Path) -> bool:
    """Mark the journals of a process that has ended, and whose verdict lies in its folder of evidence.

    Answer whether there were any.
    """
    journals = process.parent.parent
    if process.parent.name != PROCESSES:
        return False
    folders = list(writer_folders(journals))
    found = [(folder, identity) for folder in folders if (identity := folder.identity()) is not None]
    own = [folder for folder, identity in found if identity.process and Path(identity.process).name == process.name]
    for folder in own:
        folder.mark_ended("its watchdog")
    mark_gone(found)
    return bool(own)
