"""When this server believes that the log's clock has come to a moment: it asks, and learns from the answer."""

from dataclasses import dataclass, replace

ALLOWANCE_MS = 100
"""How long others are given to write something that shows that the time has come."""


@dataclass(frozen=True, slots=True)
class LogClock:
    """What the log's clock showed last, and when and for what this server asked it (milliseconds).

    The log's clock may be before or behind ours, and ours may jump: so a moment that ours shows is
    asked about, and if the log's has not come to it, asked about again when what was missing has passed.
    """

    recorded_at: int = 0
    asked_at: int = 0
    asked_for: int = 0

    def read(self, recorded_at: int) -> "LogClock":
        """After an event."""
        return replace(self, recorded_at=max(self.recorded_at, recorded_at))

    def asked(self, now: int, due: int) -> "LogClock":
        """After the log was asked whether it has come to a moment."""
        return replace(self, asked_at=now, asked_for=due)

    def shows(self, due: int, now: int) -> bool:
        """Whether it is time to ask about a moment."""
        if now < due + ALLOWANCE_MS:
            return False
        missing = due - self.recorded_at
        again = self.asked_for >= due and missing > 0
        return not again or now < self.asked_at or now >= self.asked_at + max(missing, ALLOWANCE_MS)
