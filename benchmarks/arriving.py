"""Events that arrive while something else is measured: a process of its own appends so many a second.

Run as `python -m benchmarks.arriving WORKSPACE EVENTS_A_SECOND`; it goes on until it is ended, and says each
second how many it has appended.
"""

import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.events import now
from benchmarks.projection import append_run
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from ledger.workspace.folder import FOLDER

EVENTS_A_RUN = 8


def main(place: Path, rate: int) -> None:
    """Append until the end of the process."""
    with closing(Database(place / FOLDER / "ledger.db", durable=False)) as database:
        log = open_sqlite_log(database, "control", source="//bench", actor="bench", now=now)
        began, number, said = perf_counter(), 0, 0.0
        while True:
            append_run(log, number)
            number += 1
            elapsed = perf_counter() - began
            if elapsed - said >= 1:
                said = elapsed
                print(number * EVENTS_A_RUN / elapsed, flush=True)
            sleep(max(number * EVENTS_A_RUN / rate - elapsed, 0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
