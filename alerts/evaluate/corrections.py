"""Presumed ends that were told of: if the run reports another way, whoever was told is told of that."""

from collections import OrderedDict
from collections.abc import Iterable

from alerts.evaluate.changes import Change
from alerts.evaluate.intent import Intent
from schemas.statuses import TERMINAL

CORRECTION_DAYS = 30
"""How long after a presumed end was told its correction is still told."""

_DAY = 24 * 3_600 * 1_000

Told = dict[tuple[str, str], Intent]
"""The last that was told of an end, by rule and recipient."""


def corrects(change: Change) -> bool:
    """Whether a change says that a run ended another way than was presumed."""
    return change.previous in TERMINAL and change.status in TERMINAL and not change.presumed


class Corrections:
    """What was told of presumed ends, alone or with others, for some time."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._told: OrderedDict[str, tuple[int, Told]] = OrderedDict()

    def of(self, run_id: str, change: Change, at: int) -> Told:
        """What was told of an end that a change corrects; whatever else happens to the run ends the waiting."""
        told_at, told = self._told.pop(run_id, (0, {}))
        return told if told and at - told_at <= CORRECTION_DAYS * _DAY and corrects(change) else {}

    def remember(self, intents: Iterable[Intent]) -> None:
        """Note what is told, if it tells of presumed ends."""
        for intent in intents:
            if intent.suppressed is None:
                for rule, run_id in _presumed(intent):
                    self._note(run_id, rule, intent)

    def _note(self, run_id: str, rule: str, intent: Intent) -> None:
        _, told = self._told.pop(run_id, (0, {}))
        told[rule, intent.recipient] = intent
        self._told[run_id] = intent.subject.at, told
        while self._told:
            oldest, (told_at, _) = next(iter(self._told.items()))
            if intent.subject.at - told_at <= CORRECTION_DAYS * _DAY:
                return
            del self._told[oldest]


def _presumed(intent: Intent) -> Iterable[tuple[str, str]]:
    """The presumed ends that an intent tells of, by rule and run."""
    if intent.members:
        return intent.presumed
    transition = intent.subject.transition
    ended = transition.presumed and transition.status in TERMINAL
    return [(intent.rule, transition.run_id)] if ended else []
