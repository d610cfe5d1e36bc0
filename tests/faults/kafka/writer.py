"""A process that appends to shared runs and notes every call and answer.

It is the child of one that has imported everything, so that another life costs little: for each line on stdin, a
`Load` as JSON, that one forks a writer and prints its process id, and `ended CODE` when it is gone. A writer prints
`quiet` when SIGTERM has ended its appends, reads the logs to their end when an empty line comes in, and ends. SIGUSR1
makes it kill itself in the next fold, before the commit. It ends when nobody is left who could say anything.
"""

import asyncio
import json
import logging
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import uvloop

from ledger.errors import LostRaceError, RefusedError, UnavailableError, UnknownOutcomeError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.log import KafkaLog
from ledger.logs.kafka.opening import KafkaLogs, Writer, kafka_logs
from ledger.logs.log import Link, chain, prev_of
from ledger.store.database import Database
from schemas.records import Envelope
from schemas.streams import VALUES, log_of
from tests.faults.kafka.broken import break_it
from tests.faults.kafka.notes import ACCEPTED, LOST, REFUSED, UNKNOWN, Call, Notes, open_calls
from tests.faults.kafka.replicas import read_all

_TIME = "2026-11-23T10:00:00.000000Z"
_SEVERAL = 0.1
_MOST = 4
# A decision may be old when it is appended: others have moved the stream on meanwhile.
_HELD = 0.05
_HELD_SECONDS = 0.01
_AWAY_SECONDS = 0.1


@dataclass(frozen=True)
class Load:
    """What one writer process does."""

    servers: str
    ledger: str
    writer: int
    life: int
    folder: str
    tiers: Sequence[tuple[str, int, int]]
    """Of each kind of stream: its prefix, how many there are, how many callers append to them."""
    without: str = ""
    """The check that is left out, in a build that is broken on purpose."""

    @property
    def replica(self) -> Path:
        return Path(self.folder) / f"writer-{self.writer}.db"

    def notes(self, life: int) -> Path:
        return Path(self.folder) / f"writer-{self.writer}.{life:03}.notes"

    @property
    def lives(self) -> list[Path]:
        """The notes of all lives so far, this one included."""
        return [self.notes(life) for life in range(self.life + 1)]

    def argument(self) -> str:
        return json.dumps(asdict(self))


def links_of(call: Call, log_id: str) -> list[Link]:
    """The events of a call; each says which number its writer decided it to have."""
    events = [
        Envelope(
            stream=call.stream,
            seq=call.seq + index,
            prev=call.prev,
            id=f"{call.name}.{index}",
            source="//writer",
            type="runledger.test.v1",
            time=_TIME,
            actor="writer",
            value=b'{"n":%d}' % (call.seq + index),
        )
        for index in range(call.size)
    ]
    return chain(log_id, events)


class Caller:
    """Appends to streams of one kind, one append at a time."""

    def __init__(self, logs: KafkaLogs, notes: Notes, names: Callable[[], str], busy: set[str]) -> None:
        self._logs = logs
        self._notes = notes
        self._names = names
        self._busy = busy
        """Streams that this process appends to already: it would only wait for itself."""

    async def append_until(self, stop: asyncio.Event, prefix: str, streams: int, dice: random.Random) -> None:
        while not stop.is_set():
            stream = f"{prefix}{dice.randrange(streams)}"
            if stream in self._busy:
                await asyncio.sleep(0)
                continue
            self._busy.add(stream)
            size = dice.randint(2, _MOST) if dice.random() < _SEVERAL else 1
            call, links = self._decide(stream, size)
            self._notes.call(call)
            if dice.random() < _HELD:
                await asyncio.sleep(dice.random() * _HELD_SECONDS)
            await self.answered(call, links)
            self._busy.discard(stream)

    async def ask_again(self, call: Call) -> None:
        """Find out what became of a call of an earlier life."""
        self._busy.add(call.stream)
        await self.answered(call, links_of(call, self._log(call.stream).id), in_doubt=True)
        self._busy.discard(call.stream)

    async def answered(self, call: Call, links: list[Link], *, in_doubt: bool = False) -> None:
        """Append, and ask with the same ids again as long as the outcome is in doubt."""
        while True:
            outcome, place = await self._append(call.stream, links)
            if outcome == REFUSED and in_doubt:
                outcome = UNKNOWN  # this attempt stored nothing; the one before may have
            self._notes.answer(call, time.monotonic(), outcome, place)
            if outcome in {REFUSED, UNKNOWN}:
                await asyncio.sleep(_AWAY_SECONDS)
            if outcome != UNKNOWN:
                return
            in_doubt = True

    async def _append(self, stream: str, links: list[Link]) -> tuple[str, int]:
        """The outcome, and the place of the first event."""
        try:
            return ACCEPTED, (await self._log(stream).append(links))[0]
        except LostRaceError:
            return LOST, -1
        except UnknownOutcomeError:
            return UNKNOWN, -1
        except (RefusedError, UnavailableError):
            return REFUSED, -1

    def _log(self, stream: str) -> KafkaLog:
        return self._logs.values if log_of(stream) == VALUES else self._logs.control

    def _decide(self, stream: str, size: int) -> tuple[Call, list[Link]]:
        """Decide events behind the head that this process knows."""
        head = self._logs.tail.head(stream)
        seq, prev = (head.seq + 1, prev_of(head)) if head else (1, "")
        draft = Call(self._names(), time.monotonic(), stream, seq, prev, size, "", "")
        links = links_of(draft, self._log(stream).id)
        return draft._replace(first=links[0].hash.hex(), last=links[-1].hash.hex()), links


def die_in_the_next_fold() -> None:
    """Kill this process between what it read and its commit."""
    store = Database.store

    def store_and_die(*arguments: Any) -> None:
        store(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Database, "store", store_and_die)  # noqa: B010 - mypy forbids the assignment


async def work(load: Load) -> None:
    """Append until SIGTERM, then read to the end when a line comes in."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    told = asyncio.Event()
    threading.Thread(target=_listen, args=(lambda: loop.call_soon_threadsafe(told.set),), daemon=True).start()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, die_in_the_next_fold)
    database = Database(load.replica, durable=False)
    who = Writer("//writer", "writer", lambda: datetime.now(UTC))
    async with kafka_logs(parse_address(f"kafka://{load.servers}/{load.ledger}"), database, who) as logs:
        await read_all(logs)
        before = open_calls(load.lives[:-1])
        numbers = count()
        notes = Notes(load.notes(load.life), before)
        caller = Caller(logs, notes, lambda: f"{load.writer}.{load.life}.{next(numbers)}", set())
        dice = random.Random(f"{load.writer}.{load.life}")
        appending = [
            caller.append_until(stop, prefix, streams, random.Random(dice.random()))
            for prefix, streams, callers in load.tiers
            for _ in range(callers)
        ]
        await asyncio.gather(*map(caller.ask_again, before), *appending)
        print("quiet", flush=True)
        await told.wait()
        await read_all(logs)
    database.close()


def _listen(tell: Callable[[], object]) -> None:
    if not sys.stdin.readline():
        os._exit(1)
    tell()


def live(load: Load) -> NoReturn:
    """One life, from a fork to its end."""
    code = 1
    try:
        break_it(load.without)
        uvloop.run(work(load))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Fork one life for each line."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # as every runledger process does
    while line := sys.stdin.readline():
        writer = os.fork()
        if not writer:
            live(Load(**json.loads(line)))
        print(writer, flush=True)
        print("ended", os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
