"""Since when a reader has read on without a break, by its own clock.

Nobody is judged for a silence during which nobody listened: a process that was stopped, a machine
that slept, a log that could not be read or written.
"""

import time
from typing import NamedTuple


class Moment(NamedTuple):
    """One moment by two clocks, in seconds: neither shows every kind of pause.

    `steady` goes on while this process is stopped and, where the system has such a clock, while the
    machine sleeps; `wall` jumps when a virtual machine that was frozen is set right.
    """

    steady: float
    wall: float


def moment() -> Moment:
    """Now."""
    return Moment(time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)), time.time())


class Attention:
    """Told of each time that the end of the log was reached."""

    def __init__(self, longest_gap: float) -> None:
        """Readings that lie further apart than so many seconds are a break."""
        self._longest_gap = longest_gap
        self._last: Moment | None = None
        self._since = 0.0

    def attend(self, at: Moment) -> bool:
        """The end of the log was reached, by a reading that began at this moment; whether there was no break before."""
        unbroken = self.is_unbroken(at)
        if not unbroken:
            self._since = at.steady
        self._last = at
        return unbroken

    def is_unbroken(self, at: Moment) -> bool:
        """Whether there is no break between the last reading and this moment."""
        last = self._last
        return last is not None and max(at.steady - last.steady, at.wall - last.wall) <= self._longest_gap

    def interrupt(self) -> None:
        """Something kept others from being heard: the next reading begins anew."""
        self._last = None

    def since(self) -> float:
        """The steady time from which on there was no break."""
        return self._since

    def seconds(self) -> float:
        """For how long there was no break, up to the last reading."""
        return 0.0 if self._last is None else self._last.steady - self._since
