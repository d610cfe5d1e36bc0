"""What a channel takes, and what it says became of it."""

from dataclasses import dataclass
from typing import Protocol

from schemas.errors import LedgerError


class ChannelSettingsError(LedgerError):
    """Settings of a channel that cannot be used; the text says which, and how they are written."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message for one recipient, complete, so that sending it again sends the same bytes.

    `notification` is its identity in the ledger, `sender` the envelope's where the channel has one.
    What `content` is, is between the channel and who composes for it.
    """

    notification: str
    recipient: str
    sender: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side took it; `reply` is what it said, often with its queue id."""

    code: int | None
    reply: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It was certainly not taken; another time it may be, not before `after_seconds` if the other side said so."""

    why: str
    code: int | None = None
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejected:
    """This recipient will never get this message; others are not concerned."""

    recipient: str
    code: int | None
    reply: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It was handed over and no answer came: it may have been taken or not."""

    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing can be sent now, whatever the message; it was not taken.

    `wait_seconds` is how long the channel will not even try.
    """

    why: str
    code: int | None = None
    wait_seconds: float = 0.0


Outcome = Sent | Retry | Rejected | Ambiguous | Broken
"""What became of one attempt."""


class Channel(Protocol):
    """A way to recipients."""

    @property
    def connections(self) -> int:
        """How many messages may be under way at once."""

    async def send(self, mail: Mail) -> Outcome:
        """Try once; what goes wrong is an outcome and never an exception.

        If it is cancelled, the message may have been taken or not.
        """

    async def close(self) -> None:
        """Let go of every connection."""
