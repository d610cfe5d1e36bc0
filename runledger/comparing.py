"""A server's ledger.db beside its topics, for the command line; and what topics hold by themselves."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ledger.errors import UnavailableError
from ledger.store.database import Database
from ledger.verify import LogReport
from runledger.bookmark import Bookmark
from runledger.locating import folder_of
from runledger.settings import resolve

if TYPE_CHECKING:
    from ledger.logs.kafka.reading import TopicReader

Told = Callable[[int], None]

_KAFKA = "kafka://"


def topics_of(location: str) -> str | None:
    """The address of the topics that a workspace is a replica of; None if its log is its own file."""
    folder = folder_of(location)
    if not folder.config.is_file():
        return None
    address = resolve(os.environ, folder.settings())["log"].value or ""
    return address if address.startswith(_KAFKA) else None


def compared(
    database: Database, reports: Sequence[LogReport], topics: str, progress: Told, mark: Bookmark | None = None
) -> dict[str, Any]:
    """What comparing a ledger.db, whose chains were checked, with its topics came to; with a bookmark from there on.

    Raises:
        UnavailableError: no broker answers at the address.
    """
    reader = _reader(topics)
    from ledger.logs.kafka.comparing import compare  # noqa: PLC0415 - as in _reader

    try:
        if mark is None:
            report = compare(database, reports, reader, progress)
        else:
            known = {name: dict(offsets) for name, offsets in mark.begin_comparing(topics).items()}
            report = compare(database, reports, reader, progress, known=known, keep=mark.keep_compared)
    except UnavailableError as error:
        raise UnavailableError(f"{error} --replica-only checks ledger.db without its topics.") from error
    return {
        "address": topics,
        "intact": report.intact,
        "wrong": report.wrong,
        "compared": report.compared,
        "known": report.known,
        "unread": report.unread,
        "differences": [asdict(each) | {"text": str(each)} for each in report.differences],
        "more": report.more,
    }


@contextmanager
def read_from(topics: str, progress: Told) -> Iterator[tuple[Database, str | None]]:
    """A ledger.db made of topics alone, to be thrown away, and what is damaged in them.

    Raises:
        LogRefusedError: a topic is gone, or is no ledger's.
        UnavailableError: no broker answers at the address.
    """
    reader = _reader(topics)
    from ledger.logs.kafka.comparing import fill  # noqa: PLC0415 - as in _reader

    with (
        TemporaryDirectory(prefix="runledger-verify-") as folder,
        closing(Database(Path(folder) / "ledger.db", durable=False)) as database,
    ):
        damages = fill(database, reader, progress)
        yield database, "; ".join(damages) or None


def _reader(topics: str) -> "TopicReader":
    from ledger.logs.kafka.address import parse_address  # noqa: PLC0415 - only who names topics needs it

    address = parse_address(topics)
    try:
        from ledger.logs.kafka.reading import TopicReader  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UnavailableError(f"{address} needs the Kafka client: pip install 'runledger[kafka]'") from error
    return TopicReader(address)
