"""Recognising an append that was accepted before: a repeat is answered, not refused."""

from collections.abc import Sequence

from ledger.logs.log import Link
from ledger.store.database import Database
from schemas.streams import LogName


def earlier_places(database: Database, log: LogName, links: Sequence[Link]) -> list[int] | None:
    """The places of these very records, or None if they are not (all) accepted."""
    first, last = links[0].envelope, links[-1].envelope
    stored = database.stream_events(first.stream, log=log, after_seq=first.seq - 1, upto_seq=last.seq)
    if [event.hash for event in stored] == [link.hash for link in links]:
        return [event.place for event in stored]
    return None
