"""Logs of both kinds, on real parts, for every test that names them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.application.handling import Caller, Ledger
from ledger.application.recorder import LedgerRecorder
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.opening import Writer
from ledger.logs.kafka.thread import KafkaThread
from ledger.logs.log import Log
from ledger.logs.sqlite import open_sqlite_log
from ledger.store.database import Database
from schemas.events import Seal
from schemas.streams import CONTROL, VALUES

CALLER = Caller(actor="tester", source="//test/runledger")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """A workspace's logs and the file behind them."""

    control: Log
    values: Log
    database: Database

    def ledger(self, seal: Callable[[str], Seal] | None = None) -> Ledger:
        return Ledger(LedgerRecorder(self.control, self.database), now=now, seal=seal)


Open = Callable[[], Parts]


@pytest.fixture
def sqlite_parts(tmp_path: Path) -> Iterator[Open]:
    """Opens one workspace, as often as called: each as another process would."""
    with ExitStack() as stack:

        def open_parts() -> Parts:
            database = Database(tmp_path / "ledger.db", durable=True)
            stack.callback(database.close)
            control, values = (
                open_sqlite_log(database, name, source=CALLER.source, actor=CALLER.actor, now=now)
                for name in (CONTROL, VALUES)
            )
            return Parts(control, values, database)

        yield open_parts


@pytest.fixture
def kafka_parts(tmp_path: Path, kafka_broker: KafkaBroker) -> Iterator[Open]:
    """Opens one ledger on fresh topics, each time with a replica of its own."""
    name = f"t{uuid4().hex[:12]}"
    with ExitStack() as stack:

        def open_parts() -> Parts:
            database = Database(tmp_path / f"{uuid4().hex[:8]}.db", durable=False)
            stack.callback(database.close)
            thread = open_kafka(kafka_broker.address, name, database)
            stack.callback(thread.close)
            return Parts(thread.control, thread.values, database)

        yield open_parts


def open_kafka(servers: str, name: str, database: Database) -> KafkaThread:
    """Both logs of a ledger on Kafka."""
    return KafkaThread(parse_address(f"kafka://{servers}/{name}"), database, Writer(CALLER.source, CALLER.actor, now))


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def open_parts(request: pytest.FixtureRequest) -> Open:
    """The same tests for both kinds of log."""
    opened: Open = request.getfixturevalue(f"{request.param}_parts")
    return opened


@pytest.fixture
def parts(open_parts: Open) -> Parts:
    return open_parts()
