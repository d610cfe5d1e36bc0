"""From what is claimed, or is about to be, to what is handed to a channel: it depends on what is told alone."""

import logging
from collections.abc import Callable, Sequence
from time import perf_counter

from alerts.channels.channel import Mail, Retry
from alerts.deliver.notification import Notification
from alerts.evaluate.facts import Place, facts_at
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import RunEvents
from alerts.facts import Facts

AT_ONCE_SECONDS = 0.02
"""After so long what is composed is sent, and the rest is composed afterwards: templates may be slow."""

Compose = Callable[[Intent, Facts], Mail]
Composed = tuple[Intent, Mail | Retry]
"""What was composed, and the message, or why there is none."""

_log = logging.getLogger(__name__)


class Composing:
    """Makes messages; of one thing all recipients are told the same facts."""

    def __init__(self, compose: Compose, runs: RunEvents, place: Place) -> None:
        """`runs` gives the events that the facts are made of."""
        self._compose = compose
        self._runs = runs
        self._place = place
        self._told: tuple[tuple[object, ...], Facts] | None = None

    def each(self, notifications: Sequence[Notification], at: Callable[[str], None]) -> dict[str, Composed]:
        """The messages of the first by their ids, as many as can be made in a moment; one at least."""
        made: dict[str, Composed] = {}
        until = perf_counter() + AT_ONCE_SECONDS
        for notification in notifications:
            made[notification.id] = notification.intent, self._one(notification)
            at("composed")
            if perf_counter() > until:
                break
        return made

    def _one(self, notification: Notification) -> Mail | Retry:
        try:
            return self._compose(notification.intent, self._facts_of(notification.intent))
        except Exception as error:  # noqa: BLE001 - one notification may not stop the others
            _log.warning("notification %s cannot be composed", notification.id, exc_info=True)
            return Retry(f"it cannot be composed: {type(error).__name__}: {error}")

    def _facts_of(self, intent: Intent) -> Facts:
        told = self._told
        if told is None or told[0] != intent.message:
            told = self._told = intent.message, facts_at(intent, self._runs, self._place)
        return told[1]
