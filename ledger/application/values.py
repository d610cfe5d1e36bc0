"""The values log: batches appended at most once, and the seal over what a run logged."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from ledger.application.handling import Caller
from ledger.application.turns import Turns
from ledger.domain.names import check_run_id
from ledger.domain.seal import sealed
from ledger.errors import (
    BadValueError,
    ConflictError,
    LimitExceededError,
    LostRaceError,
    NewerHistoryError,
    RunNotFoundError,
)
from ledger.logs.genesis import rfc3339
from ledger.logs.log import Log, chain, prev_of
from ledger.store.database import Database, Recorded
from ledger.store.fold import Head
from schemas.events import RunLoggedEvent, Seal, SealedWriter
from schemas.events.logged import Scalar
from schemas.events.values import Series
from schemas.limits import Limits
from schemas.records import Envelope
from schemas.registry import decode, is_newer
from schemas.streams import VALUES, run_stream, values_stream, values_streams

_ATTEMPTS = 20
_MICROSECONDS = 1_000_000


class Values:
    """Appends batches: of a point that is sent again, by whomever, one copy is kept."""

    def __init__(
        self,
        values: Log,
        control: Log,
        database: Database,
        *,
        now: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> None:
        """Append to the values log of runs that the control log has."""
        self._log = values
        self._control = control
        self._database = database
        self._now = now
        self._limits = limits or Limits()
        self._turns = Turns()

    def append(self, run_id: str, batch: RunLoggedEvent, occurred_at: int | None, caller: Caller) -> int:
        """Append what is new in a batch, and answer with the place from which all of it can be read.

        `occurred_at` is in microseconds since 1970 UTC.

        Raises:
            RunNotFoundError: no such run.
            LimitExceededError: the batch is larger than batches may be.
            ConflictError: the batch does not follow what its writer logged before.
            UnavailableError: the log cannot be reached; `UnknownOutcomeError` when it is in doubt.
        """
        check_run_id(run_id, self._limits)
        _check_batch(batch, self._limits)
        self.check_run(run_id)
        stream = values_stream(run_id, batch.writer)
        with self._turns.of(stream):
            for attempt in range(_ATTEMPTS):
                try:
                    return self._append(stream, batch, occurred_at, caller)
                except LostRaceError:
                    self._log.catch_up()
                except ConflictError:
                    # Another server may have taken batches of this writer that have not arrived here yet.
                    if attempt:
                        raise
                    self._log.catch_up()
        raise ConflictError(f"{stream} was changed by others {_ATTEMPTS} times in a row; try again")

    def shipped(self, run_id: str, writer: str) -> int:
        """The last journal index that the ledger has of a writer, 0 for none."""
        self._log.catch_up()
        found = self._last(values_stream(run_id, writer))
        return _logged(found).last if found else 0

    def seal(self, run_id: str) -> Seal:
        """What a run has logged up to now."""
        self._log.catch_up()
        heads = self._database.heads_of(values_streams(run_id))
        writers = [self._sealed_writer(stream, head) for stream, head in heads.items()]
        return sealed(writers, self._last_values(heads), self._limits.seal_bytes)

    def _append(self, stream: str, batch: RunLoggedEvent, occurred_at: int | None, caller: Caller) -> int:
        found = self._last(stream)
        last = _logged(found).last if found else 0
        if found and batch.last <= last:
            return found.place
        if batch.first > last + 1:
            raise ConflictError(
                f"writer {batch.writer} has logged up to {last} and this batch begins at {batch.first}: what lies "
                f"between is missing; send from {last + 1} on"
            )
        head = Head(found.envelope.seq, found.hash) if found else None
        event = _behind(batch, last)
        moment = self._now() if occurred_at is None else datetime.fromtimestamp(occurred_at / _MICROSECONDS, UTC)
        envelope = Envelope(
            stream=stream,
            seq=head.seq + 1 if head else 1,
            prev=prev_of(head),
            id=f"{event.writer}.{event.first}-{event.last}"[-256:],
            source=caller.source,
            type=event.type_name(),
            time=rfc3339(moment),
            actor=caller.actor,
            value=self._database.cipher.value_of(stream, head.seq + 1 if head else 1, event),
        )
        return self._log.append(chain(self._log.id, [envelope]))[-1]

    def check_run(self, run_id: str) -> None:
        """Raise RunNotFoundError if there is no such run."""
        if self._database.head(run_stream(run_id)) is None:
            self._control.catch_up()
            if self._database.head(run_stream(run_id)) is None:
                raise RunNotFoundError(run_id)

    def _last(self, stream: str) -> Recorded | None:
        found = self._database.stream_events(stream, log=VALUES, descending=True, limit=1)
        return found[0] if found else None

    def _sealed_writer(self, stream: str, head: Head) -> SealedWriter:
        found = self._last(stream)
        event = self._database.event(found.envelope) if found else None
        last = event.last if isinstance(event, RunLoggedEvent) else 0
        return SealedWriter(writer=stream.split(":", 2)[2], last=last, seq=head.seq, hash=head.hash.hex())

    def _last_values(self, streams: Iterable[str]) -> dict[str, Scalar]:
        """The last value of each metric that has values, in the order of first use."""
        found: dict[str, tuple[int, Scalar]] = {}
        for stream in streams:
            for recorded in self._database.stream_events(stream, log=VALUES):
                event = self._database.event(recorded.envelope)
                _check_not_newer(recorded)
                for series in event.series if isinstance(event, RunLoggedEvent) else ():
                    if series.values and series.times[-1] >= found.get(series.name, (0, None))[0]:
                        found[series.name] = (series.times[-1], series.values[-1])
        return {name: value for name, (_, value) in found.items()}


def _logged(recorded: Recorded) -> RunLoggedEvent:
    # For its indices alone: no text of it is read.
    event = decode(recorded.envelope.type, recorded.envelope.value)
    if not isinstance(event, RunLoggedEvent):
        _check_not_newer(recorded)
        raise ConflictError(
            f"{recorded.envelope.stream} ends in an event that this version of runledger cannot read "
            f"({recorded.envelope.type}); use a newer one"
        )
    return event


def _check_not_newer(recorded: Recorded) -> None:
    if is_newer(recorded.envelope.type):
        raise NewerHistoryError(recorded.envelope.stream, recorded.envelope.type, recorded.place)


def _check_batch(batch: RunLoggedEvent, limits: Limits) -> None:
    rows = sum(len(series.index) for series in batch.series)
    # One call may bring a whole table, so a batch can be larger by that one.
    if rows > 2 * limits.points_per_batch:
        raise LimitExceededError(f"a batch holds {rows:,} points and {limits.points_per_batch:,} are allowed; split it")
    for series in batch.series:
        if not series.name.strip() or len(series.name) > limits.metric_name_length:
            raise BadValueError(
                f"a metric name has 1 to {limits.metric_name_length:,} characters: {series.name[:40]!r}"
            )
        if len(series.columns or ()) > limits.columns:
            raise LimitExceededError(f"{series.name!r} has more than {limits.columns:,} columns")


def _behind(batch: RunLoggedEvent, last: int) -> RunLoggedEvent:
    """What of a batch lies behind a journal index."""
    if batch.first == last + 1:
        return batch
    series = [kept for each in batch.series if (kept := _rest(each, last)) is not None]
    return batch.model_copy(update={"first": last + 1, "series": series})


def _rest(series: Series, last: int) -> Series | None:
    kept = [place for place, index in enumerate(series.index) if index > last]
    if not kept:
        return None
    return series.model_copy(
        update={
            "index": [series.index[place] for place in kept],
            "times": [series.times[place] for place in kept],
            "steps": series.steps and [series.steps[place] for place in kept],
            "values": series.values and [series.values[place] for place in kept],
            "columns": series.columns and {key: [cells[p] for p in kept] for key, cells in series.columns.items()},
        }
    )
