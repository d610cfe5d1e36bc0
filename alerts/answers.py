"""Answers about rules and what became of their notifications, from their events."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from alerts.changes import changes_of
from alerts.evaluate.intent import Intent
from alerts.explain import explain
from alerts.health import AlertHealth
from alerts.preview import DRAFT, would_have_sent, would_send
from alerts.rules.in_force import Rules
from ledger.domain.alert_rule import checked
from ledger.errors import RuleNotFoundError
from ledger.feed import Feed
from ledger.queries import (
    DeliveryDocument,
    IntentDocument,
    ReasonDocument,
    RuleChangeDocument,
    RuleDocument,
    SilenceDocument,
    Span,
)
from ledger.store.database import Database
from schemas.events import (
    AlertRuleDeletedEvent,
    Claim,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    Outcome,
    SilenceCreatedEvent,
    SilenceEndedEvent,
    readable,
)
from schemas.limits import UNSTORABLE
from schemas.streams import key_of, notifications_stream, rule_stream

_RULES = "rule:"
_SILENCES = "silence:"


class AlertAnswers:
    """Each question folds the streams that it is about."""

    def __init__(self, feed: Feed, database: Database, *, now: Callable[[], datetime]) -> None:
        """Answer from the control log as far as ledger.db has it; `now` tells what is over."""
        self._feed = feed
        self._database = database
        self._now: Callable[[], int] = lambda: int(now().timestamp() * 1_000)
        self._health = AlertHealth(feed)

    def rules(self) -> list[RuleDocument]:
        """Every rule that is not deleted, by name."""
        with self._database.clear_errors():
            streams = list(self._database.heads_of(_RULES))
        found = [document for stream in streams if (document := self._document(stream)) is not None]
        return sorted(found, key=lambda rule: (rule["name"], rule["rule_id"]))

    def rule(self, rule_id: str) -> RuleDocument:
        """One rule, deleted ones too; raises RuleNotFoundError."""
        found = None if UNSTORABLE.search(rule_id) else self._document(rule_stream(rule_id), deleted=True)
        if found is None:
            raise RuleNotFoundError(rule_id)
        return found

    def deliveries(self, rule_id: str) -> list[DeliveryDocument]:
        """What was claimed of a rule's notifications and what came of it, oldest first; raises RuleNotFoundError."""
        self.rule(rule_id)
        found: dict[str, DeliveryDocument] = {}
        for happened in self._feed.of_stream(notifications_stream(self._feed.log_id)):
            at = _iso(happened.recorded_at)
            match happened.event:
                case NotificationsClaimedEvent() as event:
                    for claim in event.notifications:
                        if claim.rule == rule_id:
                            known = found.setdefault(claim.notification, _claimed(claim, at))
                            known |= {"state": "claimed", "attempt": claim.attempt, "server": event.server}
                case NotificationsSettledEvent() as event:
                    for outcome in event.outcomes:
                        if outcome.notification in found:
                            found[outcome.notification] |= _settled(outcome, at)
                case _:
                    pass
        return list(found.values())

    def rule_changes(self, rule_id: str) -> list[RuleChangeDocument]:
        """Who changed what of a rule, oldest first, deleted ones too; raises RuleNotFoundError."""
        self.rule(rule_id)
        return changes_of(self._feed.of_stream(rule_stream(rule_id)))

    def silences(self) -> list[SilenceDocument]:
        """Every silence, those that are over too, the newest first."""
        with self._database.clear_errors():
            streams = list(self._database.heads_of(_SILENCES))
        found = [document for stream in streams if (document := self._silence(stream)) is not None]
        return sorted(found, key=lambda silence: (silence["created_utc"], silence["silence_id"]), reverse=True)

    def explain(self, run_id: str) -> list[ReasonDocument]:
        """Why each rule did or did not tell of a run; raises RunNotFoundError."""
        return explain(self._feed, run_id, self._states())

    def preview(self, rule_id: str | None, draft: Mapping[str, Any] | None, span: Span) -> list[IntentDocument]:
        """What a rule, or a draft in its place, would have sent; raises RuleNotFoundError and BadRuleError."""
        if rule_id is not None:
            self.rule(rule_id)
        if draft is None:
            found = would_send(self._feed, rule_id or DRAFT, span)
        else:
            found = would_have_sent(self._feed, checked(draft), span, self._now(), rule_id)
        states = self._states()
        return [_intended(intent, states) for intent in found]

    def health(self) -> dict[str, Any]:
        """What waits to be sent, since when, and why."""
        return self._health(self._now())

    def _states(self) -> dict[str, str]:
        """What became of each notification that was ever claimed or settled."""
        found: dict[str, str] = {}
        for happened in self._feed.of_stream(notifications_stream(self._feed.log_id)):
            match happened.event:
                case NotificationsClaimedEvent() as event:
                    found |= {claim.notification: "claimed" for claim in event.notifications}
                case NotificationsSettledEvent() as event:
                    found |= {outcome.notification: outcome.outcome for outcome in event.outcomes}
                case _:
                    pass
        return found

    def _silence(self, stream: str) -> SilenceDocument | None:
        events = self._feed.of_stream(stream)
        created = next((each for each in events if isinstance(each.event, SilenceCreatedEvent)), None)
        if created is None or not isinstance(created.event, SilenceCreatedEvent):
            return None
        ended = next((each for each in events if isinstance(each.event, SilenceEndedEvent)), None)
        event = created.event
        return {
            "silence_id": key_of(stream),
            "matchers": [f"{each.attribute}{each.operator}{each.value}" for each in event.matchers],
            "who": readable(event.who) or created.envelope.actor,
            "why": readable(event.reason),
            "created_utc": _iso(created.recorded_at),
            "until_utc": _iso(event.until),
            "ended_utc": _iso(ended.recorded_at) if ended else None,
            "ended_by": ended.envelope.actor if ended else None,
            "in_force": ended is None and self._now() < event.until,
        }

    def _document(self, stream: str, *, deleted: bool = False) -> RuleDocument | None:
        events = self._feed.of_stream(stream)
        rules = Rules()
        last: dict[str, Any] = {}
        for happened in events:
            rules.fold(happened)
            rule = rules.get(key_of(stream))
            if rule is not None:
                last = {
                    "rule_id": rule.id,
                    "name": rule.definition.name if rule.definition else "",
                    "enabled": rule.enabled,
                    "version": rule.version,
                    "definition": rule.definition.as_json() if rule.definition else None,
                    "unreadable": rule.unreadable or None,
                }
        if not last or (rules.get(key_of(stream)) is None and not deleted):
            return None
        is_deleted = any(isinstance(happened.event, AlertRuleDeletedEvent) for happened in events)
        first, latest = events[0], events[-1]
        return last | {
            "deleted": is_deleted,
            "created_utc": _iso(first.recorded_at),
            "created_by": first.envelope.actor,
            "changed_utc": _iso(latest.recorded_at),
            "changed_by": latest.envelope.actor,
        }


def _intended(intent: Intent, states: Mapping[str, str]) -> IntentDocument:
    transition = intent.subject.transition
    return {
        "notification": intent.id,
        "rule_id": intent.rule,
        "recipient": intent.recipient,
        "kind": intent.kind,
        "sequence": intent.sequence,
        "due_utc": _iso(intent.subject.at),
        "run_id": transition.run_id,
        "experiment": transition.experiment,
        "status": str(transition.status),
        "count": intent.count,
        "counts": dict(intent.counts),
        "position": intent.trigger,
        "suppressed": intent.suppressed,
        "state": states.get(intent.id),
    }


def _claimed(claim: Claim, at: str) -> DeliveryDocument:
    return {
        "notification": claim.notification,
        "recipient": readable(claim.recipient),
        "kind": claim.kind,
        "channel": claim.channel,
        "trigger": claim.trigger,
        "rule_version": claim.rule_version,
        "first_claimed_utc": at,
    }


def _settled(outcome: Outcome, at: str) -> DeliveryDocument:
    return {
        "state": outcome.outcome,
        "attempt": outcome.attempt,
        "settled_utc": at,
        "code": outcome.code,
        "reply": readable(outcome.reply),
        "because": outcome.because,
    }


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
