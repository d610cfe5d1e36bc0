"""From a row to the document that users get (parity C6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.queries import RunDocument
from projections.runs.state import RunState
from schemas.statuses import TERMINAL

_AS_THEY_ARE = ("experiment_id", "parent_run_id", "root_run_id", "status", "display_name", "description")
_ALSO = ("run_type", "target", "tags", "properties", "parameters", "created_by", "error", "warnings", "attempt")
_OF_THE_STATUS = ("status_reason", "certainty", "presumed")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = {"created": "created_utc", "started": "start_time_utc", "ended": "end_time_utc"}


def document(run_id: str, number: int, state: RunState) -> RunDocument:
    """The document of a run; what has no value is absent, except tags, properties and parameters."""
    found: dict[str, Any] = {
        "run_id": run_id,
        "run_number": number,
        "experiment_name": state["experiment"],
        "_experiment_name": state["experiment"],
        "name": state.get("display_name", run_id),
        "run_type_v2": {"orchestrator": "External"},
        "is_terminal": state["status"] in TERMINAL,
        "last_position": state["last_position"],
    }
    found |= {name: state[name] for name in (*_AS_THEY_ARE, *_ALSO, *_OF_THE_STATUS) if name in state}
    found |= {name: iso(state[key]) for key, name in _TIMES.items() if key in state}
    if "ended" in state:
        found["duration_seconds"] = round((state["ended"] - state.get("started", state["created"])) / 1e6, 6)
    if state.get("archived"):
        found["archived"] = True
    if "earlier_attempts" in state:
        found["attempts"] = [_attempt(each) for each in (*state["earlier_attempts"], _present(state))]
    return found


def _present(state: RunState) -> RunState:
    names = ("attempt", "status", "ended", "error", *_OF_THE_STATUS)
    return {"started": state["attempt_started"]} | {name: state[name] for name in names if name in state}


def _attempt(state: RunState) -> dict[str, Any]:
    """What one attempt came to, with its own times."""
    found = {name: state[name] for name in ("attempt", "status", "error", *_OF_THE_STATUS) if name in state}
    return found | {name: iso(state[key]) for key, name in _TIMES.items() if key in state}


def iso(microseconds: int) -> str:
    """A moment in ISO 8601 UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")
