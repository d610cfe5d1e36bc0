"""The names that a template may use, and their values for some facts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from alerts.facts import Facts
from alerts.templates.words import duration, moment, one_line, plain, tail

LOG_BYTES = 10_000
_TITLE_LENGTH = 100
_ERROR_LENGTH = 300
_VERBS = {
    "Completed": "completed",
    "Failed": "failed",
    "Canceled": "was canceled",
    "NotResponding": "is not responding",
    "Paused": "is paused",
    "Running": "is running",
    "Queued": "is queued",
}
_KINDS = {
    "corrected": "This corrects an earlier message about the run.",
    "resolved": "What was reported is over.",
    "repeated": "This was told before, and is not over.",
    "digest": "These are told together: there were too many to be told one by one, or they were late.",
    "test": "This is a test of the rule: it was asked for, and nothing happened.",
}


def context_of(facts: Facts) -> dict[str, Any]:
    """Every name with its value; texts are safe to show, and long ones keep their end."""
    title = one_line(facts.display_name or facts.run_id or facts.experiment, _TITLE_LENGTH)
    log = tail(plain("\n".join(facts.log_lines)), LOG_BYTES)
    return {
        **_change(facts),
        **_times(facts),
        "run": title,
        "run_id": plain(facts.run_id),
        "run_url": run_url(facts),
        "experiment": one_line(facts.experiment),
        "display_name": _maybe(facts.display_name),
        "actor": _maybe(facts.actor),
        "attempt": facts.attempt,
        "parent_run_id": _maybe(facts.parent_run_id),
        "log": log,
        "log_lines": log.splitlines(),
        "tags": _texts(facts.tags),
        "properties": _texts(facts.properties),
        "parameters": _texts(facts.parameters),
        "last_values": _texts(facts.last_values),
        "workspace": plain(facts.workspace),
        "location": _maybe(facts.location),
        "public_url": facts.public_url,
        "rule": one_line(facts.rule_name),
        "rule_id": plain(facts.rule_id),
        "trigger": facts.trigger,
        **_many(facts),
    }


def run_url(facts: Facts) -> str | None:
    """The page of the run, if there is a server that shows it."""
    return _url(facts, facts.run_id)


def _url(facts: Facts, run_id: str | None) -> str | None:
    if not run_id or facts.public_url is None or not facts.public_url.startswith(("https://", "http://")):
        return None
    return f"{facts.public_url.rstrip('/')}/runs/{quote(run_id, safe='', errors='replace')}"


def headline(facts: Facts) -> str:
    """What happened, in one sentence without its full stop."""
    title = one_line(facts.display_name or facts.run_id or facts.experiment, _TITLE_LENGTH)
    if facts.count > 1:
        return _headline_of_many(facts)
    if facts.title is not None:
        return one_line(facts.title, _TITLE_LENGTH) or f"{title} raised an alert"
    if facts.occasion is not None:
        return f"{title} {one_line(facts.occasion)}"
    return f"{title} {_VERBS.get(facts.new_status) or f'is now {one_line(facts.new_status)}'}"


def _headline_of_many(facts: Facts) -> str:
    parent = facts.by.get("parent") or facts.by.get("root")
    what = f"{facts.count:,} child runs of {one_line(parent)}" if parent else f"{facts.count:,} runs"
    counts = ", ".join(f"{count:,} {one_line(word)}" for word, count in facts.counts.items())
    common = [f"{name} {one_line(value)}" for name, value in facts.by.items() if name not in {"parent", "root"}]
    if facts.occasion is not None:
        counts = one_line(facts.occasion)
    return f"{what}: {counts}" + (f" ({', '.join(common)})" if common else "")


def notes(facts: Facts) -> list[str]:
    """What a reader must know to take the change for what it is, in whole sentences."""
    found = [_KINDS[facts.kind]] if facts.kind in _KINDS else []
    if facts.count > 1:
        return ["This corrects an earlier message about these runs."] if facts.kind == "corrected" else found
    if facts.presumed:
        found.append(
            "The run did not report this itself: it is presumed, and is corrected if the run is heard of again."
        )
    if facts.certainty:
        found.append(f"How it is known: {one_line(facts.certainty, 500)}.")
    return found


def _many(facts: Facts) -> dict[str, Any]:
    return {
        "severity": facts.severity,
        "occasion": _maybe(facts.occasion),
        "title": _maybe(facts.title),
        "text": None if facts.text is None else tail(plain(facts.text), LOG_BYTES),
        "count": facts.count,
        "counts": _texts(facts.counts),
        "by": _texts(facts.by),
        "rules": [one_line(each) for each in facts.rules],
        "group_url": _url(facts, facts.by.get("parent") or facts.by.get("root")),
        "runs": [
            {
                "run_id": plain(each.run_id),
                "name": one_line(each.name, _TITLE_LENGTH),
                "experiment": one_line(each.experiment),
                "status": one_line(each.status),
                "time": moment(each.at),
                "error": None if each.error is None else one_line(each.error, _ERROR_LENGTH),
                "url": _url(facts, each.run_id),
                "rule": None if each.rule is None else one_line(each.rule),
            }
            for each in facts.told
        ],
    }


def _change(facts: Facts) -> dict[str, Any]:
    traceback = None if facts.traceback is None else tail(plain(facts.traceback).strip("\n"), LOG_BYTES)
    return {
        "kind": facts.kind,
        "headline": headline(facts),
        "notes": notes(facts),
        "old_status": None if facts.old_status is None else one_line(facts.old_status),
        "new_status": one_line(facts.new_status),
        "presumed": facts.presumed,
        "certainty": _maybe(facts.certainty),
        "reason": _maybe(facts.reason),
        "error_code": _maybe(facts.error_code),
        "error_type": _maybe(facts.error_type),
        "error_message": _maybe(facts.error_message),
        "traceback": traceback,
    }


def _times(facts: Facts) -> dict[str, Any]:
    return {
        "recorded": moment(facts.recorded_at),
        "started": None if facts.started_at is None else moment(facts.started_at),
        "ended": None if facts.ended_at is None else moment(facts.ended_at),
        "duration": None if facts.duration_ms is None else duration(facts.duration_ms),
        "recorded_at": facts.recorded_at,
        "started_at": facts.started_at,
        "ended_at": facts.ended_at,
        "duration_ms": facts.duration_ms,
    }


def _maybe(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {plain(key): plain(value) if isinstance(value, str) else value for key, value in values.items()}


KNOWN = frozenset(
    context_of(
        Facts(
            workspace="",
            rule_id="",
            rule_name="",
            run_id="",
            experiment="",
            new_status="",
            trigger=0,
            recorded_at=0,
        )
    )
)
"""Every name that a template may use."""
