"""A server whose topics take small batches only since it runs, as its users see it."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.errors import TooLargeError
from ledger.store.database import Database
from runledger import Experiment, Workspace
from schemas.events import RunLoggedEvent
from schemas.registry import decode
from schemas.streams import VALUES, values_streams
from tests.ledger.logs.test_kafka_sizes import SMALL, USABLE, lower
from tests.runledger.cli.calling import call
from tests.runledger.server.running import Server, running


@dataclass(frozen=True)
class Served:
    server: Server
    folder: Path


@pytest.fixture(scope="module")
def served(kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    name, folder = f"z{uuid4().hex[:12]}", tmp_path_factory.mktemp("sizes")
    with running(folder, "--log", f"kafka://{kafka_broker.address}/{name}") as server:
        server.send("start-run", run_id="r", experiment="e")
        lower(kafka_broker.address, name)
        yield Served(server, folder)


def test_by_http_it_is_413_with_the_size_and_the_limit_before_and_after_the_limit_is_known(served: Served) -> None:
    for _ in range(2):
        reply = served.server.send("describe-run", run_id="r", changes={"description": "x" * 60_000})
        problem = reply.json()

        assert (reply.status, problem["type"]) == (413, "urn:runledger:problem:too-large")
        assert problem["size"] > 60_000
        assert problem["limit"] == USABLE
    assert served.server.send("describe-run", run_id="r", changes={"description": "short"}).status == 200


def test_the_command_line_refuses_it_with_both_numbers(served: Served) -> None:
    done = call("run", "describe", "-r", "r", "x" * 60_000, "-w", served.server.url)

    assert done.code == 4
    assert "60," in done.err
    assert f"the log allows {USABLE:,}" in done.err


def test_a_script_gets_the_error_and_goes_on(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path))
    with Workspace(served.server.url) as workspace:
        run = Experiment(workspace, "e").start_logging()
        with pytest.raises(TooLargeError) as told:
            run.set_tags({f"tag{number}": "x" * 5_000 for number in range(6)})
        run.tag("small", "enough")
        run.complete()

    assert told.value.limit == USABLE < told.value.size
    assert run.get_tags() == {"small": "enough"}


def test_values_arrive_in_batches_that_fit_each_once_and_without_a_gap(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path))
    logged = [f"{number}-{'x' * 200}" for number in range(1_500)]
    with Workspace(served.server.url) as workspace:
        run = Experiment(workspace, "e").start_logging()
        for text in logged:
            run.log("text", text)
        run.log_table("table", {"column": ["y" * 1_000] * 30})
        run.log("behind", 1)
        run.complete()
        metrics, warnings = run.get_metrics(), run.get_details()["warnings"]

    batches = batches_of(served.folder, run.id)
    assert metrics["text"] == logged
    assert metrics["behind"] == 1
    assert [warning["code"] for warning in warnings] == ["values-refused"]
    assert f"the log allows {USABLE:,}" in warnings[0]["message"]
    assert [batch.first for batch in batches] == [1, *(batch.last + 1 for batch in batches[:-1])]
    assert len(batches) > 300_000 / SMALL


def batches_of(folder: Path, run_id: str) -> list[RunLoggedEvent]:
    (file,) = folder.rglob("ledger.db")
    found = []
    with closing(Database(file, durable=False)) as database:
        for stream in database.heads_of(values_streams(run_id)):
            for recorded in database.stream_events(stream, log=VALUES):
                event = decode(recorded.envelope.type, recorded.envelope.value)
                assert isinstance(event, RunLoggedEvent)
                assert len(json.dumps(event.model_dump(mode="json"))) < SMALL * 2
                found.append(event)
    return found
