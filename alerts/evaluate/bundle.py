"""What is told together: the first of many things in full, and how many there were of each kind."""

from collections import Counter
from dataclasses import dataclass

from alerts.rules.suppressing import Subject

NAMED = 10
"""How many of the things in one mail are named."""


@dataclass(frozen=True, slots=True)
class Member:
    """One thing that a rule noticed; `opening` is the hash of its event, and `trigger` the position.

    `recovers` is a run that completed after others of its group had not.
    """

    trigger: int
    opening: bytes
    subject: Subject
    recovers: bool = False


class Bundle:
    """A growing number of things, of which the first are kept."""

    __slots__ = ("count", "counts", "first", "last")

    def __init__(self, member: Member) -> None:
        """Begin with one thing."""
        self.first = [member]
        self.last = member
        self.count = 1
        self.counts = Counter({_word(member): 1})

    def add(self, member: Member) -> None:
        """Take one more in."""
        self.last = member
        self.count += 1
        self.counts[_word(member)] += 1
        if len(self.first) < NAMED:
            self.first.append(member)

    def merge(self, other: "Bundle") -> None:
        """Take in all of another."""
        self.last = other.last
        self.count += other.count
        self.counts.update(other.counts)
        self.first += other.first[: NAMED - len(self.first)]

    def copy(self) -> "Bundle":
        """The same things, to grow apart from here."""
        found = Bundle(self.last)
        found.first, found.count, found.counts = list(self.first), self.count, Counter(self.counts)
        return found


def _word(member: Member) -> str:
    transition = member.subject.transition
    if transition.raised is not None:
        return transition.raised.level
    return str(transition.status)
