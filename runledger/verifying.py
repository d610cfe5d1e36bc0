"""Checking that the stored history was not changed: every hash again, the file that holds them, and the topics."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ledger.attesting.note import VerifierKey
from ledger.attesting.seals import UnmetSeal, unmet_seals
from ledger.store.database import Database
from ledger.verify import BrokenLink, LogReport, verify
from runledger.attesting import checked_against
from runledger.comparing import compared, read_from
from runledger.stored import DamagedFileError, stored_ledger
from schemas.streams import CONTROL

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a ledger is held against: an attestation, by keys, and the topics at an address."""

    attestation: str | None = None
    keys: Sequence[VerifierKey] = ()
    topics: str | None = None


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    damage: str | None = None
    reports: list[LogReport] = field(default_factory=list)
    seals: list[UnmetSeal] = field(default_factory=list)
    attestation: dict[str, Any] | None = None
    topics: dict[str, Any] | None = None

    def check(self, database: Database, asked: Asked, progress: Told, comparing: Told) -> None:
        self.reports = verify(database, progress)
        # The chains say nothing about SQLite's own indexes, by which the events are found.
        (pages,) = database.reading().execute("PRAGMA integrity_check(1)").fetchone()
        if all(report.broken is None for report in self.reports):
            self.seals = list(unmet_seals(database))
        if asked.attestation is not None:
            self.attestation = checked_against(database, asked.attestation, asked.keys, progress)
        if asked.topics is not None:
            self.topics = compared(database, self.reports, asked.topics, comparing)
        if CONTROL not in {report.log for report in self.reports}:
            self.damage = "the file does not say any more which log it holds"
        elif pages != "ok":
            self.damage = f"the file is damaged: {pages}"

    def document(self) -> dict[str, Any]:
        whole = self.damage is None and not self.seals and all(report.broken is None for report in self.reports)
        attested = self.attestation is None or not self.attestation["differences"]
        return {
            "intact": whole and attested and (self.topics is None or self.topics["intact"]),
            "damage": self.damage,
            "logs": [_as_document(report) for report in self.reports],
            "seals": [asdict(seal) | {"text": str(seal)} for seal in self.seals],
            "attestation": self.attestation,
            "topics": self.topics,
        }


def verified(
    location: str,
    progress: Told,
    asked: Asked = Asked(),
    comparing: Told = lambda _: None,
) -> dict[str, Any]:
    """What checking the ledger.db of a workspace came to, beside what it is held against.

    Raises what `stored_ledger` does for what is not there, what `checked_against` does for what is no
    attestation, and UnavailableError if no broker answers; `comparing` is told how far the topics are.
    """
    found = _Found()
    try:
        with stored_ledger(location) as database:
            found.check(database, asked, progress, comparing)
    except DamagedFileError as error:
        found.reports, found.damage = [], str(error)
    return found.document()


def verified_topics(topics: str, progress: Told, asked: Asked) -> dict[str, Any]:
    """What the topics of a ledger hold by themselves; raises what `read_from` does, and `checked_against`."""
    found = _Found()
    with read_from(topics, progress) as (database, damage):
        found.check(database, asked, lambda _: None, lambda _: None)
    found.damage = found.damage or damage
    return found.document()


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
