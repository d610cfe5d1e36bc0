"""The ledger as an eventsourcing application, reading and writing through one recorder."""

from collections.abc import Iterable
from typing import Any, cast

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from ledger.application.keeping import Kept
from ledger.application.mapper import LedgerMapper
from ledger.application.recorder import LedgerRecorder
from ledger.domain.aggregate import Decided, LedgerAggregate
from schemas.events import PersonalDataErasedEvent


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Hands out the one recorder it was made with."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        """Take the recorder that the composition root made."""
        super().__init__(Environment(LedgerApplication.name, {}))
        self._recorder = recorder

    def application_recorder(self) -> ApplicationRecorder:
        """The recorder."""
        return self._recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """None other than the recorder itself: no snapshots are kept."""
        raise NotImplementedError(f"no recorder for {purpose}")

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> TrackingRecorder:
        """None: projections keep their checkpoints with their views."""
        raise NotImplementedError("projections keep their own checkpoints")

    def process_recorder(self) -> ProcessRecorder:
        """None: nothing here processes events into events."""
        raise NotImplementedError("the ledger has no process recorder")


class LedgerApplication(Application[str]):
    """Loads and saves aggregates; one loaded instance makes one append."""

    name = "runledger"

    def __init__(self, recorder: LedgerRecorder, kept: Kept | None = None) -> None:
        """Build on a recorder that is ready; `kept` is where long aggregates are kept."""
        self._recorder = recorder
        self._kept = kept or Kept()
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:
        """An empty one: the process environment is read by the composition root alone."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:  # noqa: ARG002 - the library's seam
        """The factory around the recorder."""
        return LedgerFactory(self._recorder)

    def construct_mapper(self) -> Mapper[str]:
        """Our own mapper, which owns names and bytes."""
        return LedgerMapper(self._recorder.database.cipher)

    def load(self, stream: str) -> LedgerAggregate:
        """The aggregate as its accepted events make it, or a blank one."""
        database = self._recorder.database
        kept = self._kept.get(stream, database.head(stream), database.cipher.changed())
        if kept is None:
            return self._loaded(stream)
        known = kept.version
        for event in self.events.get(stream, gt=known):
            decided = cast("Decided", event)
            if decided.originator_version == known + 1 and decided.prev != kept.head_hash:
                return self._loaded(stream)  # another history than the one that was kept
            if isinstance(decided.body, PersonalDataErasedEvent):
                return self._loaded(stream)  # what was kept has text that is no more
            decided.mutate(kept)
        if kept.version > known:
            self._kept.put(kept)
        return kept

    def _loaded(self, stream: str) -> LedgerAggregate:
        try:
            found: LedgerAggregate = self.repository.get(stream, projector_func=_folded)
        except AggregateNotFoundError:
            return LedgerAggregate.blank(stream)
        self._kept.put(found)
        return found

    def append(self, aggregate: LedgerAggregate) -> int:
        """Append what was decided and answer with the position of its last event.

        The instance is spent afterwards, whatever came of it.
        """
        try:
            recordings = self.save(aggregate)
        except BaseException as error:
            aggregate.poison(f"its last append failed ({error})")
            raise
        aggregate.poison("it was saved")
        return recordings[-1].notification.id


def _folded(aggregate: LedgerAggregate | None, events: Iterable[Decided]) -> LedgerAggregate | None:
    # As the library's own projector, which asks of each event whether it is one: a third of the time of loading.
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate
