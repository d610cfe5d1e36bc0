"""Where the routes of the API and the pages have their questions answered and their commands carried out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from ledger.application.refusing import Attempt
from ledger.artifacts.names import STD_LOG
from ledger.commands import AddArtifacts, Answer, Command
from ledger.errors import ForbiddenError
from ledger.users.rights import Right, right_for
from runledger.server.guard import Visitor
from runledger.server.metrics import Metrics
from runledger.wiring import Embedded
from schemas.errors import LedgerError
from schemas.streams import VALUES

T = TypeVar("T")

_READERS = 16
# For five seconds, often at first: most often it is on its way.
_PAUSES = (0.002,) * 50 + (0.02,) * 45 + (0.2,) * 20


class Desk:
    """Carries out commands in the name of who sends them; the slow parts run in threads."""

    def __init__(
        self,
        parts: Embedded,
        lagging: Callable[[], LedgerError | None],
        metrics: Metrics,
        channels: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    ) -> None:
        """Work on the parts of an open workspace, unless `lagging` says why nothing is written now.

        `channels` tells how each channel is that this server sends by.
        """
        self.parts = parts
        self.channels = channels
        self._lagging = lagging
        self._metrics = metrics
        # Threads of their own: questions are answered while commands wait for a log that does not.
        self._readers = CapacityLimiter(_READERS)

    def admit(self, visitor: Visitor, right: Right, tried: Command | Attempt | None = None) -> None:
        """Raise unless the visitor may do it, and this server knows what it would decide on.

        That somebody `tried` what he may not is written to the log, in this thread.
        """
        try:
            self._check(visitor, right)
        except ForbiddenError as error:
            if tried is not None:
                self._note(visitor, error, tried)
            raise

    async def admitted(self, visitor: Visitor, right: Right, tried: Command | Attempt) -> None:
        """As `admit`; a thread is taken where there is something to write."""
        try:
            self._check(visitor, right)
        except ForbiddenError as error:
            await to_thread.run_sync(self._note, visitor, error, tried)
            raise

    def _check(self, visitor: Visitor, right: Right) -> None:
        visitor.check(right)
        lagging = self._lagging()
        if lagging is not None:
            raise lagging

    def _note(self, visitor: Visitor, error: ForbiddenError, tried: Command | Attempt) -> None:
        if self._lagging() is None:
            self.parts.ledger.note_forbidden(tried, error, visitor.caller)

    def carry_out(self, command: Command, visitor: Visitor, right: Right | None = None) -> Answer:
        """Carry out a command, in this thread; raises what `Ledger.handle` raises.

        `right` is what the visitor needs, if not what commands of its kind need.
        """

        def handle() -> Answer:
            self.admit(visitor, right or right_for(command), command)
            return self.parts.ledger.handle(command, visitor.caller)

        answer = self._metrics.observed(command, handle)
        if isinstance(command, AddArtifacts) and any(each.get("name") == STD_LOG for each in command.artifacts):
            self.parts.files.live.forget(command.run_id)
        return answer

    async def act(self, command: Command, visitor: Visitor) -> Answer:
        """Carry out a command, in a thread."""
        return await to_thread.run_sync(self.carry_out, command, visitor)

    async def ask(self, question: Callable[[], T], at_least: int = 0) -> T:
        """Have a question answered that must know of a position; it is waited for."""
        # Waiting for what another server wrote takes no thread.
        for pause in _PAUSES:
            if self.parts.feed.last_position() >= at_least:
                break
            await asyncio.sleep(pause)
        return await self.in_thread(question)

    async def arrived(self, places: Sequence[int]) -> None:
        """Wait for places of the values log, for a while."""
        for pause in _PAUSES:
            if all(self.parts.database.holds(VALUES, place) for place in places):
                break
            await asyncio.sleep(pause)

    async def in_thread(self, question: Callable[[], T]) -> T:
        """Have a question answered as things are."""
        return await to_thread.run_sync(question, limiter=self._readers)
