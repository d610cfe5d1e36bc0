"""Writers on shared runs, killed and frozen: no answer is wrong, no chain is broken."""

import asyncio
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.logs.log import Link, chain
from ledger.store.database import Database
from schemas.records import Envelope
from tests.faults.history import Accepted, Call, read, violations
from tests.faults.topic import read_topic, send_unconfirmed
from tests.faults.writers import calls_of, wait_for_answers, writers
from tests.ledger.conftest import open_kafka


@pytest.mark.parametrize(("runs", "answers"), [(20, 8_000), (2_000, 13_000)])
def test_four_writers_one_killed_one_frozen(runs: int, answers: int, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    name = f"w{uuid4().hex[:10]}"
    with writers(kafka_broker.address, name, tmp_path, count=4, runs=runs) as started:
        wait_for_answers(started, answers // 4, 60)
        started[0].signal(signal.SIGKILL)
        started[1].signal(signal.SIGSTOP)
        wait_for_answers(started, answers // 2, 60)
        started[1].signal(signal.SIGCONT)
        wait_for_answers(started, answers, 90)
    calls = calls_of(started)
    _, accepted = asyncio.run(_independent_fold(kafka_broker.address, name, tmp_path))

    assert violations(accepted, calls) == []
    assert len([call for call in calls if call.ended is not None]) >= answers
    assert {call.outcome for call in calls} >= {"accepted", "lost"}
    for writer in started:
        _assert_replica_agrees(writer.replica, accepted)


async def _independent_fold(servers: str, name: str, folder: Path) -> tuple[str, Accepted]:
    database = Database(folder / f"{name}-reader.db", durable=False)
    thread = await asyncio.to_thread(open_kafka, servers, name, database)
    await asyncio.to_thread(thread.close)
    database.close()
    log_id = thread.control.id
    return log_id, read(log_id, await read_topic(servers, f"runledger.{name}.events.v1"))


def _assert_replica_agrees(replica: Path, accepted: Accepted) -> None:
    """A replica holds the beginning of the same history, up to where its process was ended."""
    database = Database(replica, durable=False)
    upto = database.progress("control").next_offset
    for stream, events in accepted.by_stream.items():
        mine = [
            (event.place, event.envelope.seq, event.envelope.prev, event.hash.hex())
            for event in database.stream_events(stream)
        ]
        assert mine == [event for event in events if event[0] < upto]
    database.close()


def test_the_checker_finds_what_the_missing_prev_check_lets_through(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Two writers pipeline number 2 and 3 without waiting: by number alone one stands on a rival's event."""
    name = f"p{uuid4().hex[:10]}"
    log_id, _ = asyncio.run(_independent_fold(kafka_broker.address, name, tmp_path))
    first = _event(log_id, 1, "", b"first")
    winner = _event(log_id, 2, first.hash.hex(), b"winner")
    loser = _event(log_id, 2, first.hash.hex(), b"loser")
    behind = _event(log_id, 3, loser.hash.hex(), b"behind the loser")
    bursts = [[_message(link)] for link in (first, winner, loser, behind)]
    topic = f"runledger.{name}.events.v1"
    asyncio.run(send_unconfirmed(kafka_broker.address, topic, bursts))
    records = asyncio.run(read_topic(kafka_broker.address, topic))

    assert violations(read(log_id, records), []) == []
    assert len(violations(read(log_id, records, check_prev=False), [])) == 1
    assert len(read(log_id, records).by_stream["run:a"]) == 2


def test_the_checker_finds_wrong_answers() -> None:
    accepted = Accepted({"run:a": [(1, 1, "", "h1"), (2, 2, "h1", "h2")]})

    def call(outcome: str, hash_: str, place: int | None, began: float = 0, ended: float = 1) -> Call:
        return Call("w", "run:a", 1, "", hash_, began, ended, outcome, place)

    assert violations(accepted, [call("accepted", "h1", 1), call("lost", "h9", None)]) == []
    assert len(violations(accepted, [call("accepted", "h9", 1)])) == 1
    assert len(violations(accepted, [call("accepted", "h1", 2)])) == 1
    assert len(violations(accepted, [call("lost", "h2", None)])) == 1
    late, early = call("accepted", "h1", 1, began=5, ended=6), call("accepted", "h2", 2, began=1, ended=2)
    assert len(violations(accepted, [late, early])) == 1


def _event(log_id: str, seq: int, prev: str, value: bytes) -> Link:
    now = f"2026-11-23T10:00:{int(time.time()) % 60:02}Z"
    return chain(log_id, [Envelope("run:a", seq, prev, str(uuid4()), "//p", "t", now, "p", value)])[0]


def _message(link: Link) -> tuple[bytes, list[tuple[str, bytes]], bytes]:
    record = link.envelope.record()
    assert record.key is not None
    assert record.value is not None
    return record.key, [(name, value or b"") for name, value in record.headers], record.value
