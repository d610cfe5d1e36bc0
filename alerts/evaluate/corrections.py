"""Presumed ends that were told of: if the run reports another way, whoever was told is told of that."""

from collections import OrderedDict
from collections.abc import Iterable

from alerts.evaluate.changes import Change
from alerts.evaluate.intent import Intent
from schemas.statuses import TERMINAL

CORRECTION_DAYS = 30
"""How long after a presumed end its correction is still told."""

_DAY = 24 * 3_600 * 1_000


class Corrections:
    """What was told of presumed ends, for some time."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._told: OrderedDict[str, tuple[int, list[Intent]]] = OrderedDict()

    def of(self, run_id: str, change: Change, at: int) -> list[Intent]:
        """What was told of an end that a change corrects; whatever else happens to the run ends the waiting."""
        told_at, told = self._told.pop(run_id, (0, []))
        recent = at - told_at <= CORRECTION_DAYS * _DAY
        corrects = change.previous in TERMINAL and change.status in TERMINAL and not change.presumed
        return [intent for intent in told if intent.suppressed is None] if recent and corrects else []

    def remember(self, run_id: str, change: Change, at: int, intents: Iterable[Intent]) -> None:
        """Note what was told of a change, if it is a presumed end."""
        about = [intent for intent in intents if intent.run_id == run_id and not intent.members]
        if change.presumed and change.status in TERMINAL and about:
            self._told[run_id] = at, about
        while self._told:
            oldest, (told_at, _) = next(iter(self._told.items()))
            if at - told_at <= CORRECTION_DAYS * _DAY:
                return
            del self._told[oldest]
