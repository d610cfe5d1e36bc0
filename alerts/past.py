"""What a rule would have told of lately: the facts of changes that are in the log."""

from collections.abc import Iterator

from alerts.evaluate.facts import Place, facts_of
from alerts.evaluate.intent import FIRED, Intent
from alerts.evaluate.runs import folded
from alerts.facts import Facts
from alerts.rules.matching import why_not
from alerts.rules.suppressing import Subject
from ledger.feed import Feed, FeedEvent
from schemas.events import RunStatusChangedEvent
from schemas.rules import RuleDefinition
from schemas.streams import key_of

_LOOKED_AT = 1_000


def past_matches(feed: Feed, definition: RuleDefinition, place: Place) -> Iterator[Facts]:
    """The facts of the last changes that a rule would have matched, the newest first."""
    for happened in reversed(feed.latest(_LOOKED_AT)):
        if isinstance(happened.event, RunStatusChangedEvent):
            facts = _facts(feed, definition, happened, place)
            if facts is not None:
                yield facts


def last_changes(feed: Feed, definition: RuleDefinition, place: Place) -> Iterator[Facts]:
    """As `past_matches`, of whatever changed, as if the rule had matched it."""
    for happened in reversed(feed.latest(_LOOKED_AT)):
        if isinstance(happened.event, RunStatusChangedEvent):
            facts = _facts(feed, definition, happened, place, whatever=True)
            if facts is not None:
                yield facts


def _facts(
    feed: Feed, definition: RuleDefinition, happened: FeedEvent, place: Place, *, whatever: bool = False
) -> Facts | None:
    run_id = key_of(happened.envelope.stream)
    events = [each for each in feed.of_run(run_id) if each.position <= happened.position]
    transition = folded(run_id, events).became(happened)
    if not whatever and why_not(definition, transition) is not None:
        return None
    subject = Subject("rule", definition.name, "recipient", FIRED, transition, happened.recorded_at)
    intent = Intent("id", "episode", 1, definition, happened.position, 1, subject)
    return facts_of(intent, events, place)
