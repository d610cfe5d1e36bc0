"""The time and the room that a template may take."""

from collections.abc import Callable
from time import thread_time

from schemas.errors import LedgerError

SECONDS = 0.25
BYTES = 256_000
CHARACTERS = 4_000_000
_CHARACTERS_AN_ITEM = 100


class TemplateFailedError(LedgerError):
    """A template that could not be rendered with these facts; the text says why."""


class Budget:
    """What is left for one message: seconds, and characters of all texts and lists made on the way."""

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        """A full budget, from now on; the time is what this thread computes, not that of a busy machine."""
        self._clock = clock
        self._deadline = clock() + SECONDS
        self._left = CHARACTERS

    def check(self) -> None:
        """Raise TemplateFailedError if the time is over."""
        if self._clock() > self._deadline:
            raise TemplateFailedError(f"the template took more than {SECONDS * 1000:.0f} ms; make it do less")

    def spend(self, made: object) -> None:
        """Count what an operation made; raise TemplateFailedError if that is too much in all."""
        if isinstance(made, str):
            self._left -= len(made)
        elif isinstance(made, list | tuple):
            self._left -= len(made) * _CHARACTERS_AN_ITEM
        if self._left < 0:
            raise TemplateFailedError(f"the template worked on more than {CHARACTERS:,} characters; make it do less")


def fits(size: int) -> None:
    """Raise TemplateFailedError if a text of so many bytes, or characters, is too large."""
    if size > BYTES:
        raise TemplateFailedError(f"the template made more than {BYTES:,} bytes; show less, for instance with |short")
