"""What it costs to encrypt personal text: a command, a projection, and erasing one run among many."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.events import now
from benchmarks.result import Result, median_seconds
from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import ChangeStatus, StartRun, TagRun, new_command_id
from ledger.commands.privacy import EncryptPersonal, NoteErased
from ledger.feed import Feed
from ledger.logs.sqlite import open_sqlite_log
from ledger.privacy.cipher import KeyCipher
from ledger.privacy.folder import KeyFolder
from ledger.privacy.named import named_store
from ledger.store.database import Database
from projections.answers import PROJECTIONS
from projections.forgetting import scrub
from projections.runner import catch_up
from projections.sqlite.view import SqliteView
from schemas.statuses import RunStatus
from schemas.streams import CONTROL, run_stream

NOTES = """
Nothing is synced to the disk here, in neither column, so that the difference is seen: in truth a command waits for that
too, and the first one of a run twice, once for its key. A view holds 3 events a run. Erasing is what `runledger erase`
does to the views: the run's rows anew, and the file written anew; the second grows with the file.
"""

_RUNS = 4_000
_COMMANDS = 300
_CALLER = Caller(actor="bench", source="//bench/runledger")


class _Made(NamedTuple):
    ledger: Ledger
    feed: Feed
    view: SqliteView
    keys: KeyFolder


def run() -> list[Result]:
    """Encrypted, against the same in the clear."""
    with _without_waiting(), _made(encrypts=True) as encrypted, _made(encrypts=False) as plain:
        results = [_command(encrypted, plain)]
        for made in (encrypted, plain):
            _fill(made)
        results.append(_projecting(encrypted, plain))
        return [*results, _erasing(encrypted)]


def _command(encrypted: _Made, plain: _Made) -> Result:
    def seconds(made: _Made) -> float:
        made.ledger.handle(StartRun(run_id="long", experiment="bench"), _CALLER)
        return 1e6 * median_seconds(lambda: made.ledger.handle(_tag("long"), _CALLER), _COMMANDS)

    found, floor = seconds(encrypted), seconds(plain)
    return Result("tagging a run, encrypted", found, "µs", floor, "µs, in the clear", "≤ 1.5", found <= 1.5 * floor)


def _projecting(encrypted: _Made, plain: _Made) -> Result:
    def rate(made: _Made) -> float:
        began, before = perf_counter(), 0
        for projection in PROJECTIONS:
            before += catch_up(made.view, projection, made.feed)
        return before / (perf_counter() - began)

    found, floor = rate(encrypted), rate(plain)
    return Result(
        "filling all views, encrypted", found, "events/s", floor, "events/s, in the clear", "≥ 0.5", found >= floor / 2
    )


def _erasing(made: _Made) -> Result:
    began = perf_counter()
    made.keys.destroy(run_stream("r5"))
    made.ledger.handle(NoteErased(stream=run_stream("r5"), keys=[]), _CALLER)
    for projection in PROJECTIONS:
        catch_up(made.view, projection, made.feed)
    scrub(made.view)
    size = made.view.path.stat().st_size / 1e6
    name = f"erasing one of {_RUNS:,} runs"
    return Result(name, perf_counter() - began, "s", size, "MB, the file of the views", None, None)


def _fill(made: _Made) -> None:
    for number in range(_RUNS):
        run_id = f"r{number}"
        started = StartRun(
            run_id=run_id, experiment="bench", display_name=f"run {number}", tags={"team": f"t{number % 9}"}
        )
        ended = ChangeStatus(run_id=run_id, status=RunStatus.COMPLETED, reason="all epochs done")
        for command in (started, _tag(run_id), ended):
            made.ledger.handle(command, _CALLER)


def _tag(run_id: str) -> TagRun:
    return TagRun(run_id=run_id, tags={"quality": new_command_id()})


@contextmanager
def _made(*, encrypts: bool) -> Iterator[_Made]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = KeyFolder(folder / "keys")
        cipher = KeyCipher(keys)
        with (
            closing(Database(folder / "ledger.db", durable=False, cipher=cipher)) as database,
            closing(SqliteView(folder / "views.db")) as view,
        ):
            log = open_sqlite_log(database, CONTROL, source="//bench", actor="bench", now=now)
            ledger = Ledger(LedgerRecorder(log, database), now=now)
            cipher.serve(log.id, lambda: named_store(database, log.id))
            if encrypts:
                keys.prepare()
                ledger.handle(EncryptPersonal(store=keys.id), _CALLER)
            yield _Made(ledger, Feed(log.id, database), view, keys)


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Let no key wait for the disk: how long that takes says something about the disk alone."""
    sync = os.fsync
    os.fsync = lambda fd: None  # noqa: ARG005
    try:
        yield
    finally:
        os.fsync = sync
