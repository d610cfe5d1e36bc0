"""Rules, silences, and what became of each notification."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.events.base import Count, Event, Maybe, Milliseconds, Part, Personal, Text
from schemas.events.logged import JsonObject


class AlertRuleDefinedEvent(Event):
    """A rule came into force."""

    name: ClassVar[str] = "alert-rule.defined"

    rule_name: Text
    definition: JsonObject


class AlertRuleChangedEvent(Event):
    """A rule has this name and definition from here on."""

    name: ClassVar[str] = "alert-rule.changed"

    rule_name: Text
    definition: JsonObject


class AlertRuleEnabledEvent(Event):
    """A disabled rule is in force again."""

    name: ClassVar[str] = "alert-rule.enabled"


class AlertRuleDisabledEvent(Event):
    """A rule is out of force until it is enabled."""

    name: ClassVar[str] = "alert-rule.disabled"


class AlertRuleDeletedEvent(Event):
    """A rule is out of force for good."""

    name: ClassVar[str] = "alert-rule.deleted"


class AlertRuleTestedEvent(Event):
    """Somebody wants the recipients of a rule to get a test, about this run if one is named."""

    name: ClassVar[str] = "alert-rule.tested"

    run_id: Maybe[Text] = None


class AlertRuleTemplateFailedEvent(Event):
    """A template of a rule, as the event at `rule_version` has it, could not be used for a mail about a run.

    The mail was sent with the facts instead. It is noted once for each version.
    """

    name: ClassVar[str] = "alert-rule.template-failed"

    rule_version: Count
    because: Text
    run_id: Maybe[Text] = None


class Matcher(Part):
    """A condition on an attribute of what would be notified."""

    attribute: Text
    operator: Literal["=", "!=", "=~", "!~"] = "="
    value: Text


class SilenceCreatedEvent(Event):
    """What every matcher matches is not notified before `until`; `who` asked for it."""

    name: ClassVar[str] = "silence.created"

    matchers: list[Matcher]
    until: Milliseconds
    who: Maybe[Personal] = None


class SilenceEndedEvent(Event):
    """A silence was ended before its time."""

    name: ClassVar[str] = "silence.ended"


class RecipientUnsubscribedEvent(Event):
    """A recipient wants no more notifications of a rule, or of any where `rule` is None."""

    name: ClassVar[str] = "recipient.unsubscribed"

    recipient: Personal
    rule: Maybe[Text] = None


class RecipientResubscribedEvent(Event):
    """A recipient is notified again: of a rule, or of all where `rule` is None."""

    name: ClassVar[str] = "recipient.resubscribed"

    recipient: Personal
    rule: Maybe[Text] = None


class RecipientSuppressedEvent(Event):
    """A mail came back for good: nothing is sent to this recipient any more.

    `notification` is what came back, `status` the code of RFC 3463, `diagnostic` what the other side said.
    """

    name: ClassVar[str] = "recipient.suppressed"

    recipient: Personal
    notification: Maybe[Text] = None
    status: Maybe[Text] = None
    diagnostic: Maybe[Personal] = None


class RecipientUnsuppressedEvent(Event):
    """A suppressed recipient is notified again: the address works, as somebody says."""

    name: ClassVar[str] = "recipient.unsuppressed"

    recipient: Personal


class RecipientLimitedEvent(Event):
    """A recipient is told at most `mails` times in `seconds` from here on, and of the rest in one digest.

    `recipient` may be `*`, everybody who has no limit of his own. Without `mails` there is no such limit.
    """

    name: ClassVar[str] = "recipient.limited"

    recipient: Personal
    mails: Maybe[Count] = None
    seconds: Maybe[Count] = None


class Claim(Part):
    """A notification that a server is about to send; `trigger` is the position that caused it.

    `others` are more rules that it is of, if it is a digest of several; the first of them.
    """

    notification: Text
    rule: Text
    rule_version: Count
    trigger: Count
    kind: Text
    sequence: Count
    channel: Text = "email"
    recipient: Personal
    attempt: Count
    others: Maybe[list[Text]] = None


class NotificationsClaimedEvent(Event):
    """A server alone may send these; after the lease others may claim them again."""

    name: ClassVar[str] = "notifications.claimed"

    server: Text
    lease_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    notifications: list[Claim]


class Outcome(Part):
    """What became of an attempt; `because` names the event that suppressed it, or the fault.

    `unreached`: the transport was broken, and the recipient's side did not hear of it. `digested`: nobody
    could send it in time, so it ends as suppressed, and is told in a digest.
    """

    notification: Text
    attempt: Count
    outcome: Literal["sent", "retry", "rejected", "dead", "suppressed", "ambiguous"]
    code: Maybe[Count] = None
    reply: Maybe[Personal] = None
    retry_at: Maybe[Milliseconds] = None
    because: Maybe[Text] = None
    unreached: Maybe[bool] = None
    digested: Maybe[bool] = None


class NotificationsSettledEvent(Event):
    """What became of claimed notifications."""

    name: ClassVar[str] = "notifications.settled"

    outcomes: list[Outcome]


class NotificationsDueEvent(Event):
    """Time has passed: what was due by now in `recorded_at` is to be told.

    A server appends it when nothing else is recorded that would show that the time has come; `until`
    is the moment that it waited for.
    """

    name: ClassVar[str] = "notifications.due"

    server: Text
    until: Milliseconds
