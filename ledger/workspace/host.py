"""Which host this is."""

import platform
from pathlib import Path

_MACHINE_ID = Path("/etc/machine-id")


def host_id() -> str:
    """A stable name for this host that tells nothing about it: 16 hex digits."""
    from hashlib import sha256  # noqa: PLC0415 - a process with a URL needs none

    try:
        identity = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        identity = ""
    return sha256(f"runledger:{identity or platform.node()}".encode()).hexdigest()[:16]
