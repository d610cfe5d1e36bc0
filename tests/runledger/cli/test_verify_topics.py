"""`runledger verify` of a server's folder: what was changed in its topics or in its ledger.db is named."""

import json
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.record.util import calc_crc32c

from examples.kafka_broker import KafkaBroker
from runledger import Experiment, Workspace
from runledger.bookmark import bookmark_of
from tests.runledger.cli.calling import Called, call, terminal
from tests.runledger.cli.test_verify_resume import verifying
from tests.runledger.server.running import running

_CRC, _CHECKED = 17, 21


@dataclass
class Served:
    """A workspace whose log is on Kafka, with a few runs."""

    broker: KafkaBroker
    folder: Path
    name: str

    @property
    def address(self) -> str:
        return f"kafka://{self.broker.address}/{self.name}"

    @property
    def ledger_db(self) -> Path:
        return self.folder / ".runledger" / "ledger.db"

    def fill(self) -> None:
        assert call("init", self.folder, "--log", self.address).code == 0
        with Workspace(self.folder) as workspace:
            for number in range(3):
                run = Experiment(workspace, "digits").start_logging(run_id=f"r{number}", snapshot_directory=None)
                run.tag("quality", f"great{number}")
                run.log("loss", 0.125)
                run.complete()

    def segment(self, part: str, partition: int = 0) -> Path:
        return self.broker.log.parent / "data" / f"runledger.{self.name}.{part}.v1-{partition}" / f"{0:020}.log"

    def verify(self, *more: str) -> Called:
        return call("verify", "--data", self.folder, *more)

    def found(self) -> list[dict[str, Any]]:
        """What is different; it is the exit code, JSON and text."""
        done = self.verify()
        assert (done.code, done.json["intact"], done.json["topics"]["intact"]) == (6, False, False)
        lines = self.verify("-o", "table").out
        differences: list[dict[str, Any]] = done.json["topics"]["differences"]
        assert all(each["text"] in lines for each in differences)
        return differences

    def edit(self, statement: str) -> None:
        with closing(sqlite3.connect(self.ledger_db)) as connection, connection:
            assert connection.execute(statement).rowcount == 1


def batches(content: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start + 12 <= len(content):
        end = start + 12 + struct.unpack_from(">i", content, start + 8)[0]
        if end <= start + 12:
            return
        yield start, end
        start = end


def replace(segment: Path, old: bytes, new: bytes, *, sealed: bool = True) -> None:
    """Change bytes where they are first, and the checksum of their batch with them if `sealed`."""
    content = bytearray(segment.read_bytes())
    place = content.index(old)
    content[place : place + len(old)] = new
    start, end = next((start, end) for start, end in batches(bytes(content)) if start <= place < end)
    if sealed:
        struct.pack_into(">I", content, start + _CRC, calc_crc32c(bytes(content[start + _CHECKED : end])))
    segment.write_bytes(content)


def without(segment: Path, holding: bytes) -> None:
    """Take a whole batch out. The indexes go too, so that the broker makes them anew: they hold places in the file."""
    for index in (".index", ".timeindex"):
        segment.with_suffix(index).unlink(missing_ok=True)
    content = segment.read_bytes()
    place = content.index(holding)
    start, end = next((start, end) for start, end in batches(content) if start <= place < end)
    segment.write_bytes(content[:start] + content[end:])


@pytest.fixture(scope="module")
def served(kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    """One each, whose topics are changed while the broker is down."""
    folder = tmp_path_factory.mktemp("served")
    names = ("whole", "changed", "damaged", "lacking", "values")
    found = {name: Served(kafka_broker, folder / name, f"v{uuid4().hex[:10]}") for name in names}
    for each in found.values():
        each.fill()
    kafka_broker.stop()
    replace(found["changed"].segment("events"), b'"great1"', b'"Great1"')
    replace(found["damaged"].segment("events"), b'"great1"', b'"Great1"', sealed=False)
    without(found["lacking"].segment("events"), b'"great1"')
    (holding,) = (
        segment
        for number in range(8)
        if b"values:r1:" in (segment := found["values"].segment("values", number)).read_bytes()
    )
    replace(holding, b"0.125", b"0.875")
    kafka_broker.start()
    return found


def test_topics_and_replica_that_hold_the_same(served: dict[str, Served]) -> None:
    whole = served["whole"]
    done = whole.verify()

    assert (done.code, done.json["intact"]) == (0, True)
    topics = done.json["topics"]
    assert (topics["address"], topics["differences"], topics["unread"], topics["wrong"]) == (whole.address, [], 0, [])
    events = sum(log["events"] + log["voids"] for log in done.json["logs"])
    assert topics["compared"] == events
    assert "topics and ledger.db hold the same" in terminal("verify", "-w", whole.folder).out
    assert whole.verify("--log", whole.address).code == 0
    assert whole.verify("--log", served["changed"].address).json["topics"]["wrong"][0].startswith("the topic of the")


def test_a_comparison_that_was_killed_goes_on(
    served: dict[str, Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    whole = served["whole"]
    undisturbed = whole.verify().json
    bookmark = bookmark_of(whole.ledger_db).file
    with verifying(whole.folder) as running_one:
        while running_one.poll() is None and not (bookmark.exists() and json.loads(bookmark.read_text())["compared"]):
            time.sleep(0.005)
        running_one.kill()
    resumed = whole.verify("--resume").json

    assert resumed["resumed"]
    assert 0 < resumed["topics"].pop("known") < resumed["topics"]["compared"]
    assert undisturbed["topics"].pop("known") == 0
    assert resumed["topics"] == undisturbed["topics"]
    assert "of them before" not in whole.verify("-o", "table").out


def test_topics_are_checked_by_themselves(served: dict[str, Served]) -> None:
    whole = served["whole"]
    alone, beside = call("verify", "--log", whole.address), whole.verify("--replica-only")

    assert (alone.code, alone.json["logs"]) == (0, beside.json["logs"])
    damaged = call("verify", "--log", served["damaged"].address)
    assert (damaged.code, "bytes are damaged" in damaged.json["damage"]) == (6, True)
    gone = call("verify", "--log", f"kafka://{whole.broker.address}/nobody")
    assert (gone.code, "control log is not there" in gone.err) == (1, True)
    assert call("verify", "--log", whole.address, "--replica-only").code == 2


def test_a_byte_changed_in_the_topic_is_named(served: dict[str, Served]) -> None:
    (one,) = served["changed"].found()

    assert (one["log"], one["stream"], one["seq"], one["side"]) == ("control", "run:r1", 2, "topic")
    assert "value differ" in one["text"]
    assert served["changed"].verify("--replica-only").code == 0


def test_a_byte_changed_without_the_checksum_is_named_with_the_damage(
    served: dict[str, Served], tmp_path: Path
) -> None:
    damaged = served["damaged"]
    damage, one = damaged.found()

    assert "bytes are damaged" in damage["what"]
    assert (one["stream"], one["seq"], one["side"]) == ("run:r1", 2, "topic")
    assert damage["offset"] <= one["offset"]
    # Whoever reads it for the first time does not go on.
    assert call("init", tmp_path, "--log", damaged.address).code == 0
    refused = call("run", "list", "-w", tmp_path)
    assert refused.code in {1, 5}  # as soon as its first record is read, or when it reads on
    assert "bytes are damaged" in refused.err


def test_a_record_missing_in_the_topic_is_named(served: dict[str, Served]) -> None:
    (one,) = served["lacking"].found()

    assert (one["stream"], one["seq"], one["side"]) == ("run:r1", 2, "topic")
    assert "the topic holds none any more" in one["text"]


def test_a_byte_changed_in_the_values_topic_is_named_with_its_partition(served: dict[str, Served]) -> None:
    (one,) = served["values"].found()

    assert (one["log"], one["seq"], one["side"]) == ("values", 1, "topic")
    assert one["stream"].startswith("values:r1:")
    assert f"values log, partition {one['partition']}, offset {one['offset']}, values:r1:" in one["text"]


def test_what_is_changed_in_the_replica_is_named_and_a_new_one_is_made_of_the_topics(served: dict[str, Served]) -> None:
    whole = served["whole"]
    before = whole.verify().json["logs"]
    for statement, what in [
        ("UPDATE control_events SET value = CAST(replace(value, 'great2', 'grand2') AS BLOB) WHERE {}", "value differ"),
        ("DELETE FROM control_events WHERE {}", "missing in the replica"),
    ]:
        whole.edit(statement.format("stream = (SELECT id FROM streams WHERE name = 'run:r2') AND seq = 2"))
        (one,) = whole.found()
        assert (one["stream"], one["seq"], one["side"]) == ("run:r2", 2, "replica")
        assert what in one["text"]

    aside = whole.ledger_db.with_name("ledger.aside.db")
    whole.ledger_db.rename(aside)
    for each in ("ledger.db-wal", "ledger.db-shm"):
        (whole.ledger_db.parent / each).unlink(missing_ok=True)
    with running(whole.folder) as server:
        assert server.get("/api/v1/runs/r2").json()["tags"] == {"quality": "great2"}
        done = whole.verify()
    assert (done.code, done.json["logs"]) == (0, before)
