"""What a message may speak of, as of the position that triggered it: any server finds the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerts.evaluate.bundle import Member
from alerts.evaluate.intent import RESOLVED, TEMPLATE, TEST, Intent
from alerts.evaluate.runs import RunEvents, moment_of
from alerts.facts import Facts, Told
from alerts.templates.words import duration
from ledger.feed import FeedEvent
from schemas.events import (
    RunDescribedEvent,
    RunError,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    readable,
)
from schemas.rules import OnMissing, OnStuck, OnUnfinished, RuleDefinition
from schemas.statuses import TERMINAL, RunStatus


@dataclass(frozen=True, slots=True)
class Place:
    """The workspace as a message names it; without `public_url` there are no links."""

    workspace: str
    location: str | None = None
    public_url: str | None = None


def facts_at(intent: Intent, runs: RunEvents, place: Place) -> Facts:
    """The facts of an intent; of many things told together, those of the last, and the others in short."""
    if intent.count == 1:
        return facts_of(intent, runs.upto(intent.run_id, intent.trigger), place)
    last = intent.members[-1]
    found = facts_of(intent, runs.upto(last.subject.transition.run_id, last.trigger), place)
    return replace(found, told=[_in_short(member, runs, of=len(intent.rules)) for member in intent.members])


def facts_of(intent: Intent, events: Sequence[FeedEvent], place: Place) -> Facts:
    """The facts of an intent, from the run's events up to its trigger; it never raises."""
    member = intent.members[-1] if intent.members else None
    subject = member.subject if member else intent.subject
    trigger = member.trigger if member else intent.trigger
    transition, definition = subject.transition, intent.definition
    found: dict[str, Any] = {}
    for happened in events:
        _fold(found, happened)
    if events and events[-1].position == trigger:
        found |= _of_trigger(events[-1])
    if transition.raised is not None:
        found |= {"title": transition.raised.title, "text": transition.raised.text, "severity": transition.raised.level}
    return Facts(
        workspace=place.workspace,
        location=place.location,
        public_url=place.public_url,
        rule_id=subject.rule,
        rule_name=definition.name,
        run_id=transition.run_id,
        experiment=transition.experiment,
        old_status=transition.previous,
        new_status=transition.status,
        presumed=transition.presumed,
        trigger=intent.trigger,
        recorded_at=subject.at,
        kind=subject.kind,
        tags=transition.tags,
        properties=transition.properties,
        parameters=transition.parameters,
        parent_run_id=transition.parent_run_id,
        occasion=None if subject.kind in {RESOLVED, TEMPLATE, TEST} else _occasion(definition, transition.status),
        count=intent.count,
        counts=dict(intent.counts),
        by=dict(intent.by),
        rules=[name for _, name in intent.rules],
        **{"severity": definition.severity} | found,
    )


def _occasion(definition: RuleDefinition, status: str) -> str | None:
    match definition.on:
        case OnUnfinished(seconds=seconds):
            return f"has not ended {duration(seconds * 1_000)} after it began"
        case OnStuck(seconds=seconds):
            return f"has been {status} for {duration(seconds * 1_000)}"
        case OnMissing(seconds=seconds):
            return f"has had no run that completed for {duration(seconds * 1_000)}"
        case _:
            return None


def _in_short(member: Member, runs: RunEvents, *, of: int) -> Told:
    """One of many; where they are of several rules, with the rule that noticed it."""
    transition = member.subject.transition
    events = runs.upto(transition.run_id, member.trigger)
    of_trigger = _of_trigger(events[-1]) if events and events[-1].position == member.trigger else {}
    raised = transition.raised
    return Told(
        run_id=transition.run_id,
        name=transition.display_name or transition.run_id or transition.experiment,
        experiment=transition.experiment,
        status=_status(member) if raised is None else raised.level,
        rule=member.subject.rule_name if of > 1 else None,
        at=events[-1].recorded_at if of_trigger else member.subject.at,
        error=of_trigger.get("error_message") or of_trigger.get("reason") if raised is None else raised.title,
    )


def _status(member: Member) -> str:
    status = str(member.subject.transition.status)
    if member.corrects:
        return f"{status} (corrected)"
    return f"{status} (presumed)" if member.is_presumed_end else status


def _fold(found: dict[str, Any], happened: FeedEvent) -> None:
    match happened.event:
        case RunStartedEvent() as event:
            found |= {"actor": happened.envelope.actor, "display_name": readable(event.display_name)}
            _move(found, event.status, happened)
        case RunDescribedEvent() as event if "display_name" in event.changed:
            found["display_name"] = readable(event.display_name)
        case RunResumedEvent() as event:
            found |= {"attempt": event.attempt, "started_at": moment_of(happened), "ended_at": None}
        case RunStatusChangedEvent() as event:
            _move(found, event.status, happened)
        case _:
            pass


def _move(found: dict[str, Any], status: RunStatus, happened: FeedEvent) -> None:
    if status is RunStatus.RUNNING:
        found.setdefault("started_at", moment_of(happened))
    found["ended_at"] = moment_of(happened) if status in TERMINAL else None


def _of_trigger(happened: FeedEvent) -> dict[str, Any]:
    if not isinstance(happened.event, RunStatusChangedEvent):
        return {}
    event = happened.event
    return _of_error(event.error) | {
        "certainty": event.certainty,
        "reason": readable(event.reason),
        "log_lines": [readable(line) or "" for line in event.log_lines],
        "last_values": dict(event.seal.last_values) if event.seal else {},
    }


def _of_error(error: RunError | None) -> dict[str, Any]:
    if error is None:
        return {}
    return {
        "error_code": error.code,
        "error_type": error.type,
        "error_message": readable(error.message),
        "traceback": readable(error.traceback),
    }
