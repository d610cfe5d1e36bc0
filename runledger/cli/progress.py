"""How far a long work is: a bar on a terminal, one JSON line every five seconds elsewhere."""

import json
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

_JSON_SECONDS = 5.0
_BAR_SECONDS = 0.1
_BAR_WIDTH = 20


class Progress:
    """Reports on stderr; the bar goes away at the end."""

    def __init__(
        self, what: str, unit: str, *, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin now; `what` is being done to many a `unit`."""
        self._what = what
        self._unit = unit
        self._out = out if out is not None else sys.stderr
        self._clock = clock
        self._interval = _BAR_SECONDS if self._out.isatty() else _JSON_SECONDS
        self._started = clock()
        # A bar is there at once; lines are for work that takes long.
        self._told = float("-inf") if self._out.isatty() else self._started
        self._shown = ""

    def turn_to(self, what: str, unit: str) -> None:
        """From now on something else is done, if it is not done already."""
        if (what, unit) != (self._what, self._unit):
            self._what, self._unit, self._started = what, unit, self._clock()

    def update(self, done: int, total: int | None = None) -> None:
        """Tell how much is done, if it was not told a moment ago."""
        now = self._clock()
        if now - self._told < self._interval:
            return
        self._told = now
        seconds = now - self._started
        rate = done / seconds if seconds else 0.0
        left = (total - done) / rate if total is not None and rate else None
        if self._out.isatty():
            self._show(self._bar(done, total, rate, left))
        else:
            self._write_line(done, total, rate, left)

    def wipe(self) -> None:
        """Take the bar away until there is more to tell."""
        if self._shown:
            self._show("")

    def _write_line(self, done: int, total: int | None, rate: float, left: float | None) -> None:
        line = {"what": self._what, "done": done, "total": total, "per_second": round(rate)}
        print(json.dumps(line | {"seconds_left": None if left is None else round(left)}), file=self._out, flush=True)

    def _bar(self, done: int, total: int | None, rate: float, left: float | None) -> str:
        speed = f"{rate:,.0f}/s"
        if not total:
            return f"{self._what}: {done:,} {self._unit}, {speed}"
        filled = min(done * _BAR_WIDTH // total, _BAR_WIDTH)
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        remaining = "" if left is None else f", {left:.0f} s left"
        return f"{self._what} [{bar}] {done:,} of {total:,} {self._unit}, {speed}{remaining}"

    def _show(self, text: str) -> None:
        # Blanks wipe what a longer line left behind.
        self._out.write("\r" + text.ljust(len(self._shown)) + ("" if text else "\r"))
        self._out.flush()
        self._shown = text

    def __enter__(self) -> Self:
        """Wipe the bar at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the bar."""
        self.wipe()
