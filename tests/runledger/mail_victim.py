"""Sends what is due, as `runledger alert run --once` does, and kills itself at a point."""

import asyncio
import os
import signal
import sys

from runledger.alerting import mail_service
from runledger.wiring import Embedded, embedded_workspace


def main(workspace: str, point: str) -> None:
    """Say that all is loaded, then work."""
    with embedded_workspace(workspace) as parts:
        asyncio.run(_send(parts, point))


async def _send(parts: Embedded, point: str) -> None:
    def at(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    service, channel = mail_service(parts, at=at)
    try:
        await service.run_once(30)
    finally:
        await channel.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
