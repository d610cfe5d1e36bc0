"""What rules would have sent over a span of real history, found by the evaluator that finds what is sent.

A rule of the log is looked at as it was: its intents are those of the servers, with their ids. A
draft is taken to have come into force at the beginning of the span, with a server always there; it
may take the place of a rule.
"""

import json
from collections.abc import Callable, Collection, Iterator
from hashlib import sha256
from typing import Any

from alerts.evaluate.evaluator import READ, Evaluator
from alerts.evaluate.intent import Intent
from alerts.evaluate.runs import FeedRunEvents
from ledger.feed import Feed, FeedEvent
from ledger.queries import Span
from schemas.events import AlertRuleChangedEvent, AlertRuleDefinedEvent, Event, NotificationsDueEvent
from schemas.records import Envelope
from schemas.rules import RuleDefinition
from schemas.streams import rule_stream

DRAFT = "00000000-0000-0000-0000-000000000000"
"""The id of a rule that is not saved."""

_AT_ONCE = 5_000


def would_send(feed: Feed, rules: Collection[str], span: Span) -> Iterator[Intent]:
    """What was and is to be sent because of rules of the log, each thing once; by their ids."""
    evaluator = Evaluator(FeedRunEvents(feed))
    for happened in _history(feed, span):
        for intent in evaluator.fold(happened):
            if any(map(intent.is_of, rules)) and span.holds(intent.subject.at):
                yield intent


def would_have_sent(
    feed: Feed,
    definition: RuleDefinition,
    span: Span,
    now: int,
    rule_id: str | None = None,
    *,
    go_on: Callable[[], bool] = lambda: True,
) -> Iterator[Intent]:
    """What a draft would have sent; with `rule_id` in the place of that rule. What is due by `now` is due.

    `go_on` is asked now and then whether there is time for more.
    """
    evaluator = Evaluator(FeedRunEvents(feed), punctual=True)
    stream, defined, last = rule_stream(rule_id or DRAFT), False, None
    for happened in _history(feed, span, go_on):
        if not defined and span.holds(happened.recorded_at):
            evaluator.fold(_draft(stream, definition, last, happened.recorded_at, exists=rule_id is not None))
            defined = True
        if happened.envelope.stream == stream and defined:
            continue  # what people did to the rule since is not what the draft says
        yield from _of(rule_id or DRAFT, evaluator.fold(happened))
        last = happened
    if last is not None and defined:
        end = min(now, span.until) if span.until is not None else now
        yield from _of(rule_id or DRAFT, evaluator.fold(_end(last, end)))


def _of(rule_id: str, intents: list[Intent]) -> Iterator[Intent]:
    return (intent for intent in intents if intent.is_of(rule_id))


def _history(feed: Feed, span: Span, go_on: Callable[[], bool] = lambda: True) -> Iterator[FeedEvent]:
    position = 0
    while go_on() and (events := feed.skimmed(position, _AT_ONCE, READ)):
        for happened in events:
            if span.until is not None and happened.recorded_at >= span.until:
                return
            yield happened
        position = events[-1].position


def _draft(stream: str, definition: RuleDefinition, last: FeedEvent | None, at: int, *, exists: bool) -> FeedEvent:
    content: dict[str, Any] = {"rule_name": definition.name, "definition": definition.as_json()}
    event = AlertRuleChangedEvent(**content) if exists else AlertRuleDefinedEvent(**content)
    return _made(stream, event, last.position if last is not None else 0, at)


def _end(last: FeedEvent, now: int) -> FeedEvent:
    event = NotificationsDueEvent(server="preview", until=max(now, 0))
    return _made("notifications:preview", event, last.position, max(now, last.recorded_at))


def _made(stream: str, event: Event, position: int, at: int) -> FeedEvent:
    """An event that is in no log."""
    value = event.to_value()
    hash_ = sha256(json.dumps([stream, position, value.decode()]).encode()).digest()
    envelope = Envelope(stream, 1, "", "preview", "//preview", event.type_name(), "", "preview", value)
    return FeedEvent(position, at, hash_, envelope, event)
