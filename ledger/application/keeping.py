"""Aggregates of long streams, kept in memory as they were last loaded, so that only what is new is read (ADR 0054)."""

import threading
from collections import OrderedDict

from ledger.domain.aggregate import LedgerAggregate
from ledger.store.fold import Head

LONG = 50
"""Events from which on an aggregate is kept: fewer are read in a millisecond or two."""

ALL = 200_000
"""Events that all kept aggregates may have together, at about 300 bytes each."""


class Kept:
    """Copies of aggregates, the last used behind; what is handed out or taken in is never the copy itself."""

    def __init__(self, *, long: int = LONG, most: int = ALL) -> None:
        """Keep those of `long` events or more, while together they have at most `most`."""
        self._long, self._most = long, most
        self._found: OrderedDict[str, LedgerAggregate] = OrderedDict()
        self._events = 0
        self._standing: object = None
        self._lock = threading.Lock()

    def get(self, stream: str, head: Head | None, standing: object = None) -> LedgerAggregate | None:
        """The aggregate as it was last loaded, unless the stream's head shows that this was another history.

        With another `standing` of the cipher than at the last call nothing is kept: what was readable may be erased.
        """
        with self._lock:
            if standing != self._standing:
                self._found.clear()
                self._events, self._standing = 0, standing
            kept = self._found.get(stream)
            if kept is None:
                return None
            if (
                head is None
                or head.seq < kept.version
                or (head.seq == kept.version and head.hash.hex() != kept.head_hash)
            ):
                self._drop(stream)
                return None
            self._found.move_to_end(stream)
        return kept.copied()

    def put(self, aggregate: LedgerAggregate) -> None:
        """Keep an aggregate as it is now, which nothing was decided on yet."""
        if not self._long <= aggregate.version <= self._most:
            return
        copy = aggregate.copied()
        with self._lock:
            self._drop(copy.id)
            self._found[copy.id] = copy
            self._events += copy.version
            while self._events > self._most:
                self._drop(next(iter(self._found)))

    def _drop(self, stream: str) -> None:
        dropped = self._found.pop(stream, None)
        if dropped is not None:
            self._events -= dropped.version
