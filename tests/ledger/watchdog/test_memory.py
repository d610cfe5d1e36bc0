"""Kills by the out-of-memory killer, counted in both versions of control groups; and a real one."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.watchdog import memory
from tests.control_group import control_group
from tests.ledger.watchdog.scenes import play

_V1 = "9:name=systemd:/\n4:memory:/jobs/7\n0::/\n"
_V2 = "0::/user.slice/job.scope\n"


def _make(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("membership", "file"),
    [
        (_V1, "memory/jobs/7/memory.oom_control"),
        (_V1, "memory/memory.oom_control"),
        (_V2, "user.slice/job.scope/memory.events"),
        (_V2, "unified/user.slice/job.scope/memory.events"),
        (_V2, "memory.events"),
    ],
)
def test_the_counter_is_found(membership: str, file: str, tmp_path: Path) -> None:
    made = _make(tmp_path / file, "low 0\noom 5\noom_kill 2\noom_group_kill 1\n")

    assert memory.counter_file(membership, tmp_path) == made
    assert memory.kills(made) == 2


def test_the_own_group_counts_before_the_top_one(tmp_path: Path) -> None:
    _make(tmp_path / "memory.events", "oom_kill 9\n")
    own = _make(tmp_path / "user.slice/job.scope/memory.events", "oom_kill 0\n")

    assert memory.counter_file(_V2, tmp_path) == own


def test_a_file_that_does_not_count_is_passed_over(tmp_path: Path) -> None:
    """Linux before 4.13 has the file without the counter."""
    _make(tmp_path / "memory/jobs/7/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n")

    assert memory.counter_file(_V1, tmp_path) is None
    assert memory.counter_file("", tmp_path) is None
    assert memory.kills(tmp_path / "gone") is None


@pytest.fixture
def group() -> Iterator[Path | None]:
    """A control group of 60 MB and its file of members; None where none can be made."""
    with control_group("test", 60) as made:
        yield made


def test_an_out_of_memory_kill_is_told_from_any_other(group: Path | None, tmp_path: Path) -> None:
    """Where no group can be made, a mere SIGKILL must not be taken for one."""
    end = "bytearray(200_000_000)" if group else "signal.raise_signal(9)"
    join = f"Path({str(group / 'cgroup.procs')!r}).write_text(str(os.getpid()))" if group else ""
    ending = play(tmp_path / "a", end, join).ending()

    assert (ending.status, ending.signal) == ("Failed", "SIGKILL")
    assert ending.code == ("OutOfMemory" if group else "Signal")
    assert ("from 0 to 1" in ending.certainty) == (group is not None)


def test_a_kill_in_the_same_group_is_a_mere_kill(group: Path | None, tmp_path: Path) -> None:
    join = f"Path({str(group / 'cgroup.procs')!r}).write_text(str(os.getpid()))" if group else ""
    scene = play(tmp_path / "a", "ready(); time.sleep(60)", join)
    scene.signal_when_ready(signal.SIGKILL)

    assert scene.ending().code == "Signal"
