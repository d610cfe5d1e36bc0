"""Somebody who follows the ledger: what he wants, and what waits to be sent to him."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runledger.server.live.message import Message

WAITING_BYTES = 1 << 20
"""Who lets more than this wait is dropped; he resumes where he was."""


@dataclass(frozen=True, slots=True)
class Wants:
    """Which runs and experiments somebody follows; everything without any."""

    runs: frozenset[str] = frozenset()
    experiments: frozenset[str] = frozenset()

    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.runs and not self.experiments

    def holds(self, message: Message) -> bool:
        """Whether a message is wanted."""
        return self.everything() or not self.runs.isdisjoint(message.runs) or message.experiment in self.experiments


class Follower:
    """A bounded queue between the stream and one connection; used by the event loop's thread alone."""

    def __init__(self, wants: Wants, *, user: str | None, abort: Callable[[], None] = lambda: None) -> None:
        """`user` is the stream of who follows, None for nobody known; `abort` breaks his connection off."""
        self.wants = wants
        self.user = user
        self.position = 0
        self.dropped = False
        self._abort = abort
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._wake = asyncio.Event()

    def tell(self, messages: Sequence[Message], whole: bytes) -> None:
        """Let what is wanted of some messages wait; `whole` is the content of all of them."""
        if self.wants.everything() and messages and self.position < messages[0].position:
            self.push(whole)
        else:
            wanted = [m.content for m in messages if m.position > self.position and self.wants.holds(m)]
            self.push(b"".join(wanted))

    def push(self, chunk: bytes) -> None:
        """Let bytes wait; if that is too much, the connection is broken off."""
        if not chunk or self._ended:
            return
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._wake.set()
        if self._size > WAITING_BYTES:
            self.dropped = True
            self.break_off()

    def end(self) -> None:
        """Send what waits, and nothing after it."""
        self._ended = True
        self._wake.set()

    def break_off(self) -> None:
        """Send nothing more, and end the connection whatever it has not taken."""
        self._chunks.clear()
        self.end()
        self._abort()

    async def next(self) -> bytes | None:
        """What waits, as soon as something does; None at the end."""
        while not self._chunks and not self._ended:
            self._wake.clear()
            await self._wake.wait()
        if not self._chunks:
            return None
        waiting = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        return waiting
