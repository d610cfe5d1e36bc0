"""A process with the log in it that appends to runs for some seconds, and says as JSON what came of it.

Arguments: ledger address, replica file, number of callers, number of runs, prefix of their names, seconds.
"""

import asyncio
import json
import random
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import uvloop

from benchmarks.events import now, tag_links
from ledger.errors import LostRaceError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.opening import Writer, kafka_logs
from ledger.logs.log import prev_of
from ledger.store.database import Database
from runledger.process import tune_collector


class Writing:
    """Callers that append to runs drawn at random, and what they were told."""

    def __init__(self, log: KafkaLog, database: Database, names: list[str], seconds: float) -> None:
        """Begin when the callers do."""
        self._log = log
        self._database = database
        self._names = names
        self._dice = random.SystemRandom()
        self._end = perf_counter() + seconds
        self.accepted = 0
        self.lost = 0

    async def caller(self) -> None:
        """Append until the time is over."""
        while perf_counter() < self._end:
            stream = self._dice.choice(self._names)
            head = self._database.head(stream)
            links = tag_links(self._log.id, stream, head.seq + 1 if head else 1, prev_of(head))
            try:
                await self._log.append(links)
                self.accepted += 1
            except LostRaceError:
                self.lost += 1


async def main(address: str, replica: str, callers: int, runs: int, prefix: str, seconds: float) -> None:
    """Wait for a line on stdin, so that several begin at once."""
    writer = Writer("//bench/runledger", "bench", now)
    with closing(Database(Path(replica), durable=False)) as database:
        async with kafka_logs(parse_address(address), database, writer) as logs:
            await logs.control.catch_up()
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            names = [f"run:{prefix}{number}" for number in range(runs)]
            writing = Writing(logs.control, database, names, seconds)
            await asyncio.gather(*(writing.caller() for _ in range(callers)))
            await logs.control.catch_up()
            told = {"accepted": writing.accepted, "lost": writing.lost, "void": database.count_voids()}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    tune_collector()
    place, file, callers, runs, prefix, seconds = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(place, file, int(callers), int(runs), prefix, float(seconds)))
