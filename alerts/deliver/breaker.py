"""The breaker: while the transport is broken, nothing is claimed but one mail to try it with."""

from dataclasses import dataclass

_FIRST = 1_000
_LONGEST = 120_000
_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Breaker:
    """How often in a row the transport was found broken, and when it may be tried again (milliseconds)."""

    failures: int = 0
    try_at: int = 0

    def broke(self, now: int, *, at_least: float = 0.0) -> "Breaker":
        """After the transport was found broken; what was under way at the same time counts once.

        `at_least` is how many seconds the channel asks to be left alone.
        """
        asked = now + int(at_least * 1_000)
        if self.failures and now < self.try_at:
            return Breaker(self.failures, max(self.try_at, asked))
        wait = min(_LONGEST, _FIRST << min(self.failures, _DOUBLINGS))
        return Breaker(self.failures + 1, max(now + wait, asked))

    def worked(self) -> "Breaker":
        """After the other side answered, whatever it said about the mail."""
        return Breaker()

    def allows(self, now: int, *, connections: int, under_way: int) -> int:
        """How many more mails may be claimed."""
        if not self.failures:
            return max(0, connections - under_way)
        return 1 if now >= self.try_at and not under_way else 0
