"""Whether a process of this host sees to the end of a run, as its journal tells."""

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from ledger.journal.folder import Identity, WriterFolder, writer_folders
from ledger.journal.locks import release
from ledger.watchdog.alive import ProcessIdentity, is_gone
from ledger.watchdog.folder import PROCESS, EvidenceFolder


class Whereabouts(Enum):
    """Where the process is that began a run."""

    ALIVE = "it is alive on this host"
    DEAD = "it has died on this host, and its journal lies here"
    NOT_HERE = "no journal here is of it"


def whereabouts(journals: Iterable[Path], location: str, run_id: str) -> Whereabouts:
    """What the journals of this host say of the process that began a run."""
    found = [_is_alive(folder, identity) for folder, identity in _begun(journals, location, run_id)]
    if not found:
        return Whereabouts.NOT_HERE
    return Whereabouts.ALIVE if any(found) else Whereabouts.DEAD


def _begun(journals: Iterable[Path], location: str, run_id: str) -> Iterator[tuple[WriterFolder, Identity]]:
    for place in journals:
        for folder in writer_folders(place):
            identity = folder.identity()
            if identity is None or identity.begun_by is None:
                continue
            if (identity.location, identity.run_id) == (location, run_id):
                yield folder, identity


def _is_alive(folder: WriterFolder, identity: Identity) -> bool:
    lock = folder.take_alive()
    if lock is not None:
        release(lock)
        return False
    # Its watchdog holds the lock while it sees to the end.
    process = EvidenceFolder(Path(identity.process)).read(PROCESS) if identity.process is not None else None
    known = (process or {}).get("process")
    return not (isinstance(known, dict) and is_gone(ProcessIdentity.from_json(known)))
