"""How often something may happen: a bucket of tokens, pure, so that time is an argument."""

import re
from dataclasses import dataclass, replace
from typing import Self

_UNITS = {"s": 1, "min": 60, "h": 3_600, "day": 86_400}
_LOOKS_A_SECOND = 20
_TINY = 1e-9
_WRITTEN = re.compile(r"([1-9][0-9]{0,8})/(s|min|h|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` times in any `seconds`."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `600/min`; raises ValueError that says how it is written."""
        found = _WRITTEN.fullmatch(text.replace(" ", ""))
        if found is None:
            raise ValueError(f"{text!r} is no rate; write a number and a unit, such as 600/min (s, min, h, day)")
        return cls(int(found[1]), _UNITS[found[2]])


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a rate; `at` (milliseconds) is when `tokens` were counted.

    It holds `burst` and fills as much more slowly as that first burst costs: no stretch of time,
    wherever it begins, sees more than the rate.
    """

    rate: Rate
    burst: int
    tokens: float
    at: int

    @classmethod
    def full(cls, rate: Rate, now: int, burst: int | None = None) -> Self:
        """Nothing happened yet. Without a burst it is what comes up between two looks of a service."""
        burst = burst or min(rate.count, 2 + rate.count // (rate.seconds * _LOOKS_A_SECOND))
        return cls(rate, burst, burst, now)

    def left(self, now: int) -> int:
        """How often it may happen at once."""
        return max(0, int(self._filled(now) + _TINY))

    def take(self, now: int, count: int) -> "Bucket":
        """After it happened so often."""
        return replace(self, tokens=self._filled(now) - count, at=max(now, self.at))

    def _filled(self, now: int) -> float:
        a_second = (self.rate.count - self.burst + 1) / self.rate.seconds
        return min(self.burst, self.tokens + max(0, now - self.at) / 1_000 * a_second)
