"""Bringing the values of one run up to date: a few batches a transaction, checkpoints included."""

from collections.abc import Mapping
from typing import NamedTuple

from ledger.errors import LogRefusedError, WorkspaceError
from ledger.store.database import Database, Recorded
from projections.connection import Connection
from projections.metrics import tables
from projections.metrics.folding import Fold
from projections.metrics.source import is_ready, make_tables
from projections.view import View
from schemas.events import Event, OpaqueEvent, RunLoggedEvent
from schemas.streams import VALUES, values_streams

_BEYOND = 1 << 63

Ends = Mapping[str, int]
"""The number of the last event of each stream of a run."""


class Checkpoint(NamedTuple):
    """How far a stream was folded; `skipped` are its events that this program could not read."""

    stream: int
    seq: int = -1
    skipped: int = 0


Checkpoints = dict[str, Checkpoint]


class Portion(NamedTuple):
    """How many events are read at once, and about how many bytes of them make a transaction."""

    events: int = 64
    size: int = 4_000_000


def fill(
    view: View,
    database: Database,
    log_id: str,
    run_id: str,
    *,
    portion: Portion = Portion(),  # noqa: B008 - immutable
) -> Ends:
    """Bring a run up to date with the ledger, and answer with what was folded.

    The write transaction is the lock, and is taken only if something is new.

    Raises:
        LogRefusedError: the view was built from another log, or from more of this one.
        WorkspaceError: the view was built by a newer version of it, or ledger.db is damaged.
    """
    with view.clear_errors():
        if not is_ready(view, view.reading(), log_id):
            with view.writing() as connection:
                _make_ready(view, connection, log_id)
        # Before the ledger is read: then no other process can make the view look ahead of it.
        folded = _checkpoints(view.reading(), run_id)
    with database.clear_errors():
        ends = {stream: head.seq for stream, head in database.heads_of(values_streams(run_id)).items()}
    if not view.others_fill:
        _refuse_shorter(view, folded, ends)
    while _behind(folded, ends):
        folded = _take(view, database, log_id, run_id, ends, portion)
    return ends


def holds(view: View, connection: Connection, log_id: str, run_id: str, ends: Ends) -> bool:
    """Whether the view has a run up to these ends."""
    return is_ready(view, connection, log_id) and not _behind(_checkpoints(connection, run_id), ends)


def _make_ready(view: View, connection: Connection, log_id: str) -> None:
    # Asked again: another process may have made them before the lock was taken.
    if not is_ready(view, connection, log_id):
        make_tables(connection, log_id)


def _checkpoints(connection: Connection, run_id: str) -> Checkpoints:
    rows = connection.execute(tables.SELECT_STREAMS, (run_id,))
    return {name: Checkpoint(*row) for name, *row in rows}


def _behind(folded: Checkpoints, ends: Ends) -> list[str]:
    return [stream for stream, end in ends.items() if stream not in folded or folded[stream].seq < end]


def _refuse_shorter(view: View, folded: Checkpoints, ends: Ends) -> None:
    for stream, checkpoint in folded.items():
        end = ends.get(stream, -1)
        if checkpoint.seq > end:
            raise LogRefusedError(
                f"{view.name} was built up to event {checkpoint.seq} of {stream} and the ledger ends at {end}: an "
                f"older ledger was put in its place. Restore the newer one, or {view.cure}, which is built again."
            )


def _take(view: View, database: Database, log_id: str, run_id: str, ends: Ends, portion: Portion) -> Checkpoints:
    """Fold some of what is new, and answer with the checkpoints behind it."""
    with view.writing() as connection:
        _make_ready(view, connection, log_id)
        folded = _checkpoints(connection, run_id)
        run = _run_number(connection, run_id)
        fold = Fold(connection, run)
        size = 0
        while size < portion.size and (behind := _behind(folded, ends)):
            for recorded in _next_events(database, folded, ends, behind, portion.events):
                stream = recorded.envelope.stream
                checkpoint = folded.get(stream) or _begin_stream(connection, run, stream)
                folded[stream] = _folded(fold, recorded, database.event(recorded.envelope), checkpoint)
                size += len(recorded.envelope.value)
        fold.write()
        rows = [(checkpoint.seq, checkpoint.skipped, checkpoint.stream) for checkpoint in folded.values()]
        connection.executemany(tables.UPDATE_STREAM, rows)
        return folded


def _folded(fold: Fold, recorded: Recorded, event: Event | OpaqueEvent, checkpoint: Checkpoint) -> Checkpoint:
    envelope = recorded.envelope
    if not isinstance(event, RunLoggedEvent):
        fold.skip(envelope.type)
        return checkpoint._replace(seq=envelope.seq, skipped=checkpoint.skipped + 1)
    fold.take(checkpoint.stream, event)
    return checkpoint._replace(seq=envelope.seq)


def _run_number(connection: Connection, run_id: str) -> int:
    row = connection.execute(tables.SELECT_RUN, (run_id,)).fetchone()
    return int((row or connection.execute(tables.INSERT_RUN, (run_id,)).fetchone())[0])


def _begin_stream(connection: Connection, run: int, stream: str) -> Checkpoint:
    return Checkpoint(*connection.execute(tables.INSERT_STREAM, (run, stream)).fetchone())


def _next_events(database: Database, folded: Checkpoints, ends: Ends, behind: list[str], limit: int) -> list[Recorded]:
    """The next events of streams that are behind, in the order of the log, which is one for all of a run's."""
    each = limit // len(behind) + 1
    found: list[Recorded] = []
    upto = _BEYOND
    for stream in behind:
        after = folded[stream].seq if stream in folded else -1
        with database.clear_errors():
            events = database.stream_events(stream, log=VALUES, after_seq=after, upto_seq=ends[stream], limit=each)
        if not events:
            raise WorkspaceError(
                f"{database.path} lacks events of {stream} behind {after} and ends at {ends[stream]}: it is damaged; "
                "restore it from a backup"
            )
        found += events
        if events[-1].envelope.seq < ends[stream]:
            # What other streams have behind this place must wait for what was not read of this one.
            upto = min(upto, events[-1].place)
    return sorted((event for event in found if event.place <= upto), key=lambda event: event.place)
