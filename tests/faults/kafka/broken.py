"""Builds that are broken on purpose, each by one check that is left out: the checker must notice every one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ledger.logs.kafka import log, tail
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.log import Link, chain, prev_of
from ledger.store import fold
from ledger.store.fold import Head
from schemas.records import NO_PREVIOUS, Envelope
from schemas.streams import partition_of


def _by_number_alone(envelope: Envelope, head: Head | None) -> bool:
    return envelope.seq == head.seq + 1 if head else envelope.prev == NO_PREVIOUS and envelope.seq in {0, 1}


def _without_prev() -> None:
    """Readers accept what has the next number, whatever it stands on."""
    _replace(tail, "fold", partial(fold.fold, rule=_by_number_alone))


def _without_partition() -> None:
    """Writers send some records to another partition than their stream's, and readers accept them."""
    turns = iter(range(1 << 62))
    _replace(
        log, "partition_of", lambda stream, partitions: (partition_of(stream, partitions) + next(turns)) % partitions
    )
    _replace(fold, "_check_place", lambda *_: None)


def _without_carried() -> None:
    """Writers look up at the append what they name as its predecessor, instead of what they decided on."""
    append = KafkaLog.append

    async def append_behind_the_head(self: KafkaLog, links: Sequence[Link], **options: float) -> list[int]:
        head = self._tail.head(links[0].envelope.stream)
        first = head.seq + 1 if head else 1
        moved = [link.envelope._replace(seq=first + index, prev=prev_of(head)) for index, link in enumerate(links)]
        return await append(self, chain(self.id, moved), **options)

    _replace(KafkaLog, "append", append_behind_the_head)


BROKEN: Mapping[str, Callable[[], None]] = {
    "prev": _without_prev,
    "partition": _without_partition,
    "carried hash": _without_carried,
}


def break_it(without: str) -> None:
    """Leave out one check in this process; the empty name leaves out none."""
    if without:
        BROKEN[without]()


def _replace(owner: Any, name: str, other: object) -> None:
    assert hasattr(owner, name)
    setattr(owner, name, other)
