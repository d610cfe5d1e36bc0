"""What a writer notes of its calls, line by line, and reading it again without holding it all in memory.

`c NAME AT STREAM SEQ PREV SIZE FIRST LAST` is a call: an append of SIZE events to STREAM from number SEQ on, decided on
the event whose hash is PREV; FIRST and LAST are the hashes of its first and last event. `a NAME AT OUTCOME PLACE` is an
answer. Each line is one write, so a SIGKILL tears none; AT is the monotonic clock, which all processes share.

A process that takes the place of a killed one begins its file with the calls that were still open, and asks again with
the same ids. So the last file that holds anything names every open call, and the outcome of each is found in the end.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ACCEPTED, LOST, REFUSED, UNKNOWN, NONE = "accepted", "lost", "refused", "unknown", "none"
FINAL = frozenset({ACCEPTED, LOST, REFUSED})
NOTHING = "-"


class Call(NamedTuple):
    """An append that was begun; a call that was asked again keeps the moment when it began first."""

    name: str
    began: float
    stream: str
    seq: int
    prev: str
    size: int
    first: str
    last: str

    def line(self) -> str:
        """The line that notes it."""
        decided = f"{self.stream} {self.seq} {self.prev or NOTHING}"
        return f"c {self.name} {self.began:.6f} {decided} {self.size} {self.first} {self.last}"


class Answer(NamedTuple):
    """What came of a call: `place` is that of its first event, -1 if it has none; `ended` is never for no answer."""

    outcome: str
    ended: float
    place: int


class Notes:
    """A writer's file of one life."""

    def __init__(self, path: Path, still_open: Iterable[Call] = ()) -> None:
        """Begin the file with the calls that are asked again."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._write("b", *(call.line() for call in still_open))

    def call(self, call: Call) -> None:
        """Note a call, before it is made."""
        self._write(call.line())

    def answer(self, call: Call, at: float, outcome: str, place: int = -1) -> None:
        """Note an answer, once it is known."""
        self._write(f"a {call.name} {at:.6f} {outcome} {place}")

    def _write(self, *lines: str) -> None:
        os.write(self._file, ("\n".join(lines) + "\n").encode())


@dataclass(slots=True)
class Doubts:
    """How often an answer was left in doubt on the way."""

    unknown: int = 0
    asked_again: int = 0


def calls_of(lives: Sequence[Path], doubts: Doubts | None = None) -> Iterator[tuple[Call, Answer]]:
    """The calls of one writer over all its lives with their last answers, as they come; in the end those without."""
    doubts = doubts or Doubts()
    still_open: dict[str, Call] = {}
    for path in lives:
        for words in _lines(path):
            if words[0] == "c":
                call = _call(words)
                doubts.asked_again += call.name in still_open
                still_open[call.name] = call
            elif words[0] == "a":
                if words[3] in FINAL:
                    yield still_open.pop(words[1]), Answer(words[3], float(words[2]), int(words[4]))
                else:
                    doubts.unknown += 1
    for call in still_open.values():
        yield call, Answer(NONE, float("inf"), -1)


def open_calls(lives: Sequence[Path]) -> list[Call]:
    """The calls that the last life, which is over, left without a final answer."""
    noted = [path for path in lives if path.exists() and path.stat().st_size]
    return [call for call, answer in calls_of(noted[-1:]) if answer.outcome == NONE]


def _lines(path: Path) -> Iterator[list[str]]:
    if path.exists():
        with path.open(encoding="ascii") as file:
            for line in file:
                yield line.split()


def _call(words: list[str]) -> Call:
    _, name, began, stream, seq, prev, size, first, last = words
    return Call(name, float(began), stream, int(seq), "" if prev == NOTHING else prev, int(size), first, last)
