"""Runs field by field: what tells them apart, then what they have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger.feed import FeedEvent
from ledger.metrics import MetricSummary
from ledger.queries import Compared, RunDocument
from ledger.values.forms import summary_to
from schemas.events import Encrypted, RunResumedEvent, RunStartedEvent, readable
from schemas.model import Model

Facts = Mapping[tuple[str, str], Any]
"""What is known of a run, by kind and key."""

_FIELDS = {
    "status": "status",
    "experiment_name": "experiment",
    "target": "target",
    "run_type": "run_type",
    "created_by": "submitter",
    "display_name": "name",
    "description": "description",
    "duration_seconds": "duration",
    "attempt": "attempt",
}
_PAIRS = {"parameters": "parameter", "tags": "tag", "properties": "property"}
_KINDS = ("run", *_PAIRS.values(), "metric", "source", "environment")


def origin_of(events: Iterable[FeedEvent]) -> dict[str, Any]:
    """Where the last attempt of a run ran, as far as its events say."""
    found: dict[str, Any] = {}
    for happened in events:
        if isinstance(happened.event, RunStartedEvent | RunResumedEvent):
            found |= _shown(happened.event.origin)
    return found


def facts_of(run: RunDocument, metrics: Sequence[MetricSummary], origin: Mapping[str, Any]) -> Facts:
    """What a run is compared by; `origin` is that of its last attempt, as its event has it."""
    facts = {("run", name): run[key] for key, name in _FIELDS.items() if key in run}
    for field, kind in _PAIRS.items():
        facts |= {(kind, key): value for key, value in run[field].items()}
    facts |= {("metric", each.name): summary_to(each)["last"] for each in metrics}
    facts |= {("source", f"git.{name}"): value for name, value in (origin.get("git") or {}).items()}
    facts |= {("source", name): origin[name] for name in ("script", "command_line") if name in origin}
    return facts | {("environment", name): origin[name] for name in ("python", "host", "user") if name in origin}


def compared(facts: Mapping[str, Facts]) -> list[Compared]:
    """A row for each fact that any run has; those that tell runs apart come first, otherwise as they come."""
    keys = dict.fromkeys(key for known in facts.values() for key in known)
    rows = [_row(kind, key, facts) for kind, key in sorted(keys, key=lambda known: _KINDS.index(known[0]))]
    return sorted(rows, key=lambda row: not row["differs"])


def _shown(part: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Encrypted):
            value = readable(value)
        elif isinstance(value, Model):
            value = _shown(value)
        elif isinstance(value, list):
            value = " ".join(readable(each) or "" for each in value)
        if value is not None:
            found[name] = value
    return found


def _row(kind: str, key: str, facts: Mapping[str, Facts]) -> Compared:
    values = {run_id: known[kind, key] for run_id, known in facts.items() if (kind, key) in known}
    first, *others = values.values()
    differs = len(values) < len(facts) or any(not _same(first, other) for other in others)
    return {"kind": kind, "key": key, "differs": differs, "values": values}


def _same(one: Any, other: Any) -> bool:
    # For Python, true equals 1.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
