"""A run as its events make it: plain JSON, so that a row can hold it."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from ledger.feed import FeedEvent
from schemas.events import (
    RunArchivedEvent,
    RunDescribedEvent,
    RunError,
    RunParameterAddedEvent,
    RunPropertyAddedEvent,
    RunRestoredEvent,
    RunResumedEvent,
    RunStartedEvent,
    RunStatusChangedEvent,
    RunTaggedEvent,
    RunUntaggedEvent,
    RunWarnedEvent,
    readable,
)
from schemas.statuses import TERMINAL, RunStatus

RunState = dict[str, Any]
_WARNINGS_KEPT = 20
_ATTEMPTS_KEPT = 100
_OF_THE_END = ("error", "certainty", "presumed", "status_reason")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def apply_event(state: RunState, happened: FeedEvent) -> None:
    """Change the state by an event of any order and content; it never raises."""
    if not state:
        _begin(state, happened)
    state["last_position"] = happened.position
    match happened.event:
        case RunStartedEvent() as event:
            _start(state, event, happened)
        case RunTaggedEvent() as event:
            state["tags"][event.key] = readable(event.value)
        case RunUntaggedEvent() as event:
            state["tags"].pop(event.key, None)
        case RunPropertyAddedEvent() as event:
            state["properties"].setdefault(event.key, readable(event.value))
        case RunParameterAddedEvent() as event:
            state["parameters"].setdefault(event.key, _json_number(event.value))
        case RunStatusChangedEvent() as event:
            _change_status(state, event, happened)
        case RunResumedEvent() as event:
            _begin_attempt(state, event, happened)
        case _:
            _apply_text(state, happened)


def moment(happened: FeedEvent) -> int:
    """When it happened, in microseconds: the writer's claim, or the log's time if that is no date."""
    claimed = _micros(happened.envelope.time)
    return happened.recorded_at * 1000 if claimed is None else claimed


@lru_cache(maxsize=1_000)
def _micros(text: str) -> int | None:
    # Asked several times of one event, and of events of one moment.
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except ValueError:
        return None


def _apply_text(state: RunState, happened: FeedEvent) -> None:
    match happened.event:
        case RunDescribedEvent() as event:
            for name in event.changed:
                _set(state, name, readable(getattr(event, name)))
        case RunWarnedEvent() as event:
            _warn(state, event)
        case RunArchivedEvent():
            state["archived"] = True
        case RunRestoredEvent():
            state.pop("archived", None)
        case _:
            pass


def _begin(state: RunState, happened: FeedEvent) -> None:
    state |= {
        "experiment": "",
        "status": RunStatus.NOT_STARTED.value,
        "attempt": 1,
        "created": moment(happened),
        "created_by": happened.envelope.actor,
        "tags": {},
        "properties": {},
        "parameters": {},
    }


def _start(state: RunState, event: RunStartedEvent, happened: FeedEvent) -> None:
    if state["experiment"]:
        return
    state |= {
        "experiment": event.experiment,
        "experiment_id": event.experiment_id,
        "run_type": event.run_type,
        "target": event.target,
    }
    state["tags"] = {key: readable(value) for key, value in event.tags.items()} | state["tags"]
    state["properties"] = {key: readable(value) for key, value in event.properties.items()} | state["properties"]
    for name in ("display_name", "description"):
        _set(state, name, readable(getattr(event, name)))
    for name in ("parent_run_id", "root_run_id"):
        _set(state, name, getattr(event, name))
    _move(state, event.status, happened)


def _begin_attempt(state: RunState, event: RunResumedEvent, happened: FeedEvent) -> None:
    """Keep what the last attempt came to, and begin anew."""
    started = state.pop("attempt_started", state.get("started", state["created"]))
    earlier = {"attempt": state["attempt"], "status": state["status"], "started": started}
    earlier |= {name: state[name] for name in ("ended", *_OF_THE_END) if name in state}
    if "error" in earlier:
        # The history has the traceback; a row shall not grow by one with each attempt.
        earlier["error"] = {name: text for name, text in earlier["error"].items() if name != "traceback"}
    state["earlier_attempts"] = [*state.get("earlier_attempts", []), earlier][-_ATTEMPTS_KEPT:]
    _move(state, RunStatus.RUNNING, happened)
    state["attempt"], state["attempt_started"] = event.attempt, moment(happened)
    for name in _OF_THE_END:
        state.pop(name, None)


def _change_status(state: RunState, event: RunStatusChangedEvent, happened: FeedEvent) -> None:
    if state.get("presumed"):
        state.pop("error", None)
    _move(state, event.status, happened)
    _set(state, "status_reason", readable(event.reason))
    _set(state, "certainty", event.certainty)
    _set(state, "presumed", event.presumed or None)
    if event.error is not None:
        state["error"] = _error(event.error)
    elif event.status is RunStatus.COMPLETED:
        state.pop("error", None)


def _move(state: RunState, status: RunStatus, happened: FeedEvent) -> None:
    state["status"] = status.value
    if status is RunStatus.RUNNING:
        state.setdefault("started", moment(happened))
    if status in TERMINAL:
        state["ended"] = moment(happened)
    else:
        state.pop("ended", None)


def _warn(state: RunState, event: RunWarnedEvent) -> None:
    # `count` goes up with each warning of a kind, so the last one says it all.
    others = [
        warning
        for warning in state.get("warnings", [])
        if (warning["source"], warning["code"]) != (event.source, event.code)
    ]
    warning = {"source": event.source, "code": event.code, "message": readable(event.message), "count": event.count}
    state["warnings"] = [*others, warning][-_WARNINGS_KEPT:]


def _error(error: RunError) -> dict[str, str]:
    fields = {"code": error.code, "message": readable(error.message), "type": error.type}
    fields["traceback"] = readable(error.traceback)
    return {name: value for name, value in fields.items() if value is not None}


def _set(state: RunState, name: str, value: object) -> None:
    if value is None:
        state.pop(name, None)
    else:
        state[name] = value


def _json_number(value: Any) -> Any:
    # JSON has no word for these; a document says them as text.
    return str(value) if isinstance(value, float) and value - value != 0 else value
