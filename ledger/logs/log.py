"""What a log can do, whichever system keeps it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ledger.store.fold import Head
from schemas.errors import LedgerError
from schemas.records import NO_PREVIOUS, Envelope

Told = Callable[[int, int], None]
"""Is told how many records were read, of how many."""


class Link(NamedTuple):
    """An event that is ready to append: its envelope names its predecessor, its hash is known."""

    envelope: Envelope
    hash: bytes


class Figures(NamedTuple):
    """How far a process is behind a log, and what its reader and writer did; an embedded log is never behind.

    `seconds` is how long ago the end of the log was known to be read here; `replacements` counts the producers that
    were dropped after an error, those of both logs together.
    """

    lag: int = 0
    seconds: float = 0.0
    batches: int = 0
    records: int = 0
    replacements: int = 0


def chain(log_id: str, envelopes: Sequence[Envelope]) -> list[Link]:
    """Link the events of one append: the first keeps its `prev`, each other follows the one before."""
    links: list[Link] = []
    for envelope in envelopes:
        linked = envelope._replace(prev=links[-1].hash.hex()) if links else envelope
        links.append(Link(linked, linked.hash(log_id)))
    return links


def prev_of(head: Head | None) -> str:
    """What the next event of a stream names as its predecessor."""
    return NO_PREVIOUS if head is None else head.hash.hex()


class Log(Protocol):
    """One of a workspace's two logs, as seen by a writer and by a reader who must be up to date."""

    @property
    def id(self) -> str:
        """The id from the genesis."""

    def append(self, links: Sequence[Link]) -> list[int]:
        """Append the events of one stream, all or none, and answer with their places.

        Raises:
            LostRaceError: the first event does not follow the stream's head (any more).
            TooLargeError: the append does not fit into one batch; nothing was sent.
            UnavailableError: nothing was stored.
            UnknownOutcomeError: no answer before the deadline; the same command id finds out.
        """

    def catch_up(self, told: Told | None = None) -> None:
        """Return when all that was in the log at the call is in ledger.db; `told` hears now and then how far it is.

        Raises:
            UnavailableError: the log cannot be read on.
        """

    def stopped(self) -> LedgerError | None:
        """Why nothing may be appended until somebody put it right; None while all is well."""

    def figures(self) -> Figures:
        """How far this process is behind; asks nobody."""

    def close(self) -> None:
        """Stop and give back what is held; calling it again does nothing."""
