"""A notification as a CloudEvent 1.0 in structured mode: one JSON object, the same for the same notification."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from alerts.channels.channel import Mail
from alerts.facts import Facts
from alerts.templates.context import context_of
from alerts.templates.rendered import Rendered
from alerts.templates.words import plain

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = (
    "kind", "headline", "notes", "rule", "rule_id", "run", "run_id", "run_url", "experiment", "display_name",
    "parent_run_id", "attempt", "actor", "old_status", "new_status", "presumed", "certainty", "reason", "error_code",
    "error_type", "error_message", "traceback", "started_at", "ended_at", "recorded_at", "duration_ms", "log_lines",
    "tags", "properties", "parameters", "last_values", "workspace", "trigger", "severity", "occasion", "count",
    "counts", "by", "runs",
)  # fmt: skip
"""What of the names that templates know is in the data."""


def compose(rendered: Rendered, facts: Facts, notification: str, recipient: str) -> Mail:
    """The event for one channel, the same bytes for the same arguments; receivers tell copies by its `id`."""
    known = context_of(facts)
    event = {
        "specversion": "1.0",
        "id": notification,
        "source": f"urn:runledger:{quote(plain(facts.workspace), safe='') or 'workspace'}",
        "type": f"runledger.alert.{facts.kind}.v1",
        "subject": plain(facts.run_id or facts.experiment),
        "time": _time(facts.recorded_at),
        "datacontenttype": "application/json",
        "data": {"title": rendered.subject, "text": plain(rendered.text)} | {name: known[name] for name in _TOLD},
    }
    return Mail(notification, recipient, "", json.dumps(_finite(event), ensure_ascii=False).encode("utf-8", "replace"))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are told by name."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
        case _:
            return value


def _time(milliseconds: int) -> str:
    try:
        return f"{(_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec='milliseconds')[:-6]}Z"
    except OverflowError:
        return f"{_EPOCH.isoformat()[:-6]}Z"
