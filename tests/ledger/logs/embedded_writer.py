"""A process that writes to one embedded workspace: file, number of this process, number of commands."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.commands import StartRun, TagRun
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def main(file: str, number: str, count: str) -> None:
    """Tag a run of our own and a run that all share, in turns."""
    database = Database(Path(file), durable=True)
    log = open_sqlite_log(database, "control", source="//writer", actor=f"writer {number}", now=now)
    ledger, caller = Ledger(LedgerRecorder(log, database), now=now), Caller(f"writer {number}", "//writer")
    ledger.handle(StartRun(run_id=f"own-{number}", experiment="many"), caller)
    for index in range(int(count)):
        run_id = "shared" if index % 2 else f"own-{number}"
        ledger.handle(TagRun(run_id=run_id, tags={f"{number}-{index}": None}), caller)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
