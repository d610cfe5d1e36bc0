"""Noting on the host of a process that it writes no more: another host cannot find out."""

from pathlib import Path

from ledger.journal.folder import writer_folders
from ledger.tracking.watching import PROCESSES
from ledger.watchdog.alive import is_gone


def mark_gone(journals: Path) -> None:
    """Mark the journals of workers that have ended without a word, as far as it can be known here."""
    for folder in writer_folders(journals):
        identity = folder.identity()
        if identity is None or not identity.offline or identity.begun_by is not None or folder.is_marked_ended():
            continue
        if is_gone(identity.of_writer()):
            folder.mark_ended("a process beside it")


def note_end(process: Path) -> bool:
    """Mark the journals of a process that has ended, and whose verdict lies in its folder of evidence.

    Answer whether there were any.
    """
    journals = process.parent.parent
    if process.parent.name != PROCESSES:
        return False
    found = False
    for folder in writer_folders(journals):
        identity = folder.identity()
        if identity is not None and identity.process is not None and Path(identity.process).name == process.name:
            folder.mark_ended("its watchdog")
            found = True
    mark_gone(journals)
    return found
