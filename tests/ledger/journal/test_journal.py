"""A journal on a real disk: what `write` returned for is there, whatever happens to the process."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.journal.folder import Identity, WriterFolder, new_writer, writer_folders, writers_of
from ledger.journal.lines import DamagedLineError, line, parse, to_json
from ledger.journal.reader import Spot, entries
from ledger.journal.writer import JournalWriter
from tests.ledger.small_disk import run_on_small_disk

ROOT = Path(__file__).resolve().parents[3]


def writer_in(path: Path, **options: int) -> JournalWriter:
    identity = Identity("run", "w", "/workspace", os.getpid(), "host")
    return JournalWriter(WriterFolder(path / "w"), identity, **options)  # type: ignore[arg-type]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[JournalWriter]:
    made = writer_in(tmp_path)
    yield made
    made.close()


def read(path: Path, *, ended: bool = True) -> list[object]:
    return [entry.content for entry in entries(WriterFolder(path / "w"), Spot(), ended=ended)]


def note(writer: JournalWriter, number: int) -> None:
    writer.write(line(to_json([number, "x" * 50])))


def test_a_file_system_without_locks_takes_journals_and_declares_nobody_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_: int, __: int) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr("ledger.journal.locks.fcntl.flock", no_locks)
    writer = writer_in(tmp_path)
    note(writer, 1)
    writer.close()

    folder = WriterFolder(tmp_path / "w")
    assert len(read(tmp_path)) == 1
    assert folder.take_alive() is None
    assert not folder.holds_lock()
    shipping = folder.take_shipping()
    assert shipping is not None
    os.close(shipping)


def test_the_writers_of_a_run_are_found_without_reading_the_heads_of_others(tmp_path: Path) -> None:
    made = []
    for run_id in ("a", "b", "a"):
        identity = Identity.of_process(run_id, new_writer(run_id), "", None, None)
        made.append(identity)
        JournalWriter(WriterFolder(tmp_path / identity.writer), identity).close()
    (tmp_path / made[1].writer / "head.json").write_text("unreadable")

    assert [identity for _, identity in writers_of(tmp_path, ["a"])] == [made[0], made[2]]
    assert writers_of(tmp_path, ["b"]) == []
    assert writers_of(tmp_path / "nowhere", ["a"]) == []


def test_a_record_is_a_line_that_shell_tools_can_read() -> None:
    raw = line(to_json(["scalar", 1, 0.5]))
    assert raw.endswith(b' ["scalar",1,0.5]\n')
    assert parse(raw[:-1]) == ["scalar", 1, 0.5]
    for damaged in (raw[:-2], b"x" + raw[1:-1], raw[9:-1], b""):
        with pytest.raises(DamagedLineError):
            parse(damaged)


def test_records_come_back_in_order_over_many_files(tmp_path: Path) -> None:
    writer = writer_in(tmp_path, file_bytes=1_000)
    for number in range(200):
        note(writer, number)
    writer.close()
    assert len(WriterFolder(tmp_path / "w").files()) > 10
    assert [each[0] for each in read(tmp_path)] == list(range(200))  # type: ignore[index]


def test_a_reader_goes_on_where_it_stopped(writer: JournalWriter) -> None:
    note(writer, 1)
    (first,) = entries(writer.folder, Spot(), ended=False)
    note(writer, 2)
    (second,) = entries(writer.folder, first.behind, ended=False)
    assert (first.content, second.content) == ([1, "x" * 50], [2, "x" * 50])


def test_an_unfinished_line_is_left_while_the_writer_lives(writer: JournalWriter, tmp_path: Path) -> None:
    note(writer, 1)
    with writer.folder.file(1).open("ab") as file:
        file.write(b"0000")
    assert read(tmp_path, ended=False) == [[1, "x" * 50]]
    assert read(tmp_path, ended=True) == [[1, "x" * 50], None]


def test_a_damaged_line_costs_no_other(writer: JournalWriter, tmp_path: Path) -> None:
    for number in range(3):
        note(writer, number)
    file = writer.folder.file(1)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    assert [each and each[0] for each in read(tmp_path)] == [0, None, 2]  # type: ignore[index]


def test_threads_share_a_writer(tmp_path: Path) -> None:
    writer = writer_in(tmp_path, file_bytes=10_000)

    def work(thread: int) -> None:
        for number in range(1000):
            note(writer, thread * 1000 + number)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    found = [each[0] for each in read(tmp_path)]  # type: ignore[index]
    assert sorted(found) == list(range(4000))
    for k in range(4):
        mine = [number for number in found if number // 1000 == k]
        assert mine == sorted(mine)


def test_a_full_disk_is_waited_out(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    done = run_on_small_disk(disk, "200k", __file__, str(disk))
    assert done.stdout.split() == ["held", "all"], done.stderr
    assert "logged values are held in memory" in done.stderr


def test_beyond_what_memory_may_hold_the_oldest_are_counted(tmp_path: Path) -> None:
    identity = Identity("run", "w", "/workspace", os.getpid(), "host")
    writer = JournalWriter(WriterFolder(tmp_path / "w"), identity, held=10)
    os.close(writer._descriptor)
    writer._descriptor = os.open("/dev/full", os.O_WRONLY)
    for number in range(30):
        note(writer, number)
    assert (writer.held, writer.lost) == (10, 20)
    os.close(writer._descriptor)
    writer._descriptor = os.open(writer.folder.file(1), os.O_WRONLY | os.O_APPEND)
    writer.write_held()
    writer.close()
    assert [each[0] for each in read(tmp_path) if each] == list(range(20, 30))  # type: ignore[index]


def test_the_locks_tell_whether_the_writer_lives(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from tests.ledger.journal.test_journal import *;"
        "w = writer_in(Path(sys.argv[1])); [note(w, n) for n in range(500)]; print('ready', flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        (folder,) = writer_folders(tmp_path)
        assert folder.take_alive() is None
        running.send_signal(signal.SIGKILL)
        running.wait(30)
    lock = folder.take_alive()
    assert lock is not None
    os.close(lock)
    assert len(read(tmp_path)) == 500
    found = folder.identity()
    assert found is not None
    assert found.pid == running.pid


def test_a_writer_that_is_closed_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    writer.close()
    others = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
    writer.close()
    for other in others:
        os.close(other)


def test_a_folder_whose_head_was_never_written_belongs_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    assert WriterFolder(tmp_path / "w").identity() is None
    (tmp_path / "w" / "head.json").write_text("[1", encoding="utf-8")
    assert WriterFolder(tmp_path / "w").identity() is None
    assert list(writer_folders(tmp_path / "nowhere")) == []


def fill_and_drain(disk: Path) -> None:
    """On a small disk: fill it, go on writing, make room, and look whether all is there."""
    import time  # noqa: PLC0415

    filler = disk / "filler"
    filler.write_bytes(b"x" * 100_000)
    writer = writer_in(disk)
    for number in range(5_000):
        note(writer, number)
    print("held" if writer.held else "fits")
    filler.unlink()
    time.sleep(1.1)
    note(writer, 5_000)
    writer.close()
    # Only as much was written as there is room for; what is there is whole and in order.
    found = [each[0] for each in read(disk) if each]  # type: ignore[index]
    print("all" if found == list(range(len(found))) and len(found) > 1_500 and None not in read(disk) else found)


if __name__ == "__main__":
    fill_and_drain(Path(sys.argv[1]))
