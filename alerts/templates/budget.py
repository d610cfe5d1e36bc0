"""The time and the room that a template may take."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from schemas.errors import LedgerError

SECONDS = 0.25
BYTES = 256_000


class TemplateFailedError(LedgerError):
    """A template that could not be rendered with these facts; the text says why."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left for one message."""

    deadline: float
    clock: Callable[[], float] = perf_counter

    @classmethod
    def start(cls, clock: Callable[[], float] = perf_counter) -> "Budget":
        """A full budget, from now on."""
        return cls(clock() + SECONDS, clock)

    def check(self) -> None:
        """Raise TemplateFailedError if the time is over."""
        if self.clock() > self.deadline:
            raise TemplateFailedError(f"the template took more than {SECONDS * 1000:.0f} ms; make it do less")


def fits(size: int) -> None:
    """Raise TemplateFailedError if a text of so many bytes, or characters, is too large."""
    if size > BYTES:
        raise TemplateFailedError(f"the template made more than {BYTES:,} bytes; show less, for instance with |short")
