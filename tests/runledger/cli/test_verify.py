"""`runledger verify`: every way in which a file may have been changed is named."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import TagRun
from runledger import Workspace
from tests.runledger.cli.calling import Called, call, process, terminal

RUN = "run:second"


@contextmanager
def editing(workspace: Path) -> Iterator[sqlite3.Connection]:
    """The file, as somebody opens it who knows SQLite."""
    with closing(sqlite3.connect(workspace / ".runledger" / "ledger.db")) as connection, connection:
        yield connection
    with closing(sqlite3.connect(workspace / ".runledger" / "ledger.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def places(connection: sqlite3.Connection, stream: str) -> list[int]:
    query = "SELECT place FROM control_events WHERE stream = (SELECT id FROM streams WHERE name = ?) ORDER BY place"
    return [place for (place,) in connection.execute(query, (stream,))]


def broken(workspace: Path) -> dict[str, Any]:
    """What a check finds, which says no."""
    done = call("verify", "-w", workspace)
    assert done.code == 6
    assert not done.json["intact"]
    link = next(log["broken"] for log in done.json["logs"] if log["broken"])
    lines = call("verify", "-w", workspace, "-o", "table")
    assert lines.code == 6
    assert link["text"] in lines.out
    assert lines.out.count("chain intact") == sum(log["intact"] for log in done.json["logs"])
    return dict(link)


def test_an_intact_history(workspace: Path) -> None:
    done = call("verify", "-w", workspace)
    assert done.code == 0
    assert done.json["intact"]
    log = done.json["logs"][0]
    assert (log["log"], log["intact"], log["broken"], log["voids"]) == ("control", True, None, 0)
    assert log["events"] > 10
    assert len(log["running_hash"]) == 64
    lines = process("verify", "-w", workspace, "-o", "table").out
    assert "chain intact" in lines
    assert log["running_hash"] in lines


def test_one_flipped_bit(workspace: Path) -> None:
    with editing(workspace) as connection:
        place = places(connection, RUN)[1]
        value = bytearray(
            connection.execute("SELECT value FROM control_events WHERE place = ?", (place,)).fetchone()[0]
        )
        value[-3] ^= 1
        connection.execute("UPDATE control_events SET value = ? WHERE place = ?", (bytes(value), place))
    found = broken(workspace)
    assert (found["position"], found["stream"], found["seq"]) == (place, RUN, 2)
    assert found["what"] == "its content does not match its hash"
    assert found["event_id"] in found["text"]


def test_one_flipped_byte_of_the_file(workspace: Path) -> None:
    with editing(workspace) as connection:
        place = places(connection, RUN)[1]
    file = workspace / ".runledger" / "ledger.db"
    content = file.read_bytes()
    assert content.count(b'"key":"author","value":"azureml-user"') == 2
    at = content.index(b"azureml-user", content.index(b'"key":"author"', content.index(b'"key":"author"') + 1))
    file.write_bytes(content[:at] + b"A" + content[at + 1 :])
    assert broken(workspace)["position"] in {place, *range(place)}


def test_one_row_deleted_in_the_middle(workspace: Path) -> None:
    with editing(workspace) as connection:
        place = places(connection, RUN)[1]
        connection.execute("DELETE FROM control_events WHERE place = ?", (place,))
    found = broken(workspace)
    assert (found["position"], found["stream"], found["seq"]) == (place, RUN, 2)
    assert "missing" in found["what"]


def test_two_swapped_rows(workspace: Path) -> None:
    with editing(workspace) as connection:
        one, other = places(connection, RUN)[1:3]
        connection.execute("UPDATE control_events SET place = -1 WHERE place = ?", (one,))
        connection.execute("UPDATE control_events SET place = ? WHERE place = ?", (one, other))
        connection.execute("UPDATE control_events SET place = ? WHERE place = -1", (other,))
    found = broken(workspace)
    assert (found["position"], found["stream"], found["seq"]) == (one, RUN, 3)


def test_a_whole_run_removed(workspace: Path) -> None:
    with editing(workspace) as connection:
        first = places(connection, RUN)[0]
        connection.execute("DELETE FROM control_events WHERE stream = (SELECT id FROM streams WHERE name = ?)", (RUN,))
        connection.execute("DELETE FROM streams WHERE name = ?", (RUN,))
    found = broken(workspace)
    assert found["position"] == first
    assert "every trace" in found["what"]


def test_a_run_removed_and_the_rest_moved_up(workspace: Path) -> None:
    with editing(workspace) as connection:
        gone = places(connection, RUN)
        for place in gone:
            connection.execute("DELETE FROM control_events WHERE place = ?", (place,))
        connection.execute("DELETE FROM streams WHERE name = ?", (RUN,))
        rest = connection.execute("SELECT place FROM control_events WHERE place > ? ORDER BY place", (gone[0],))
        for number, (place,) in enumerate(rest.fetchall()):
            connection.execute("UPDATE control_events SET place = ? WHERE place = ?", (gone[0] + number, place))
    found = broken(workspace)
    assert found["position"] == gone[0]
    assert "running hash" in found["what"]


def test_the_last_event_removed(workspace: Path) -> None:
    with editing(workspace) as connection:
        last = connection.execute("SELECT max(place) FROM control_events").fetchone()[0]
        connection.execute("DELETE FROM control_events WHERE place = ?", (last,))
    found = broken(workspace)
    assert found["position"] == last
    assert "missing" in found["what"]


def damaged(workspace: Path) -> Called:
    done = call("verify", "-w", workspace)
    assert done.code == 6, done
    assert not done.json["intact"]
    assert done.json["damage"]
    assert call("verify", "-w", workspace, "-o", "table").out.startswith("broken: ")
    return done


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_file_that_is_no_ledger_any_more_is_left_as_it_is(workspace: Path, content: bytes) -> None:
    folder = workspace / ".runledger"
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "ledger.db").write_bytes(content)
    assert call("run", "list", "-w", workspace).code != 0 or not content
    (folder / "ledger.db").write_bytes(content)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink(missing_ok=True)
    damaged(workspace)
    assert (folder / "ledger.db").read_bytes() == content


def test_a_file_cut_in_half(workspace: Path) -> None:
    with editing(workspace):
        pass
    file = workspace / ".runledger" / "ledger.db"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert call("verify", "-w", workspace).code == 6


def test_a_file_that_forgot_its_logs(workspace: Path) -> None:
    with editing(workspace) as connection:
        connection.execute("DELETE FROM logs")
    damaged(workspace)


def test_no_file_is_no_answer(workspace: Path) -> None:
    (workspace / ".runledger" / "ledger.db").unlink()
    done = call("verify", "-w", workspace)
    assert done.code == 1
    assert "there is no" in done.err
    assert not (workspace / ".runledger" / "ledger.db").exists()


def test_a_copy_of_another_hosts_workspace_can_be_checked(workspace: Path) -> None:
    config = workspace / ".runledger" / "config.toml"
    config.write_text(config.read_text().replace('host = "', 'host = "0').replace("sqlite", "kafka://127.0.0.1:9/x"))
    assert call("run", "list", "-w", workspace).code == 1
    assert call("verify", "-w", workspace, "--replica-only").json["intact"]


def test_a_history_that_grows_meanwhile_is_intact(workspace: Path) -> None:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    writer = context.Process(target=write_until, args=(workspace, stop))
    writer.start()
    try:
        while len(call("events", "tail", "--last", 100, "-w", workspace).out.splitlines()) < 40:
            pass
        for _ in range(20):
            assert call("verify", "-w", workspace).code == 0
    finally:
        stop.set()
        writer.join(60)


def write_until(workspace: Path, stop: Any) -> None:
    with Workspace(workspace) as opened:
        number = 0
        while not stop.is_set():
            number += 1
            opened.client.execute(TagRun(run_id="first", tags={"number": str(number)}))


def test_a_terminal_gets_the_lines(workspace: Path) -> None:
    assert "chain intact" in terminal("verify", "-w", workspace).out
