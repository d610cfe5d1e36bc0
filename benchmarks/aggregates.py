"""A command to a run that has few or many events, against loading the run from all of them."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.events import now, tag_links
from benchmarks.result import Result, median_seconds
from ledger.application.application import LedgerApplication
from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import StartRun, TagRun, new_command_id
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from schemas.streams import CONTROL, run_stream

NOTES = """
A server keeps the aggregates of streams of 50 events and more in memory and reads what is new of them
([adr/0054](adr/0054-long-aggregates-are-kept.md)). Beside it stands what each command paid before, and what the first
one of a process pays now. Nothing is synced to the disk here.
"""

_LENGTHS = (10, 1_000, 10_000)
_COMMANDS = 20
_ROUNDS = 5
_AT_ONCE = 500
_GOAL = 5.0
_CALLER = Caller(actor="bench", source="//bench/runledger")
_STREAM = run_stream("long")


def run() -> list[Result]:
    """The median of tagging a run again and again, and of loading it."""
    return [_measured(length) for length in _LENGTHS]


def _measured(length: int) -> Result:
    with _recorder() as recorder:
        ledger = Ledger(recorder, now=now)
        _make_long(ledger, recorder, length)
        loading = 1_000 * median_seconds(lambda: LedgerApplication(recorder).load(_STREAM), _ROUNDS)
        tagging = 1_000 * median_seconds(lambda: _tag(ledger), _COMMANDS)
    name, goal = f"a tag on a run of {length:,} events", f"≤ {_GOAL:.0f} ms"
    return Result(name, tagging, "ms", loading, "ms, loading it anew", goal, tagging <= _GOAL)


def _tag(ledger: Ledger) -> None:
    ledger.handle(TagRun(run_id="long", tags={"quality": new_command_id()}), _CALLER)


@contextmanager
def _recorder() -> Iterator[LedgerRecorder]:
    with tempfile.TemporaryDirectory() as folder, closing(Database(Path(folder) / "l.db", durable=False)) as database:
        log = open_sqlite_log(database, CONTROL, source="//bench", actor="bench", now=now)
        yield LedgerRecorder(log, database)


def _make_long(ledger: Ledger, recorder: LedgerRecorder, length: int) -> None:
    ledger.handle(StartRun(run_id="long", experiment="bench"), _CALLER)
    while (head := recorder.database.head(_STREAM)) is not None and head.seq < length:
        count = min(_AT_ONCE, length - head.seq)
        recorder.log.append(tag_links(recorder.log.id, _STREAM, head.seq + 1, head.hash.hex(), count))
