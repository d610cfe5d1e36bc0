"""Checking that the stored history was not changed: every hash again, and the file that holds them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ledger.verify import BrokenLink, LogReport, verify
from runledger.stored import DamagedFileError, stored_ledger
from schemas.streams import CONTROL


def verified(location: str, progress: Callable[[int], None]) -> dict[str, Any]:
    """What checking the ledger.db of a workspace came to; raises what `stored_ledger` does for what is not there."""
    try:
        with stored_ledger(location) as database:
            reports = verify(database, progress)
            # The chains say nothing about SQLite's own indexes, by which the events are found.
            (pages,) = database.reading().execute("PRAGMA integrity_check(1)").fetchone()
    except DamagedFileError as error:
        return _result([], str(error))
    if CONTROL not in {report.log for report in reports}:
        return _result(reports, "the file does not say any more which log it holds")
    return _result(reports, None if pages == "ok" else f"the file is damaged: {pages}")


def _result(reports: list[LogReport], damage: str | None) -> dict[str, Any]:
    intact = damage is None and all(report.broken is None for report in reports)
    return {"intact": intact, "damage": damage, "logs": [_as_document(report) for report in reports]}


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
