"""Answers about rules and what became of their notifications, from their events."""

from datetime import UTC, datetime
from typing import Any

from alerts.rules.in_force import Rules
from ledger.errors import RuleNotFoundError
from ledger.feed import Feed
from ledger.queries import DeliveryDocument, RuleDocument
from ledger.store.database import Database
from schemas.events import (
    AlertRuleDeletedEvent,
    Claim,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    Outcome,
    readable,
)
from schemas.limits import UNSTORABLE
from schemas.streams import key_of, notifications_stream, rule_stream

_RULES = "rule:"


class AlertAnswers:
    """Each question folds the streams that it is about."""

    def __init__(self, feed: Feed, database: Database) -> None:
        """Answer from the control log as far as ledger.db has it."""
        self._feed = feed
        self._database = database

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
