"""Checking that the stored history was not changed: every hash again, the file that holds them, and the topics."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ledger.errors import UnavailableError
from ledger.store.database import Database
from ledger.verify import BrokenLink, LogReport, verify
from runledger.locating import folder_of
from runledger.settings import resolve
from runledger.stored import DamagedFileError, stored_ledger
from schemas.streams import CONTROL

if TYPE_CHECKING:
    from ledger.logs.kafka.comparing import TopicsReport
    from ledger.logs.kafka.reading import TopicReader

Progress = Callable[[int], None]


def topics_of(location: str) -> str | None:
    """The address of the topics that a workspace is a replica of; None if its log is its own file."""
    folder = folder_of(location)
    if not folder.config.is_file():
        return None
    address = resolve(os.environ, folder.settings())["log"].value or ""
    return address if address.startswith("kafka://") else None


def verified(
    location: str, progress: Progress, topics: str | None = None, compared: Progress | None = None
) -> dict[str, Any]:
    """What checking the ledger.db of a workspace came to; raises what `stored_ledger` does for what is not there.

    With the address of its `topics` it is compared with them, record by record; `compared` is told how far.

    Raises:
        UnavailableError: no broker answers at the address.
    """
    found = None
    try:
        with stored_ledger(location) as database:
            reports = verify(database, progress)
            # The chains say nothing about SQLite's own indexes, by which the events are found.
            (pages,) = database.reading().execute("PRAGMA integrity_check(1)").fetchone()
            if topics is not None:
                found = _compared(database, reports, topics, compared or progress)
    except DamagedFileError as error:
        return _result([], str(error), found)
    if CONTROL not in {report.log for report in reports}:
        return _result(reports, "the file does not say any more which log it holds", found)
    return _result(reports, None if pages == "ok" else f"the file is damaged: {pages}", found)


def verified_topics(topics: str, progress: Progress) -> dict[str, Any]:
    """What the topics of a ledger hold by themselves: read into a file that is thrown away, and checked there.

    Raises:
        LogRefusedError: a topic is gone, or is no ledger's.
        UnavailableError: no broker answers at the address.
    """
    reader = _reader(topics)
    from ledger.logs.kafka.comparing import fill  # noqa: PLC0415 - as in _reader

    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="runledger-verify-"))
        database = stack.enter_context(closing(Database(Path(folder) / "ledger.db", durable=False)))
        damages = fill(database, reader, progress)
        return _result(verify(database), "; ".join(damages) or None, None)


def _compared(database: Database, reports: list[LogReport], topics: str, progress: Progress) -> dict[str, Any]:
    reader = _reader(topics)
    from ledger.logs.kafka.comparing import compare  # noqa: PLC0415 - as in _reader

    return _topics_document(topics, compare(database, reports, reader, progress))


def _reader(topics: str) -> "TopicReader":
    from ledger.logs.kafka.address import parse_address  # noqa: PLC0415 - only who names topics needs it

    address = parse_address(topics)
    try:
        from ledger.logs.kafka.reading import TopicReader  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UnavailableError(f"{address} needs the Kafka client: pip install 'runledger[kafka]'") from error
    return TopicReader(address)


def _result(reports: list[LogReport], damage: str | None, topics: dict[str, Any] | None) -> dict[str, Any]:
    intact = damage is None and all(report.broken is None for report in reports)
    intact = intact and (topics is None or topics["intact"])
    return {"intact": intact, "damage": damage, "logs": [_as_document(report) for report in reports], "topics": topics}


def _topics_document(address: str, report: "TopicsReport") -> dict[str, Any]:
    return {
        "address": address,
        "intact": report.intact,
        "wrong": report.wrong,
        "compared": report.compared,
        "unread": report.unread,
        "differences": [asdict(each) | {"text": str(each)} for each in report.differences],
        "more": report.more,
    }


def _as_document(report: LogReport) -> dict[str, Any]:
    return {
        "log": report.log,
        "log_id": report.log_id,
        "events": report.events,
        "streams": report.streams,
        "voids": report.voids,
        "running_hash": report.running,
        "intact": report.broken is None,
        "broken": None if report.broken is None else _broken_document(report.broken),
    }


def _broken_document(broken: BrokenLink) -> dict[str, Any]:
    return asdict(broken) | {"text": str(broken)}
