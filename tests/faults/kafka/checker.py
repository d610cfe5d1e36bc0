"""The checker of histories: do the answers that writers got agree with what lies in the logs?

Since every event names its predecessor, checking is linear in the length of the history, and no search among possible
orders is needed. Calls are read one after another; of each accepted one the two moments are kept, 16 bytes.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.faults.kafka.notes import ACCEPTED, LOST, NONE, Answer, Call
from tests.faults.kafka.rule import VOID, History, split

SHOWN = 20

LOST_EVENT = "acknowledged and not in the log"
OTHER_PLACE = "acknowledged and elsewhere in the log"
KEPT_EVENT = "refused and in the log"
TORN = "stored in part"
LATE = "answered and overtaken"
LOG = "wrong in the log"
READER = "read otherwise"


@dataclass(slots=True)
class Findings:
    """What was counted, and every way in which the answers, the chains or the readers are wrong."""

    outcomes: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    """How many calls of which kind of stream had which outcome."""
    events: int = 0
    """How many events the accepted calls appended."""
    violations: "Counter[str]" = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)
    """The first of them in words."""

    def add(self, kind: str, text: str) -> None:
        """A violation."""
        self.violations[kind] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{kind}: {text}")

    def answered(self, kind: str = "") -> int:
        """How many calls (of a kind of stream) were accepted, or told that another was first."""
        return self.count(ACCEPTED, kind) + self.count(LOST, kind)

    def count(self, outcome: str, kind: str = "") -> int:
        """How many calls (of a kind of stream) had this outcome."""
        return sum(n for (of, had), n in self.outcomes.items() if had == outcome and kind in {"", of})


@dataclass(slots=True)
class Moments:
    """When the append of each accepted event of a partition began, and when it was answered; 0 and never if unknown."""

    began: "array[float]"
    ended: "array[float]"

    @classmethod
    def of(cls, records: int) -> "Moments":
        return cls(array("d", bytes(8 * records)), array("d", [float("inf")]) * records)


def check(calls: Iterable[tuple[Call, Answer]], history_of: Callable[[str], History], findings: Findings) -> None:
    """Hold every call against the log of its stream, then the order of the answered ones against time."""
    histories: dict[int, tuple[History, list[Moments]]] = {}
    for call, answer in calls:
        history = history_of(call.stream)
        if id(history) not in histories:
            histories[id(history)] = history, [Moments.of(len(each.streams)) for each in history.partitions]
        moments = histories[id(history)][1]
        findings.outcomes[call.stream.rstrip("0123456789"), answer.outcome] += 1
        if _check_answer(call, answer, history, findings):
            for index in range(call.size):
                partition, offset = split(answer.place + index)
                moments[partition].began[offset] = call.began
                moments[partition].ended[offset] = answer.ended
    for history, moments in histories.values():
        for fault in history.faults:
            findings.add(LOG, fault)
        for partition, times in enumerate(moments):
            _check_order(history, partition, times, findings)


def _check_answer(call: Call, answer: Answer, history: History, findings: Findings) -> bool:
    """Whether the call was answered as accepted, and rightly."""
    last = call.seq + call.size - 1
    first_is_there = history.holds(call.stream, call.seq, call.first)
    last_is_there = history.holds(call.stream, last, call.last)
    said = f"call {call.name} for {call.stream} {call.seq}"
    if first_is_there != last_is_there:
        findings.add(TORN, f"{said} to {last}")
    if answer.outcome != ACCEPTED:
        if answer.outcome != NONE and (first_is_there or last_is_there):
            findings.add(KEPT_EVENT, f"{said} was {answer.outcome}; it lies at {history.place(call.stream, call.seq)}")
        return False
    findings.events += call.size
    if not last_is_there:
        findings.add(LOST_EVENT, f"{said}, said to lie at {answer.place}")
        return False
    places = [history.place(call.stream, call.seq + index) for index in range(call.size)]
    if places != list(range(answer.place, answer.place + call.size)):
        findings.add(OTHER_PLACE, f"{said}, said to lie at {answer.place}, lies at {places}")
        return False
    return True


def _check_order(history: History, partition: int, moments: Moments, findings: Findings) -> None:
    """An append that was answered before another to the stream began lies before it."""
    streams = history.partitions[partition].streams
    earliest_end_behind: dict[int, float] = {}
    for offset in range(len(streams) - 1, -1, -1):
        stream = streams[offset]
        if stream == VOID:
            continue
        earliest = earliest_end_behind.get(stream, float("inf"))
        if moments.began[offset] > earliest:
            findings.add(
                LATE, f"{history.names[stream]} at {partition}/{offset} began after a later event was answered"
            )
        earliest_end_behind[stream] = min(earliest, moments.ended[offset])
