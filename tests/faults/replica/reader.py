"""A process whose children fill a replica from the topics, one after another, each until it has read all of them.

Arguments: servers, ledger name, replica file. A line on stdin begins a life, whose process id is printed; the next
line waits for its end, and its exit status is printed. What is forked has nothing to import, so that many lives take
little time.
"""

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path

from ledger.logs.kafka import consumer
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.opening import kafka_logs
from ledger.store.database import Database
from tests.faults.replica.topics import WRITER

# So small that a topic takes many transactions: each is a place to be killed at.
_FETCH_BYTES = 16 * 1024


async def fill_replica(servers: str, name: str, replica: str) -> None:
    """Read both logs to their ends."""
    consumer.FETCH_BYTES = _FETCH_BYTES
    with closing(Database(Path(replica), durable=False)) as database:
        async with kafka_logs(parse_address(f"kafka://{servers}/{name}"), database, WRITER) as logs:
            await logs.values.catch_up()
            await logs.control.catch_up()


def main(servers: str, name: str, replica: str) -> None:
    """Live once for each two lines."""
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            try:
                asyncio.run(fill_replica(servers, name, replica))
            finally:
                os._exit(0 if sys.exception() is None else 1)
        print(child, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
