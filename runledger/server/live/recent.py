"""The last messages, so that who was away for a moment misses none."""

from collections import deque
from collections.abc import Iterable

from runledger.server.live.message import Message


class Recent:
    """Every message behind the position `since`, up to a number of positions."""

    def __init__(self, most: int) -> None:
        """Nothing is known yet; keep the messages of the last `most` positions."""
        self._most = most
        self._messages: deque[Message] = deque()
        self.since = 0
        self.position = 0

    def begin(self, position: int) -> None:
        """Forget everything, and know what comes behind a position."""
        self._messages.clear()
        self.since = self.position = position

    def add(self, messages: Iterable[Message], position: int) -> None:
        """Take in what was read up to a position."""
        self._messages.extend(messages)
        self.position = position
        self.since = max(self.since, position - self._most)
        while self._messages and self._messages[0].position <= self.since:
            self._messages.popleft()

    def after(self, position: int) -> list[Message] | None:
        """The messages behind a position; None if some of them are forgotten."""
        if position < self.since:
            return None
        found: list[Message] = []
        for message in reversed(self._messages):
            if message.position <= position:
                break
            found.append(message)
        return found[::-1]
