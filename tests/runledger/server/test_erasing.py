"""Erasing on Kafka: servers and folders of one log share their keys, and each deletes what it made of the text."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from runledger import Experiment, Workspace
from tests.runledger.cli.calling import call
from tests.runledger.cli.traces import traces
from tests.runledger.server.running import running

ZEBRA = "Zebra-4711"
SECONDS = 60


def test_what_is_erased_in_one_folder_is_gone_from_the_server_of_another(
    kafka_broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLEDGER_JOURNAL_DIR", str(tmp_path / "journals"))
    monkeypatch.setenv("RUNLEDGER_KEYS", str(tmp_path / "keys"))
    log = f"kafka://{kafka_broker.address}/erase-{uuid4().hex[:12]}"
    here, there = tmp_path / "here", tmp_path / "there"
    made = call("init", here, "--log", log, "--encrypt-personal")
    assert "Every server of this log needs these keys" in made.err
    assert call("run", "list", "-w", here).code == 0  # its first use: the log says so from here on

    with running(there, "--log", log) as server:
        with Workspace(server.url) as workspace:
            run = Experiment(workspace, "e").start_logging(run_id="r", display_name=ZEBRA, snapshot_directory=None)
            run.log("note", f"{ZEBRA} logged")
            run.tag("t", f"{ZEBRA} tag")
            run.complete()
            assert ZEBRA in repr([run.get_details(), run.get_metrics()])
        assert ZEBRA in server.get("/runs").body.decode()
        assert ".runledger/views.db" in " ".join(traces(there, ZEBRA))
        assert not [path for path in traces(there, ZEBRA) if "ledger.db" in path]

        done = call("erase", "run", "r", "--reason", "asked to", "--yes", "-w", here)
        assert done.code == 0, done.err
        assert traces(here, ZEBRA) == []
        deadline = time.monotonic() + SECONDS
        while (left := traces(there, ZEBRA)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert left == []
        for path in ("/runs", "/runs/r", "/api/v1/runs/r", "/api/v1/runs/r/history"):
            reply = server.get(path)
            assert (reply.status, ZEBRA in reply.body.decode()) == (200, False), path
        assert "(erased)" in server.get("/runs/r").body.decode()
    assert call("verify", "-w", here).code == 0
    again = call("erase", "run", "r", "--reason", "there too", "--yes", "-w", there)
    assert (again.code, again.json["done"]["log"]) == (0, 0), "it is noted once, wherever it is done again"

    monkeypatch.setenv("RUNLEDGER_KEYS", str(tmp_path / "others"))
    away = call("run", "tag", "-r", "r", "more", "-w", here)
    assert (away.code, "RUNLEDGER_KEYS" in away.err) == (5, True)
