"""The journals below a folder, each with what is known of it, in the order in which they shall be delivered."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.journal.folder import Identity, WriterFolder, writer_folders
from ledger.offline.standing import Standing, assumed, standing_of
from ledger.tracking.recovery import UNDELIVERABLE
from ledger.tracking.watching import PROCESSES


@dataclass(frozen=True, slots=True)
class Found:
    """A journal, and how it stands."""

    folder: WriterFolder
    identity: Identity
    standing: Standing

    @property
    def begins_run(self) -> bool:
        """Whether its process sees to the end of the run."""
        return self.identity.begun_by is not None


def find_journals(folder: Path, *, assume_ended: bool = False) -> list[Found]:
    """The journals in a folder, or in the folders in it, in the order in which they were begun.

    With `assume_ended`, what nobody can tell of has ended.
    """
    seen = [(each, identity) for each in _writers(folder) if (identity := each.identity()) is not None]
    seen.sort(key=lambda pair: pair[1].opened_at or 0.0)
    identities = [identity for _, identity in seen]
    return [Found(each, identity, _standing(each, identity, identities, assume_ended)) for each, identity in seen]


def _writers(folder: Path) -> Iterator[WriterFolder]:
    yield from writer_folders(folder)
    for inner in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if inner.is_dir() and inner.name not in {PROCESSES, UNDELIVERABLE}:
            yield from writer_folders(Path(inner.path))


def _standing(folder: WriterFolder, identity: Identity, others: Sequence[Identity], assume_ended: bool) -> Standing:
    found = standing_of(folder, identity)
    if not found.unknown:
        return found
    if assume_ended:
        return assumed(folder, identity)
    return _followed(folder, identity, others) or found


def _followed(folder: WriterFolder, identity: Identity, others: Sequence[Identity]) -> Standing | None:
    """That a later attempt of the run began, once this one was silent: so this one was over (ADR 0012)."""
    try:
        silent_since = folder.last_sign()
    except FileNotFoundError:
        return None
    attempts = [other for other in others if other.run_id == identity.run_id and other.begun_by is not None]
    if any((other.opened_at or 0.0) > silent_since for other in attempts):
        return Standing(True, "a later attempt of the run began")
    return None
