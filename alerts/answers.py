"""Answers about rules and what became of their notifications, from their events."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from alerts.changes import changes_of
from alerts.evaluate.intent import Intent
from alerts.explain import explain
from alerts.health import AlertHealth
from alerts.preview import DRAFT, would_have_sent, would_send
from alerts.rules.in_force import Rules
from alerts.tallies import Tallies, Tally
from ledger.domain.alert_rule import checked
from ledger.errors import NotThereYetError, RuleNotFoundError
from ledger.feed import Feed, FeedEvent
from ledger.moments import place_of
from ledger.queries import (
    DeliveryDocument,
    IntentDocument,
    ReasonDocument,
    RecipientDocument,
    RuleChangeDocument,
    RuleDocument,
    SilenceDocument,
    Span,
)
from ledger.store.database import Database
from schemas.addresses import same_address
from schemas.events import (
    AlertRuleDeletedEvent,
    Claim,
    Event,
    NotificationsClaimedEvent,
    NotificationsSettledEvent,
    OpaqueEvent,
    Outcome,
    RecipientLimitedEvent,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
    readable,
)
from schemas.events.base import ERASED
from schemas.limits import UNSTORABLE
from schemas.streams import key_of, notifications_stream, rule_stream

_RULES = "rule:"
_SILENCES = "silence:"
_RECIPIENTS = "recipient:"
_CLAIMS_AT_ONCE = 500
_NEWEST = 5


class AlertAnswers:
    """Each question folds the streams that it is about."""

    def __init__(self, feed: Feed, database: Database, *, now: Callable[[], datetime]) -> None:
        """Answer from the control log as far as ledger.db has it; `now` tells what is over."""
        self._feed = feed
        self._database = database
        self._now: Callable[[], int] = lambda: int(now().timestamp() * 1_000)
        self._health = AlertHealth(feed)
        self._tallies = Tallies(feed)

    def rules(self, *, as_of: str | None = None) -> list[RuleDocument]:
        """Every rule that is not deleted, by name, or as they were; raises InvalidNameError and MomentAheadError."""
        position = None if as_of is None else place_of(self._feed, as_of)
        with self._database.clear_errors():
            streams = list(self._database.heads_of(_RULES))
        events = (_upto(self._feed.of_stream(stream), position) for stream in streams)
        found = [document for each in events if (document := _rule_of(each)) is not None]
        if position is None:
            self._add_not_mailed(found)
        return sorted(found, key=lambda rule: (rule["name"], rule["rule_id"]))

    def rule(self, rule_id: str, *, as_of: str | None = None) -> RuleDocument:
        """One rule, deleted ones too, or as it was.

        Raises:
            RuleNotFoundError: there is none; NotThereYetError, it came later.
            InvalidNameError: it is no moment; MomentAheadError, it has not come yet.
        """
        position = None if as_of is None else place_of(self._feed, as_of)
        events = () if UNSTORABLE.search(rule_id) else self._feed.of_stream(rule_stream(rule_id))
        if events and position is not None and position < events[0].position:
            raise NotThereYetError("alert rule", rule_id, position, events[0].position)
        found = _rule_of(_upto(events, position), deleted=True)
        if found is None:
            raise RuleNotFoundError(rule_id)
        if position is None:
            self._add_not_mailed([found])
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
                        if rule_id in {claim.rule, *(claim.others or ())}:
                            known = found.setdefault(claim.notification, _claimed(claim, at))
                            known |= {"state": "claimed", "attempt": claim.attempt, "server": event.server}
                case NotificationsSettledEvent() as event:
                    for outcome in event.outcomes:
                        if outcome.notification in found:
                            found[outcome.notification] |= _settled(outcome, at)
                case _:
                    pass
        for each in self.recipients():
            bounce = each["suppressed"]
            if bounce is not None and bounce["notification"] in found:
                found[bounce["notification"]]["bounced"] = bounce
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
            found = would_send(self._feed, {rule_id or DRAFT}, span)
        else:
            found = would_have_sent(self._feed, checked(draft), span, self._now(), rule_id)
        states = self._states()
        return [_intended(intent, states) for intent in found]

    def count(self, rule_id: str | None, draft: Mapping[str, Any], span: Span, seconds: float) -> dict[str, Any]:
        """How often a draft would have told somebody, if so many seconds suffice to find out.

        `mails` for `things` that happened, the newest of them in `newest`; raises BadRuleError.
        """
        deadline, late = time.monotonic() + seconds, False

        def go_on() -> bool:
            nonlocal late
            late = late or time.monotonic() > deadline
            return not late

        found = list(would_have_sent(self._feed, checked(draft), span, self._now(), rule_id, go_on=go_on))
        things: dict[int, dict[str, Any]] = {}
        for intent in found:
            things.setdefault(intent.trigger, _intended(intent, {}))
        newest = sorted(things.values(), key=lambda each: -int(each["position"]))[:_NEWEST]
        return {"complete": not late, "mails": len(found), "things": len(things), "newest": newest}

    def tallies(self) -> dict[str, Tally]:
        """What became of the notifications of each rule, by its id."""
        return self._tallies()

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
                    found |= {outcome.notification: _state(outcome) for outcome in event.outcomes}
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

    def recipients(self) -> list[RecipientDocument]:
        """Every recipient that unsubscribed, is suppressed or has a limit, by address."""
        with self._database.clear_errors():
            streams = list(self._database.heads_of(_RECIPIENTS))
        found = map(self._recipient, streams)
        told = (each for each in found if each["unsubscribed"] or each["suppressed"] or each["limit"])
        return sorted(told, key=_address)

    def recipient_of(self, notification: str) -> str | None:
        """For whom a notification was claimed, None if that is erased.

        Looked for from the last claim backwards, for mails come back soon.
        """
        stream = notifications_stream(self._feed.log_id)
        upto: int | None = None
        while True:
            with self._database.clear_errors():
                found = self._database.stream_events(stream, upto_seq=upto, descending=True, limit=_CLAIMS_AT_ONCE)
            for recorded in found:
                if notification.encode() in recorded.envelope.value:
                    event = self._database.event(recorded.envelope)
                    for claim in event.notifications if isinstance(event, NotificationsClaimedEvent) else ():
                        if claim.notification == notification:
                            return None if claim.recipient == ERASED else readable(claim.recipient)
            if len(found) < _CLAIMS_AT_ONCE:
                return None
            upto = found[-1].envelope.seq - 1

    def _add_not_mailed(self, rules: list[RuleDocument]) -> None:
        """Add to each rule its recipients that are not mailed, with the reason."""
        known = {same_address(each["recipient"]): each for each in self.recipients()}
        for rule in rules:
            recipients = (rule["definition"] or {}).get("recipients", ())
            reasons = {each: _why_not_mailed(known.get(same_address(each)), rule["rule_id"]) for each in recipients}
            rule["not_mailed"] = {each: why for each, why in reasons.items() if why is not None}

    def _recipient(self, stream: str) -> RecipientDocument:
        document: RecipientDocument = {"recipient": "", "unsubscribed": [], "suppressed": None, "limit": None}
        for happened in self._feed.of_stream(stream):
            _fold_recipient(document, happened.event, _iso(happened.recorded_at))
        return document


def _upto(events: Sequence[FeedEvent], position: int | None) -> Sequence[FeedEvent]:
    return events if position is None else [each for each in events if each.position <= position]


def _rule_of(events: Sequence[FeedEvent], *, deleted: bool = False) -> RuleDocument | None:
    """What the events of a rule make of it."""
    rules = Rules()
    last: dict[str, Any] = {}
    for happened in events:
        rules.fold(happened)
        rule = rules.get(key_of(happened.envelope.stream))
        if rule is not None:
            last = {
                "rule_id": rule.id,
                "name": rule.definition.name if rule.definition else "",
                "enabled": rule.enabled,
                "version": rule.version,
                "definition": rule.definition.as_json() if rule.definition else None,
                "unreadable": rule.unreadable or None,
                "template_failure": rule.template_failure or None,
            }
    if not last or (rules.get(last["rule_id"]) is None and not deleted):
        return None
    is_deleted = any(isinstance(happened.event, AlertRuleDeletedEvent) for happened in events)
    first, latest = events[0], events[-1]
    return last | {
        "deleted": is_deleted,
        "created_utc": _iso(first.recorded_at),
        "created_by": first.envelope.actor,
        "changed_utc": _iso(latest.recorded_at),
        "changed_by": latest.envelope.actor,
        "last_position": latest.position,
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


def _fold_recipient(document: RecipientDocument, event: Event | OpaqueEvent, at: str) -> None:
    left: list[dict[str, Any]] = document["unsubscribed"]
    match event:
        case RecipientUnsubscribedEvent():
            left.append({"rule_id": event.rule, "since_utc": at})
        case RecipientResubscribedEvent():
            left[:] = [each for each in left if event.rule not in {None, each["rule_id"]}]
        case RecipientSuppressedEvent():
            document["suppressed"] = {
                "since_utc": at,
                "status": event.status,
                "diagnostic": readable(event.diagnostic),
                "notification": event.notification,
            }
        case RecipientUnsuppressedEvent():
            document["suppressed"] = None
        case RecipientLimitedEvent():
            document["limit"] = {"mails": event.mails, "seconds": event.seconds} if event.mails else None
        case _:
            return
    document["recipient"] = readable(event.recipient) or ""


def _why_not_mailed(document: RecipientDocument | None, rule_id: str) -> str | None:
    if document is None:
        return None
    if document["suppressed"] is not None:
        return "bounced"
    return "unsubscribed" if any(each["rule_id"] in {None, rule_id} for each in document["unsubscribed"]) else None


def _address(document: RecipientDocument) -> str:
    return str(document["recipient"])


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
        "state": _state(outcome),
        "attempt": outcome.attempt,
        "settled_utc": at,
        "code": outcome.code,
        "reply": readable(outcome.reply),
        "because": outcome.because,
    }


def _state(outcome: Outcome) -> str:
    return "digested" if outcome.digested else outcome.outcome


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
