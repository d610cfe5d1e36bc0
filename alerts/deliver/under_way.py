"""What this server is sending, and what came of it that is not in the log yet."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from alerts.channels.channel import Ambiguous, Mail
from alerts.channels.channel import Outcome as Came
from alerts.deliver.lane import Lane
from alerts.deliver.notification import Notification
from alerts.deliver.outcomes import settlement
from schemas.events import Outcome

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sending:
    """A mail under way; its lease runs since then, by our own clock."""

    notification: Notification
    task: asyncio.Task[None]
    since: int


class UnderWay:
    """Belongs to the loop; `changed` is set whenever an outcome is there."""

    def __init__(self, lanes: Mapping[str, Lane], now: Callable[[], int], at: Callable[[str], None]) -> None:
        """Nothing is under way; `at` is told of each point that is reached."""
        self.sending: dict[str, Sending] = {}
        self.outcomes: list[Outcome] = []
        self.changed = asyncio.Event()
        self._lanes = lanes
        self._now = now
        self._at = at

    def __bool__(self) -> bool:
        return bool(self.sending or self.outcomes)

    def ids(self) -> frozenset[str]:
        """All that is not to be begun again: what is being sent, and what came of it is still to be told."""
        return frozenset((*self.sending, *(outcome.notification for outcome in self.outcomes)))

    def begin(self, notification: Notification, mail: Mail | Came) -> None:
        """Send a mail; or, if none could be made, keep what came of that."""
        if not isinstance(mail, Mail):
            self._came(notification, mail)
            return
        task = asyncio.create_task(self._send(notification, mail))
        self.sending[notification.id] = Sending(notification, task, self._now())

    async def idle(self, seconds: float) -> None:
        """Return when nothing is being sent, or after so many seconds."""
        if self.sending:
            await asyncio.wait([each.task for each in self.sending.values()], timeout=seconds)

    async def finish(self, seconds: float) -> None:
        """Give what is being sent its time, and break off the rest."""
        tasks: Sequence[asyncio.Task[None]] = [each.task for each in self.sending.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _send(self, notification: Notification, mail: Mail) -> None:
        came: Came = Ambiguous("the server was stopped while it sent this")
        try:
            came = await self._attempt(notification, mail)
        finally:
            self.sending.pop(notification.id, None)
            self._came(notification, came)

    async def _attempt(self, notification: Notification, mail: Mail) -> Came:
        lane = self._lanes[notification.intent.channel]
        try:
            self._at("sending")
            came = await lane.channel.send(mail)
            self._at("sent")
            lane.hear(came, self._now())
        except Exception as error:  # noqa: BLE001 - one notification may not stop the others
            _log.warning("notification %s: its channel failed", notification.id, exc_info=True)
            return Ambiguous(f"the channel failed: {type(error).__name__}: {error}")
        return came

    def _came(self, notification: Notification, came: Came) -> None:
        self.outcomes.append(settlement(notification, came, self._now()))
        self.changed.set()
