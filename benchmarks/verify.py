"""Verifying and attesting a ledger, each against the same SELECT with one hash call a row."""

import tempfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from benchmarks.events import now, tag_links
from benchmarks.result import Result, interleaved
from ledger.attesting.attestation import attestation_of
from ledger.attesting.tree import event_leaf
from ledger.links import select_rows
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from ledger.verify import Mark, verify
from schemas.streams import LogName

_RUNS = 8_000
_EVENTS = 12
_LEAVES = "SELECT place, recorded_at, hash FROM control_events ORDER BY place"


def run() -> list[Result]:
    """About 100 thousand events."""
    with tempfile.TemporaryDirectory() as folder, closing(Database(Path(folder) / "l.db", durable=False)) as database:
        _fill(database)
        rate, floor = interleaved(lambda: _verify(database), lambda: _hash_rows(database))
        again = _go_on(database)
        attested, leaves = interleaved(lambda: _attest(database), lambda: _hash_leaves(database))
    return [
        Result("verify", rate, "events/s", floor, "rows/s, one hash each", "ratio ≥ 0.50", rate >= 0.5 * floor),
        Result("verify, gone on with at the end: the links again", again, "events/s"),
        Result("attest", attested, "events/s", leaves, "rows/s, one hash each"),
    ]


def _fill(database: Database) -> None:
    log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
    for number in range(_RUNS):
        log.append(tag_links(log.id, f"run:{number}", 1, "", count=_EVENTS))


def _verify(database: Database) -> float:
    began = perf_counter()
    report = verify(database)[0]
    if report.broken is not None:
        raise ValueError(str(report.broken))
    return report.events / (perf_counter() - began)


def _go_on(database: Database) -> float:
    """Of a check that was stopped behind the last event."""
    marks: dict[LogName, dict[int, Mark]] = {}
    verify(database, keep=lambda log, partition, mark: marks.setdefault(log, {}).update({partition: mark}))
    began = perf_counter()
    report = verify(database, known=marks)[0]
    if report.known != report.events:
        raise ValueError(f"{report.events - report.known} events were checked anew")
    return report.events / (perf_counter() - began)


def _attest(database: Database) -> float:
    began = perf_counter()
    attested = attestation_of(database)
    return attested.size / (perf_counter() - began)


def _hash_leaves(database: Database) -> float:
    began = perf_counter()
    rows = 0
    for place, recorded_at, record_hash in database.reading().execute(_LEAVES):
        sha256(event_leaf(place, recorded_at, record_hash)).digest()
        rows += 1
    return rows / (perf_counter() - began)


def _hash_rows(database: Database) -> float:
    began = perf_counter()
    rows = 0
    for row in database.reading().execute(select_rows("control"), (0, 1 << 40)):
        sha256(row[8]).digest()
        rows += 1
    return rows / (perf_counter() - began)
