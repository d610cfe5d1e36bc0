"""Finding what dead processes left: their points are delivered, and their runs end."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeGuard

from ledger.client import Client
from ledger.commands import ChangeStatus, derived_id
from ledger.errors import DeniedError, NotFoundError, RefusedError
from ledger.journal.folder import Identity, WriterFolder, writer_folders
from ledger.journal.locks import release
from ledger.tracking.delivery import Delivery, later_if_denied
from ledger.tracking.watching import Verdict, abandoned, remove, verdict_of
from ledger.watchdog.alive import is_gone
from ledger.watchdog.verdict import Evidence, decide, of_canceled
from ledger.workspace.mounts import network_file_system
from schemas.limits import Limits
from schemas.statuses import TERMINAL, RunStatus

UNDELIVERABLE = "undeliverable"

_UNWATCHED: Verdict = (decide(Evidence()), None)

_log = logging.getLogger(__name__)


def recover(journals: Path, location: str, client: Client, limits: Limits, *, run_id: str | None = None) -> list[str]:
    """Deliver the journals of dead writers of a workspace, and answer with their runs.

    Of a run that the writer had begun and not ended, the end is recorded: Failed, with what is
    known. A journal whose run the ledger does not have is set aside.

    Raises:
        UnavailableError: the ledger cannot be reached; what is left is delivered next time.
    """
    found, processes = [], set()
    try:
        for folder in writer_folders(journals):
            identity = folder.identity()
            if not _is_of(identity, location) or run_id not in {None, identity.run_id}:
                continue
            with _taken_over(folder, identity) as dead:
                if dead and _recover_one(folder, identity, client, limits):
                    found.append(identity.run_id)
                    processes.add(identity.process)
    finally:
        _forget(journals, processes - {None})
    return found


def has_dead_writer(journals: Path, location: str) -> bool:
    """Whether there is anything to recover."""
    for folder in writer_folders(journals):
        identity = folder.identity()
        if _is_of(identity, location):
            with _taken_over(folder, identity) as dead:
                if dead:
                    return True
    return False


def _is_of(identity: Identity | None, location: str) -> TypeGuard[Identity]:
    """Whether a journal waits for this ledger; what was noted offline waits for `runledger sync`."""
    return identity is not None and identity.location == location and not identity.offline


@contextmanager
def _taken_over(folder: WriterFolder, identity: Identity) -> Iterator[bool]:
    """Hold the lock of a writer: it is free once the process is gone."""
    lock = folder.take_alive()
    try:
        # Another process may have recovered it between our look and our lock.
        yield lock is not None and _lock_reaches(folder, identity) and folder.identity() is not None
    finally:
        if lock is not None:
            release(lock)


def _lock_reaches(folder: WriterFolder, identity: Identity) -> bool:
    """Whether a free lock means a dead writer: on a network file system not if it is another host's."""
    return network_file_system(folder.path) is None or is_gone(identity.of_writer()) is not None


def _recover_one(folder: WriterFolder, identity: Identity, client: Client, limits: Limits) -> bool:
    """Deliver a journal and end its run; False if that is left to the watchdog, who is about to."""
    verdict = _UNWATCHED if identity.process is None else verdict_of(identity.process)
    if verdict is None:
        return False
    died_at = folder.last_sign()
    try:
        Delivery(folder, identity, limits, fresh=False).run(client, ended=True)
        if identity.begun_by is not None:
            with later_if_denied():
                end_run(identity, verdict, died_at, client)
    except NotFoundError as error:
        if not folder.is_empty():
            set_aside(folder, error)
            return True
    folder.remove()
    return True


def end_run(identity: Identity, verdict: Verdict, last_sign: float, client: Client, *, presumed: bool = False) -> None:
    """Record the end of a run by its verdict, unless it has ended, or another attempt has begun."""
    run = client.run(identity.run_id)
    # What was presumed without this evidence is corrected by it.
    if run["status"] in TERMINAL and not run.get("presumed"):
        return
    ending, ended_at = verdict
    if run["status"] in {RunStatus.CANCEL_REQUESTED, RunStatus.CANCELED}:
        ending = of_canceled(ending)
    # The clock of files is coarse: a run does not end before it began.
    moment = max(datetime.fromtimestamp(ended_at or last_sign, UTC), datetime.fromisoformat(run["start_time_utc"]))
    where = f" (process {identity.pid} on {identity.host}, last heard of at {moment:%F %T} UTC)"
    error = None if ending.error is None else dict(ending.error) | {"message": f"{ending.message}{where}"}
    try:
        client.execute(
            ChangeStatus(
                command=derived_id(identity.writer, "end"),
                run_id=identity.run_id,
                status=RunStatus(ending.status),
                error=error,
                reason=ending.reason or None,
                certainty=ending.certainty,
                presumed=presumed,
                begun_by=identity.begun_by,
                occurred_at=moment,
            )
        )
    except DeniedError:
        raise
    except RefusedError as refused:
        _log.info("run %s was left as it is: %s", identity.run_id, refused)


def _forget(journals: Path, processes: set[str | None]) -> None:
    """Delete the evidence of processes that no journal speaks of any more."""
    known = {identity.process for folder in writer_folders(journals) if (identity := folder.identity()) is not None}
    for process in {*processes, *abandoned(journals)} - known:
        if process is not None:
            remove(process)


def set_aside(folder: WriterFolder, error: NotFoundError) -> Path:
    """Move a journal that cannot be delivered to where nobody tries again, and answer with the place."""
    aside = folder.path.parent / UNDELIVERABLE
    aside.mkdir(exist_ok=True)
    target = aside / folder.path.name
    _log.warning("%s: the journal of its values is kept in %s", error, target)
    folder.path.rename(target)
    return target
