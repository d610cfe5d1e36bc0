"""Which events keep a notification from being sent: silences, unsubscribes, bounces, rules put out of force."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alerts.rules.transition import Transition
from ledger.feed import FeedEvent
from schemas.addresses import same_address
from schemas.events import (
    AlertRuleDeletedEvent,
    AlertRuleDisabledEvent,
    Matcher,
    Personal,
    RecipientResubscribedEvent,
    RecipientSuppressedEvent,
    RecipientUnsubscribedEvent,
    RecipientUnsuppressedEvent,
    SilenceCreatedEvent,
    SilenceEndedEvent,
    readable,
)
from schemas.streams import key_of

_COMMON = frozenset({"rule", "rule_name", "recipient", "kind"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What would be told to whom; `at` is the trigger's `recorded_at` in milliseconds."""

    rule: str
    rule_name: str
    recipient: str
    kind: str
    transition: Transition
    at: int


class Suppressors:
    """The silences, unsubscribes and bounces that hold from some position on."""

    def __init__(self) -> None:
        """Nothing is silenced."""
        self._silences: dict[str, FeedEvent] = {}
        self._unsubscribed: dict[str, dict[str | None, FeedEvent]] = {}
        self._bounced: dict[str, FeedEvent] = {}

    def fold(self, happened: FeedEvent) -> None:
        """Take in an event of any kind; it never raises."""
        match happened.event:
            case SilenceCreatedEvent():
                self._silences[happened.envelope.stream] = happened
            case SilenceEndedEvent():
                self._silences.pop(happened.envelope.stream, None)
            case RecipientUnsubscribedEvent() as event:
                of = self._unsubscribed.setdefault(_whom(event.recipient), {})
                of.setdefault(event.rule, happened)
            case RecipientResubscribedEvent() as event:
                of = self._unsubscribed.get(_whom(event.recipient), {})
                for rule in [*of] if event.rule is None else [event.rule]:
                    of.pop(rule, None)
            case RecipientSuppressedEvent() as event:
                self._bounced.setdefault(_whom(event.recipient), happened)
            case RecipientUnsuppressedEvent() as event:
                self._bounced.pop(_whom(event.recipient), None)
            case _:
                pass

    def of(self, subject: Subject, *, of_many: bool = False) -> str | None:
        """The first event that suppresses a subject, for a person to read; None if none does."""
        self._forget(subject.at)
        found = (suppresses(event, subject, of_many=of_many) for event in self._candidates(subject))
        return next(filter(None, found), None)

    def of_recipient(self, subject: Subject) -> str | None:
        """As `of`, for what was asked for by hand: silences do not keep it back, what recipients want does."""
        return next(filter(None, (suppresses(event, subject) for event in self._of_recipient(subject))), None)

    def _candidates(self, subject: Subject) -> Iterator[FeedEvent]:
        yield from self._silences.values()
        yield from self._of_recipient(subject)

    def _of_recipient(self, subject: Subject) -> Iterator[FeedEvent]:
        whom = same_address(subject.recipient)
        yield from self._unsubscribed.get(whom, {}).values()
        if whom in self._bounced:
            yield self._bounced[whom]

    def _forget(self, at: int) -> None:
        over = [stream for stream, event in self._silences.items() if not _lasts(event, at)]
        for stream in over:
            del self._silences[stream]


def suppresses(happened: FeedEvent, subject: Subject, *, of_many: bool = False) -> str | None:
    """How an event suppresses what was not claimed before it; None if it does not.

    `of_many` if the subject is one of many, and not all of them are known: a silence must then be
    about what they have in common.
    """
    match happened.event:
        case AlertRuleDisabledEvent() if key_of(happened.envelope.stream) == subject.rule:
            return f"the rule was disabled at position {happened.position}"
        case AlertRuleDeletedEvent() if key_of(happened.envelope.stream) == subject.rule:
            return f"the rule was deleted at position {happened.position}"
        case SilenceCreatedEvent() as event if _silences(happened, event.matchers, subject, of_many=of_many):
            return f"silenced by {happened.envelope.stream} at position {happened.position}"
        case RecipientUnsubscribedEvent() as event if _unsubscribes(event, subject):
            return f"the recipient unsubscribed at position {happened.position}"
        case RecipientSuppressedEvent() as event if _whom(event.recipient) == same_address(subject.recipient):
            return f"mail to the recipient came back, as recorded at position {happened.position}"
        case _:
            return None


def _lasts(happened: FeedEvent, at: int) -> bool:
    """Whether a silence was not over when the later of both, it and the trigger, was recorded."""
    return isinstance(happened.event, SilenceCreatedEvent) and max(happened.recorded_at, at) < happened.event.until


def _unsubscribes(event: RecipientUnsubscribedEvent, subject: Subject) -> bool:
    return _whom(event.recipient) == same_address(subject.recipient) and event.rule in {None, subject.rule}


def _whom(recipient: Personal) -> str:
    return same_address(readable(recipient) or "")


def _silences(happened: FeedEvent, matchers: list[Matcher], subject: Subject, *, of_many: bool) -> bool:
    known = not of_many or _is_common(matchers)
    return known and _lasts(happened, subject.at) and _matches(matchers, subject)


def _is_common(matchers: list[Matcher]) -> bool:
    return all(matcher.attribute in _COMMON for matcher in matchers)


def _matches(matchers: list[Matcher], subject: Subject) -> bool:
    return all(_matches_one(matcher, subject) for matcher in matchers)


def _matches_one(matcher: Matcher, subject: Subject) -> bool:
    found = _attribute(matcher.attribute, subject)
    if found is None:
        return False  # rather a mail too many than one that nobody gets
    match matcher.operator:
        case "=":
            return found == matcher.value
        case "!=":
            return found != matcher.value
        case "=~":
            # A glob pattern and no regular expression: one of those can take for ever.
            return fnmatchcase(found, matcher.value)
        case "!~":
            return not fnmatchcase(found, matcher.value)


def _attribute(name: str, subject: Subject) -> str | None:
    """An attribute as text; empty where the run has none, None where there is no such attribute."""
    happened = subject.transition
    of, colon, key = name.partition(":")
    if colon:
        known = {"tag": happened.tags, "property": happened.properties, "parameter": happened.parameters}
        value = known[of].get(key) if of in known else None
        return None if of not in known else "" if value is None else str(value)
    return {
        "experiment": happened.experiment,
        "run": happened.run_id,
        "status": str(happened.status),
        "rule": subject.rule,
        "rule_name": subject.rule_name,
        "recipient": subject.recipient,
        "kind": subject.kind,
    }.get(name)
