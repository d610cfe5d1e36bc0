"""How often the out-of-memory killer struck in a control group (Linux, versions 1 and 2)."""

from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def counter_file(membership: str | None = None, root: Path = _ROOT) -> Path | None:
    """The file that counts for this process: it must be found while the process lives.

    `membership` is the text of /proc/self/cgroup.
    """
    if membership is None:
        try:
            membership = _MEMBERSHIP.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    return next((path for path in _candidates(membership, root) if kills(path) is not None), None)


def kills(path: Path) -> int | None:
    """What the file counts now; None if it does not, or is gone."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [line.split() for line in lines if line.startswith("oom_kill ")]
    return int(found[0][1]) if found else None


def _candidates(membership: str, root: Path) -> Iterator[Path]:
    """The group's own file, then the top one: a container sees its own group at the top."""
    groups = [line.split(":", 2) for line in membership.splitlines() if line.count(":") > 1]
    for _, controllers, path in groups:
        if "memory" in controllers.split(","):
            yield root / "memory" / path.strip("/") / "memory.oom_control"
            yield root / "memory" / "memory.oom_control"
    for _, controllers, path in groups:
        if not controllers:
            for top in (root, root / "unified"):
                yield top / path.strip("/") / "memory.events"
            yield root / "memory.events"
