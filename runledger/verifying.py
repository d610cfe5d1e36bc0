"""Checking that the stored history was not changed: every hash again, the file that holds them, and the topics."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from sqlite3 import OperationalError
from typing import Any

from ledger.attesting.note import VerifierKey
from ledger.attesting.seals import UnmetSeal, unmet_seals
from ledger.store.database import Database
from ledger.verify import BrokenLink, LogReport, one_moment, verify
from runledger.attesting import checked_against
from runledger.bookmark import Bookmark
from runledger.comparing import compared, read_from
from runledger.stored import DamagedFileError, stored_ledger
from schemas.streams import CONTROL, LogName

_INSTRUCTIONS = 1_000_000


class Step(StrEnum):
    """What is being done: each counts something of its own."""

    EVENTS = "events"
    FILE = "file"
    SEALS = "seals"
    ATTESTATION = "attestation"
    TOPICS = "topics"


Told = Callable[[Step, int, int | None], None]
"""Told of a step how much is done, and of how much, where that is known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a ledger is held against: an attestation, by keys, and the topics at an address.

    With a `bookmark` the check can be gone on with where it is stopped; `resume` is to go on from there.
    """

    attestation: str | None = None
    keys: Sequence[VerifierKey] = ()
    topics: str | None = None
    bookmark: Bookmark | None = None
    resume: bool = False


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    damage: str | None = None
    reports: list[LogReport] = field(default_factory=list)
    seals: list[UnmetSeal] = field(default_factory=list)
    attestation: dict[str, Any] | None = None
    topics: dict[str, Any] | None = None
    resumed: bool = False

    def check(self, database: Database, asked: Asked, told: Told) -> None:
        self._check_chains(database, asked, told)
        # The chains say nothing about SQLite's own indexes, by which the events are found.
        pages = _of_pages(database, told)
        ends = _ends(database)
        if all(report.broken is None for report in self.reports):
            self._check_seals(database, asked.bookmark, lambda done: told(Step.SEALS, done, ends.get(CONTROL)))
        if asked.attestation is not None:
            self.attestation = checked_against(
                database, asked.attestation, asked.keys, lambda done, total: told(Step.ATTESTATION, done, total)
            )
        if asked.topics is not None:
            with one_moment(database.reading()):
                total = sum(ends.values())
                progress = partial(_tell, told, Step.TOPICS, total)
                self.topics = compared(database, self.reports, asked.topics, progress, asked.bookmark)
        if CONTROL not in {report.log for report in self.reports}:
            self.damage = "the file does not say any more which log it holds"
        elif pages != "ok":
            self.damage = f"the file is damaged: {pages}"

    def _check_chains(self, database: Database, asked: Asked, told: Told) -> None:
        total, mark = sum(_ends(database).values()), asked.bookmark
        if mark is None:
            self.reports = verify(database, lambda done: told(Step.EVENTS, done, total))
            return
        self.resumed = mark.begin(database.identities(), resume=asked.resume)
        known = {name: dict(marks) for name, marks in mark.known.items()}
        self.reports = verify(database, lambda done: told(Step.EVENTS, done, total), known=known, keep=mark.keep)

    def _check_seals(self, database: Database, mark: Bookmark | None, told: Callable[[int], None]) -> None:
        def progress(position: int) -> None:
            told(position)
            if mark is not None and not self.seals:
                mark.keep_sealed(position)

        for seal in unmet_seals(database, progress, after=mark.sealed if mark is not None else 0):
            self.seals.append(seal)

    def document(self) -> dict[str, Any]:
        whole = self.damage is None and not self.seals and all(report.broken is None for report in self.reports)
        attested = self.attestation is None or not self.attestation["differences"]
        return {
            "intact": whole and attested and (self.topics is None or self.topics["intact"]),
            "resumed": self.resumed,
            "damage": self.damage,
            "logs": [_as_document(report) for report in self.reports],
            "seals": [asdict(seal) | {"text": str(seal)} for seal in self.seals],
            "attestation": self.attestation,
            "topics": self.topics,
        }


def verified(location: str, told: Told, asked: Asked = Asked()) -> dict[str, Any]:
    """What checking the ledger.db of a workspace came to, beside what it is held against.

    Raises what `stored_ledger` does for what is not there, what `checked_against` does for what is no
    attestation, RefusedError for a bookmark of another ledger, and UnavailableError if no broker answers.
    """
    found = _Found()
    try:
        with stored_ledger(location, at_one_moment=False) as database:
            found.check(database, asked, told)
    except DamagedFileError as error:
        found.reports, found.damage = [], str(error)
    document = found.document()
    if asked.bookmark is not None and document["intact"]:
        asked.bookmark.forget()
    return document


def verified_topics(topics: str, told: Told, asked: Asked) -> dict[str, Any]:
    """What the topics of a ledger hold by themselves; raises what `read_from` does, and `checked_against`."""
    found = _Found()
    with read_from(topics, lambda done: told(Step.TOPICS, done, None)) as (database, damage):
        found.check(database, asked, told)
    found.damage = found.damage or damage
    return found.document()


def _tell(told: Told, step: Step, total: int, done: int) -> None:
    told(step, done, total)


def _ends(database: Database) -> dict[LogName, int]:
    """About how many events each log has: how far it was read."""
    return {
        name: sum(database.progress(name, number).next_offset for number in range(identity.partitions))
        for name, identity in database.identities().items()
    }


def _of_pages(database: Database, told: Told) -> str:
    """What SQLite says of the file's pages and indexes, "ok" if nothing is wrong."""
    connection, done = database.reading(), 0
    raised: list[BaseException] = []

    def tell() -> int:
        nonlocal done
        done += 1
        try:
            told(Step.FILE, done, None)
        except BaseException as error:  # noqa: BLE001 - SQLite would swallow it
            raised.append(error)
        return len(raised)

    connection.set_progress_handler(tell, _INSTRUCTIONS)
    try:
        return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _as_document(report: LogReport) -> dict[str, Any]:
    return {
        "log": report.log,
        "log_id": report.log_id,
        "events": report.events,
        "known_events": report.known,
        "streams": report.streams,
        "voids": report.voids,
        "running_hash": report.running,
        "intact": report.broken is None,
        "broken": None if report.broken is None else _broken_document(report.broken),
    }


def _broken_document(broken: BrokenLink) -> dict[str, Any]:
    return asdict(broken) | {"text": str(broken)}
