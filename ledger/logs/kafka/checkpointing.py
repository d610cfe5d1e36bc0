"""SQLite's write-ahead log is moved into ledger.db beside the commits, so that no append waits for the disk."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ledger.errors import UnavailableError
from ledger.store.database import Database

_SECONDS = 0.5


async def keep_checkpointing(database: Database) -> None:
    """Every half second, in a thread of its own, until cancelled.

    A commit that did it itself would sync the file to the disk: one append in two hundred waited 5 to 20 ms.
    """
    database.leave_checkpoints()
    with ThreadPoolExecutor(1, "runledger-checkpoint") as thread:
        while True:
            await asyncio.sleep(_SECONDS)
            with suppress(UnavailableError):  # the commits say what is wrong with the disk
                await asyncio.get_running_loop().run_in_executor(thread, database.checkpoint)
