"""A control group with little memory, where the machine lets one be made (version 1 or 2, as root)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.ledger.watchdog.scenes import until

_GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def control_group(name: str, megabytes: int) -> Iterator[Path | None]:
    """The folder of the group, which must be empty in the end; None where none can be made."""
    made = _made(f"runledger-{name}-{os.getpid()}", megabytes)
    try:
        yield made
    finally:
        if made is not None:
            until(lambda: not (made / "cgroup.procs").read_text(), "the group is empty")
            made.rmdir()


def _made(name: str, megabytes: int) -> Path | None:
    for top, limit in ((_GROUPS / "memory", "memory.limit_in_bytes"), (_GROUPS, "memory.max")):
        with suppress(OSError):
            (top / name).mkdir()
            try:
                (top / name / limit).write_text(str(megabytes * 1_000_000))
            except OSError:
                (top / name).rmdir()
                raise
            return top / name
    return None
