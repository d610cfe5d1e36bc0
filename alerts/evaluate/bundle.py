"""What is told together: the first of many things in full, and how many there were of each kind."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from alerts.rules.suppressing import Subject
from schemas.statuses import TERMINAL

NAMED = 10
"""How many of the things in one mail are named."""


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that a rule noticed; `opening` is the hash of its event, and `trigger` the position.

    `recovers` is what is over: a run that completed after others of its group had not, or that ended
    at last. `corrects` is a run that reported another end than was presumed.
    """

    trigger: int
    opening: bytes
    subject: Subject
    recovers: bool = False
    corrects: bool = False

    @property
    def is_presumed_end(self) -> bool:
        """Whether the run may still report another end."""
        transition = self.subject.transition
        return transition.presumed and transition.status in TERMINAL


class Bundle:
    """A growing number of things, of which the first are kept, and all presumed ends by rule and run."""

    __slots__ = ("count", "counts", "first", "last", "presumed")

    def __init__(self, member: Member) -> None:
        """Begin with one thing."""
        self.first = [member]
        self.last = member
        self.count = 1
        self.counts = Counter({_word(member): 1})
        self.presumed: dict[tuple[str, str], None] = {}
        self._note(member)

    def add(self, member: Member) -> None:
        """Take one more in."""
        self.last = member
        self.count += 1
        self.counts[_word(member)] += 1
        if len(self.first) < NAMED:
            self.first.append(member)
        self._note(member)

    def correct(self, rule: str, member: Member) -> None:
        """Take in that a presumed end, which is one of these, was otherwise."""
        del self.presumed[rule, member.subject.transition.run_id]
        self.add(member)

    def merge(self, other: "Bundle") -> None:
        """Take in all of another."""
        self.last = other.last
        self.count += other.count
        self.counts.update(other.counts)
        self.first += other.first[: NAMED - len(self.first)]
        self.presumed |= other.presumed

    def copy(self) -> Self:
        """The same things, to grow apart from here."""
        found = type(self)(self.last)
        found.first, found.count, found.counts = list(self.first), self.count, Counter(self.counts)
        found.presumed = dict(self.presumed)
        return found

    @classmethod
    def of(cls, bundles: Iterable[Self]) -> Self:
        """All of several as they came one after another; something of each is named, as far as there is room."""
        first, *others = bundles
        found = first.copy()
        for each in others:
            found.merge(each)
        named = [each.first[0] for each in (first, *others)]
        named += [member for each in (first, *others) for member in each.first[1:]]
        found.first = sorted(named[:NAMED], key=_place)
        found.last = max((each.last for each in (first, *others)), key=_place)
        return found

    @classmethod
    def told(
        cls, first: Sequence[Member], count: int, counts: Mapping[str, int], presumed: Iterable[tuple[str, str]]
    ) -> Self:
        """What was told already, as it was told."""
        found = cls(first[-1])
        found.first, found.count, found.counts = list(first), count, Counter(counts)
        found.presumed = dict.fromkeys(presumed)
        return found

    def _note(self, member: Member) -> None:
        if member.is_presumed_end:
            self.presumed[member.subject.rule, member.subject.transition.run_id] = None


def _place(member: Member) -> int:
    return member.trigger


def _word(member: Member) -> str:
    transition = member.subject.transition
    if transition.raised is not None:
        return transition.raised.level
    return str(transition.status)
