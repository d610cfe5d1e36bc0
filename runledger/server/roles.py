"""What a server does beside answering: one coroutine a role, each until it is told to stop."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ledger.errors import UnavailableError

_PAUSE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Role(Protocol):
    """Something that a server does for as long as it runs."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; an error ends the server."""


class Repeating:
    """Does in a thread, over and over, what brings something up to date."""

    def __init__(self, work: Callable[[], None], seconds: float = _PAUSE_SECONDS) -> None:
        """Call `work` every so many seconds."""
        self._work = work
        self._said = ""
        self._seconds = seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        while not await is_set_within(stop, self._seconds):
            await self.once(stop)

    async def once(self, stop: asyncio.Event) -> None:
        """Work until it is done once; what cannot be reached may come back."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self._work)
            except UnavailableError as error:
                self._warn(str(error))
                await is_set_within(stop, _PAUSE_SECONDS)
            else:
                self._said = ""
                return

    def _warn(self, text: str) -> None:
        # It may stay so for hours: said is it once.
        if text != self._said:
            _log.warning("this server cannot go on, trying again: %s", text)
        self._said = text


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but no longer; whether it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
