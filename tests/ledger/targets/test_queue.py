"""The queue of a target: first come, first served, and the dead make room."""

import subprocess
import sys
from pathlib import Path

from ledger.targets.local.queue import Queue

ROOT = Path(__file__).resolve().parents[3]

_HOLD = """
import sys
from pathlib import Path
from ledger.targets.local.queue import Queue
queue = Queue(Path(sys.argv[1]), int(sys.argv[2]))
queue.enter("other")
print(queue.take(), flush=True)
sys.stdin.read()
"""


def test_so_many_at_once_in_the_order_of_arrival(tmp_path: Path) -> None:
    queues = [Queue(tmp_path, 2) for _ in range(4)]
    for number, queue in enumerate(queues):
        queue.enter(f"r{number}")

    assert [queue.take() for queue in reversed(queues)] == [False, False, False, True]
    assert queues[1].take()
    assert not queues[2].take()
    queues[0].leave()
    assert not queues[3].take()
    assert queues[2].take()


def test_who_leaves_the_line_lets_the_next_one_pass(tmp_path: Path) -> None:
    first, second = Queue(tmp_path, 1), Queue(tmp_path, 1)
    first.enter("a")
    second.enter("b")
    assert not second.take()
    first.leave()

    assert second.take()
    second.leave()
    assert list(tmp_path.glob("*.ticket")) == []


def test_any_number_needs_no_place(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "unused", None)
    queue.enter("a")

    assert queue.take()
    assert not (tmp_path / "unused").exists()


def test_a_process_that_is_killed_gives_up_its_ticket_and_its_slot(tmp_path: Path) -> None:
    ours = Queue(tmp_path, 1)
    for expected in ("True", "False"):
        other = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(tmp_path), "1"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with other:
            assert other.stdout is not None
            assert other.stdout.readline().strip() == expected
            if expected == "True":
                ours.enter("ours")
                assert not ours.take()
            other.kill()
        if expected == "True":
            assert ours.take()
    ours.leave()
    last = Queue(tmp_path, 1)
    last.enter("last")
    assert last.take()
