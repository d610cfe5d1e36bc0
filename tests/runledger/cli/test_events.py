"""`runledger events`."""

import json
import subprocess
from pathlib import Path

from ledger.store.database import Database
from ledger.store.fold import Arrival, Partition, fold
from runledger import Workspace
from schemas.records import Record
from schemas.streams import CONTROL
from tests.runledger.cli.calling import COMMAND, SECONDS, call


def test_tail_gives_the_last_events_oldest_first_as_json_lines(workspace: Path) -> None:
    done = call("events", "tail", "--last", 3, "-w", workspace)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert len(found) == 3
    assert [event["position"] for event in found] == sorted(event["position"] for event in found)
    last = found[-1]
    assert last["stream"] == "run:other"
    assert last["type"] == "runledger.run.started.v1"
    assert last["data"]["tags"] == {"quality": "fantastic run"}
    assert set(last) >= {"position", "recorded_at", "stream", "type", "actor", "summary", "data"}


def test_as_a_table_each_event_is_a_line(workspace: Path) -> None:
    lines = call("events", "tail", "--last", 100, "-w", workspace, "-o", "table").out.splitlines()
    assert len(lines) == len(call("events", "tail", "--last", 100, "-w", workspace).out.splitlines())
    ended = next(line for line in lines if "run:second" in line and "status-changed" in line)
    assert ended.endswith("Running -> Failed")
    assert any(line.endswith("author = azureml-user") for line in lines)


def test_an_empty_workspace_has_no_events(empty: Path) -> None:
    done = call("events", "tail", "-w", empty)
    assert (done.code, done.out, done.err) == (0, "", "No events yet.\n")


def test_a_query_chooses_events(workspace: Path) -> None:
    query = "[?type=='runledger.run.status-changed.v1'].summary"
    done = call("events", "tail", "--last", 100, "-w", workspace, "--query", query)
    assert done.out.splitlines() == ['"Running -> Completed"', '"Running -> Failed"']


def test_nothing_in_an_event_can_steer_a_terminal(workspace: Path) -> None:
    call("run", "tag", "-w", workspace, "-r", "first", "evil=a\x1b[31m\r\nb\u009b0m")
    for form in ("table", "json", "tsv", "yaml"):
        out = call("events", "tail", "--last", 1, "-w", workspace, "-o", form).out
        assert "evil" in out
        assert not set(out.rstrip("\n")) & set("\x1b\r\u009b"), form
    assert len(call("events", "tail", "--last", 1, "-w", workspace, "-o", "table").out.splitlines()) == 1


def test_follow_goes_on_with_what_others_write(workspace: Path) -> None:
    words = [*COMMAND, "events", "tail", "--last", "1", "--follow", "-w", str(workspace)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["stream"] == "run:other"
        for value in ("1", "2"):
            assert call("run", "tag", "-r", "first", f"seen={value}", "-w", workspace).code == 0
            event = json.loads(running.stdout.readline())
            assert (event["stream"], event["summary"]) == ("run:first", f"seen = {value}")
        running.terminate()
        running.wait(SECONDS)


def test_an_event_that_this_version_does_not_know_is_shown(workspace: Path) -> None:
    with Workspace(workspace) as opened:
        opened.client.run("first")
    store(workspace, "stranger:1", b'{"what": "ever"}')
    event = json.loads(call("events", "tail", "--last", 1, "-w", workspace).out)
    assert (event["type"], event["summary"]) == ("strange.thing", "what=ever")
    store(workspace, "stranger:2", b"\xff\x00")
    assert json.loads(call("events", "tail", "--last", 1, "-w", workspace).out)["data"] == "\\xff\x00"


def test_void_records_are_listed_with_their_rule(workspace: Path) -> None:
    none = call("events", "void", "-w", workspace)
    assert (none.out, none.err) == ("[]\n", "No record is void.\n")
    store(workspace, "stranger:1", b"{}", seq=7)
    store(workspace, "not a stream", b"{}")
    first, second = call("events", "void", "-w", workspace).json
    assert (first["log"], first["partition"]) == ("control", 0)
    assert first["rule"] == "it does not follow the head of its stream"
    assert first["key"] == "1"
    assert ["ce_seq", "7"] in first["headers"]
    assert second["position"] == first["position"] + 1
    table = call("events", "void", "-w", workspace, "-o", "table").out
    assert "ce_stream is malformed" in table
    assert "ce_actor=x" in table


def test_heads_name_the_last_event_of_every_stream(workspace: Path) -> None:
    last = json.loads(call("events", "tail", "--last", 1, "-w", workspace).out)
    found = [json.loads(line) for line in call("events", "heads", "-w", workspace).out.splitlines()]
    head = {"log": "control", "stream": last["stream"], "seq": last["seq"], "hash": last["hash"]}
    assert head in found
    assert [each["log"] for each in found if each["stream"].startswith("log:")] == ["control", "values"]
    table = call("events", "heads", "-w", workspace, "-o", "table").out.splitlines()
    assert len(table) == len(found) + 1
    assert last["hash"] in "\n".join(table)


def store(workspace: Path, stream: str, value: bytes, seq: int = 1) -> None:
    """Fold a record that no client of ours would write into the log."""
    fields = {"stream": stream, "seq": str(seq), "prev": "", "id": "e", "source": "//x", "type": "strange.thing"}
    fields |= {"time": "2026-01-01T00:00:00Z", "actor": "x"}
    headers = (("ce_specversion", b"1.0"), *((f"ce_{name}", text.encode()) for name, text in fields.items()))
    database = Database(workspace / ".runledger" / "ledger.db", durable=False)
    identity = database.identities()[CONTROL]
    partition = Partition(CONTROL, identity.id)
    with database.writing() as connection:
        progress = database.progress(CONTROL)
        record = Record(stream.partition(":")[2].encode(), headers, value)
        arrival = Arrival(progress.next_offset, progress.recorded_at, record)
        folded = fold([arrival], partition=partition, progress=progress, head=database.head)
        database.store(connection, partition, folded)
    database.close()
