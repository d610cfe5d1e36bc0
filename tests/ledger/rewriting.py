"""An adversary who computes every hash anew: a ledger.db written again from records that were changed."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ledger.attesting.seals import seal_in
from ledger.store.database import Database, LogIdentity
from ledger.store.fold import NO_RUNNING, Arrival, Head, Partition, Progress, fold
from ledger.store.tables import place_of
from schemas.records import Envelope
from schemas.streams import CONTROL, VALUES, LogName, key_of


class Kept(NamedTuple):
    """An event as the adversary has it before him."""

    log: LogName
    recorded_at: int
    envelope: Envelope

    def value(self) -> dict[str, Any]:
        return dict(json.loads(self.envelope.value))

    def with_value(self, **changed: object) -> "Kept":
        value = json.dumps(self.value() | changed, separators=(",", ":")).encode()
        return self._replace(envelope=self.envelope._replace(value=value))


Change = Callable[[list[Kept]], Sequence[Kept]]


def rewrite(file: Path, change: Change, *, seals: bool = True) -> None:
    """Put a ledger.db in the place of this one that holds what was changed, every chain whole, seals too if wanted."""
    with closing(Database(file, durable=False)) as old:
        identities = old.identities()
        kept = list(change([each for name in (VALUES, CONTROL) for each in _events(old, name)]))
    for leftover in file.parent.glob("ledger.db*"):
        leftover.unlink()
    with closing(Database(file, durable=False)) as new:
        sealed = _write(new, identities[VALUES], [each for each in kept if each.log == VALUES], {})
        _write(new, identities[CONTROL], [each for each in kept if each.log == CONTROL], sealed if seals else {})


def _events(database: Database, log: LogName) -> list[Kept]:
    genesis = database.recorded(log, place_of(0, 0))
    assert genesis is not None
    events = [genesis, *database.events_after(0, log=log, limit=10_000)]
    return [Kept(log, event.recorded_at, event.envelope) for event in events]


def _write(database: Database, identity: LogIdentity, kept: list[Kept], sealed: dict[str, Head]) -> dict[str, Head]:
    heads: dict[str, Head] = {}
    partition = Partition(identity.name, identity.id)
    progress = Progress(0, 0, NO_RUNNING)
    with database.writing() as connection:
        database.identify(connection, identity)
        for offset, each in enumerate(kept):
            head = heads.get(each.envelope.stream)
            seq = each.envelope.seq if head is None and each.envelope.seq == 0 else (head.seq if head else 0) + 1
            chained = _sealed_anew(each, sealed).envelope._replace(seq=seq, prev=head.hash.hex() if head else "")
            arrival = Arrival(offset, each.recorded_at, chained.record())
            folded = fold([arrival], partition=partition, progress=progress, head=heads.get)
            assert not folded.voids
            database.store(connection, partition, folded)
            heads |= folded.heads
            progress = folded.progress
    return heads


def _sealed_anew(kept: Kept, heads: dict[str, Head]) -> Kept:
    """Where a seal names values that were changed too, the adversary changes the seal."""
    seal = seal_in(kept.envelope.value)
    if seal is None or not heads:
        return kept
    run_id = key_of(kept.envelope.stream)
    writers = []
    for writer in seal["writers"]:
        head = heads.get(f"values:{run_id}:{writer['writer']}")
        if head is not None:
            writers.append(writer | {"seq": head.seq, "hash": head.hash.hex()})
    return kept.with_value(seal=seal | {"writers": writers})
