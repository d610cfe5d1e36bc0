"""When a relay that cannot be used is tried again: pure, so that time is an argument."""

from dataclasses import dataclass

_FIRST, _LONGEST = 1.0, 300.0
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Breaker:
    """`step` counts the failures in a row, and before `opens_at` (seconds) nobody tries."""

    step: int = 0
    opens_at: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next try; 0 if one may be made."""
        return max(0.0, self.opens_at - now)

    def failed(self, now: float, step: int) -> "Breaker":
        """After a try that began in `step` failed.

        Those that began together count once. So there are never more tries in a step than
        connections: each begins at most one before the first failure ends the step.
        """
        if step != self.step:
            return self
        return Breaker(step + 1, now + min(_LONGEST, _FIRST * 2 ** min(step, _STEPS)))
