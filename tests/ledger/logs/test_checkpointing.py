"""Commits leave the write-ahead log to a thread beside them."""

import asyncio
from contextlib import closing, suppress
from pathlib import Path

from ledger.logs.kafka.checkpointing import keep_checkpointing
from ledger.store.database import Database


def _rows(database: Database, first: int, count: int) -> None:
    for number in range(first, first + count):
        with database.writing() as connection:
            connection.execute("INSERT INTO logs VALUES (?, ?, 1)", (f"log {number}", "x" * 3000))


def test_what_is_committed_is_moved_into_the_file_beside_the_commits(tmp_path: Path) -> None:
    async def run() -> None:
        with closing(Database(tmp_path / "ledger.db", durable=False)) as database:
            task = asyncio.create_task(keep_checkpointing(database))
            await asyncio.sleep(0)
            _rows(database, 0, 600)  # twice as many pages as a commit would leave by itself
            by_commits = (tmp_path / "ledger.db").stat().st_size
            for _ in range(600):
                await asyncio.sleep(0.1)
                if (tmp_path / "ledger.db").stat().st_size > by_commits:
                    break
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

            assert by_commits < 100_000 < (tmp_path / "ledger.db").stat().st_size
            assert database.identities().keys() == {f"log {number}" for number in range(600)}

    asyncio.run(run())
