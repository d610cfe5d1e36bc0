"""A process that appends to shared runs and notes every call and answer in a file.

Arguments: servers, ledger name, replica file, notes file, number of runs, seed.
"""

import asyncio
import json
import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger.errors import LostRaceError, UnavailableError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.logs.log import Link, chain, prev_of
from ledger.store.database import Database
from schemas.records import Envelope

_CALLERS = 24


class Notes:
    """One line a call and one line an answer, each written at once: a kill tears none in two."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, **note: Any) -> None:
        os.write(self._file, (json.dumps(note) + "\n").encode())


def next_link(log: KafkaLog, database: Database, stream: str) -> Link:
    """An event behind the head that this process knows."""
    head = database.head(stream)
    event = Envelope(
        stream=stream,
        seq=head.seq + 1 if head else 1,
        prev="",
        id=str(uuid4()),
        source=f"//writer/{os.getpid()}",
        type="runledger.test.v1",
        time="2026-11-23T10:00:00.000000Z",
        actor="writer",
        value=b"{}",
    )
    return chain(log.id, [event._replace(prev=prev_of(head))])[0]


async def append_for_ever(log: KafkaLog, database: Database, notes: Notes, runs: int, dice: random.Random) -> None:
    """Append to random runs, one at a time."""
    while True:
        link = next_link(log, database, f"run:{dice.randrange(runs)}")
        envelope = link.envelope
        call = uuid4().hex
        notes.write(
            call=call, at=time.monotonic(), stream=envelope.stream, seq=envelope.seq, prev=envelope.prev,
            hash=link.hash.hex(),
        )  # fmt: skip
        place = None
        try:
            place = (await log.append([link]))[0]
            outcome = "accepted"
        except LostRaceError:
            outcome = "lost"
        except UnavailableError:
            outcome = "unknown"
        notes.write(answer=call, at=time.monotonic(), outcome=outcome, place=place)


async def main(servers: str, name: str, replica: str, notes: str, runs: str, seed: str) -> None:
    """Append until the process is ended."""
    database = Database(Path(replica), durable=False)
    who = Writer("//writer", "writer", lambda: datetime.now(UTC))
    dice = random.Random(int(seed))
    async with kafka_logs(parse_address(f"kafka://{servers}/{name}"), database, who) as logs:
        await logs.control.catch_up()
        print("ready", flush=True)
        callers = (
            append_for_ever(logs.control, database, Notes(notes), int(runs), random.Random(dice.random()))
            for _ in range(_CALLERS)
        )
        await asyncio.gather(*callers)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
