"""Sends what is due while the clock of its machine jumps an hour ahead, and then two hours back: WORKSPACE POINT."""

import asyncio
import sys
from datetime import datetime, timedelta

from runledger import alerting, wiring

HOUR = timedelta(hours=1)


class JumpingClock:
    """The world's clock; each jump comes after so many mails were begun."""

    def __init__(self) -> None:
        self._true = wiring.now
        self._begun = 0

    def __call__(self) -> datetime:
        """The time as this machine has it now."""
        ahead = HOUR if 3 <= self._begun < 8 else -HOUR if self._begun >= 8 else HOUR * 0
        return self._true() + ahead

    def at(self, point: str) -> None:
        """Count the mails."""
        self._begun += point == "sending"


def main(workspace: str, _point: str) -> None:
    """Send, and end when this clock says that nothing is due."""
    clock = JumpingClock()
    wiring.now = alerting.now = clock  # type: ignore[attr-defined]
    with wiring.embedded_workspace(workspace) as parts:
        asyncio.run(_send(parts, clock))


async def _send(parts: wiring.Embedded, clock: JumpingClock) -> None:
    service, channels = alerting.mail_service(parts, at=clock.at)
    try:
        await service.run_once(5)
    finally:
        await channels.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
