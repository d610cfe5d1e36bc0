"""Checking that the stored history was not changed: every hash again, and the file that holds them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ledger.attesting.note import VerifierKey
from ledger.attesting.seals import UnmetSeal, unmet_seals
from ledger.verify import BrokenLink, LogReport, verify
from runledger.attesting import checked_against
from runledger.stored import DamagedFileError, stored_ledger
from schemas.streams import CONTROL


def verified(
    location: str, progress: Callable[[int], None], attestation: str | None = None, keys: Sequence[VerifierKey] = ()
) -> dict[str, Any]:
    """What checking the ledger.db of a workspace came to, against an attestation too if there is one.

    Raises what `stored_ledger` does for what is not there, and what `checked_against` does for
    what is no attestation.
    """
    seals: list[UnmetSeal] = []
    against = None
    try:
        with stored_ledger(location) as database:
            reports = verify(database, progress)
            # The chains say nothing about SQLite's own indexes, by which the events are found.
            (pages,) = database.reading().execute("PRAGMA integrity_check(1)").fetchone()
            if all(report.broken is None for report in reports):
                seals = list(unmet_seals(database))
            if attestation is not None:
                against = checked_against(database, attestation, keys, progress)
    except DamagedFileError as error:
        return _result([], str(error), seals, against)
    if CONTROL not in {report.log for report in reports}:
        return _result(reports, "the file does not say any more which log it holds", seals, against)
    return _result(reports, None if pages == "ok" else f"the file is damaged: {pages}", seals, against)


def _result(
    reports: list[LogReport], damage: str | None, seals: list[UnmetSeal], against: dict[str, Any] | None
) -> dict[str, Any]:
    whole = damage is None and all(report.broken is None for report in reports)
    attested = against is None or not against["differences"]
    return {
        "intact": whole and attested and not seals,
        "damage": damage,
        "logs": [_as_document(report) for report in reports],
        "seals": [asdict(seal) | {"text": str(seal)} for seal in seals],
        "attestation": against,
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
