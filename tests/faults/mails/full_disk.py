"""Sends while its disk becomes full with mails under way: WORKSPACE THEN, on a disk that is small.

`THEN` is `freed`: after some refused appends there is room again, and the same process goes on; or
`killed`: it is killed while the disk is full. It prints how many appends were refused.
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from runledger.alerting import mail_service
from runledger.wiring import Embedded, embedded_workspace

_BEGUN = 4
_REFUSED = 3


class FullDisk:
    """Is full once so many mails were begun, until so many attempts to settle were refused."""

    def __init__(self, ballast: Path, then: str) -> None:
        """Fill the disk with a file."""
        self.refused = 0
        self._ballast, self._then, self._begun = ballast, then, 0

    def at(self, point: str) -> None:
        """A point was reached."""
        self._begun += point == "sending"
        if point == "sending" and self._begun == _BEGUN:
            self._fill()
        if point == "settling" and self._ballast.exists():
            self.refused += 1
        if point == "settled" and self._ballast.exists():
            self.refused -= 1
        if self._ballast.exists() and self.refused > _REFUSED:
            self._end()

    def _fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("wb", buffering=0) as ballast:
            for size in (65_536, 4_096, 1):
                with suppress(OSError):
                    while ballast.write(bytes(size)) == size:
                        pass

    def _end(self) -> None:
        if self._then == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        self._ballast.unlink()


def main(workspace: str, then: str) -> None:
    """Send until nothing waits."""
    disk = FullDisk(Path(workspace).parent / "ballast", then)
    with embedded_workspace(workspace) as parts:
        asyncio.run(_send(parts, disk))
    print(disk.refused)


async def _send(parts: Embedded, disk: FullDisk) -> None:
    service, channels = mail_service(parts, at=disk.at)
    try:
        await service.run_once(60)
    finally:
        await channels.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
