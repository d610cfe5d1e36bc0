"""Is what the seals of ended runs name still in the values log?"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger.store.database import Database, Recorded
from ledger.store.tables import place_of
from schemas.events import RunStatusChangedEvent
from schemas.streams import VALUES, key_of, partition_of, values_stream

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class UnmetSeal:
    """A run that ended at a position, and what is missing or different of a writer's values."""

    run_id: str
    position: int
    writer: str
    what: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"run {self.run_id}, ended at position {self.position}: {self.what}"


def seal_in(value: bytes) -> dict[str, Any] | None:
    """The seal in the raw value of an event, if it has one."""
    try:
        found = json.loads(value).get("seal")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def unmet_seals(
    database: Database, progress: Callable[[int], None] = lambda _: None, *, after: int = 0
) -> Iterator[UnmetSeal]:
    """Every sealed writer whose values are not there as its run's end names them, of seals behind a position.

    `progress` is told up to which position it is so, once what was found before is taken. Writers that a
    seal names by one digest alone are not checked, nor those whose partition was not read up to the time
    of the seal.
    """
    place = after
    types = RunStatusChangedEvent.type_names()
    while events := database.events_after(place, limit=_BATCH, types=types):
        for event in events:
            yield from _unmet(database, event)
        place = events[-1].place
        progress(place)


def _unmet(database: Database, event: Recorded) -> Iterator[UnmetSeal]:
    seal = seal_in(event.envelope.value)
    if seal is None:
        return
    run_id = key_of(event.envelope.stream)
    for writer in seal.get("writers", ()):
        stream = values_stream(run_id, writer["writer"])
        found = database.stream_events(stream, log=VALUES, after_seq=writer["seq"] - 1, upto_seq=writer["seq"])
        if not found and not _was_read(database, stream, event.recorded_at):
            continue
        if not found:
            what = f"its values up to number {writer['seq']} of writer {writer['writer']} are missing"
        elif found[0].hash.hex() != writer["hash"]:
            what = f"its values of writer {writer['writer']} are not those that were sealed"
        else:
            continue
        yield UnmetSeal(run_id, event.place, writer["writer"], what)


def _was_read(database: Database, stream: str, recorded_at: int) -> bool:
    """Whether what was logged before a time must be in the file by now."""
    partition = partition_of(stream, database.identities()[VALUES].partitions)
    return database.holds(VALUES, place_of(partition, 0)) and (
        database.progress(VALUES, partition).recorded_at >= recorded_at
    )
