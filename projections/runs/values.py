"""What runs are ordered by: a value for each field that has one."""

from collections.abc import Mapping
from math import isnan

from projections.runs.state import RunState
from projections.runs.words import folded
from schemas.events import Event, OpaqueEvent, RunResumedEvent, RunStatusChangedEvent, Seal

Value = int | float | str
Values = dict[str, Value]
"""By field: `ended`, `parameter.lr`, `metric.loss`; moments and durations are in microseconds."""

_INT64 = 2**63


def values_of(run_id: str, state: RunState) -> Values:
    """The values of a run, without those of its metrics."""
    found: Values = {"name": folded(state.get("display_name", run_id))}
    found |= {name: state[name] for name in ("started", "ended") if name in state}
    if "ended" in state:
        found["duration"] = state["ended"] - state.get("started", state["created"])
    for key, value in state["parameters"].items():
        ordered = str(value).lower() if isinstance(value, bool) else orderable(value)
        if ordered is not None:
            found[f"parameter.{key}"] = ordered
    return found


def metric_values(last_values: Mapping[str, object]) -> Values:
    """The values of a run's metrics, from the last ones that its seal has."""
    found = {f"metric.{name}": orderable(value) for name, value in last_values.items()}
    return {field: value for field, value in found.items() if value is not None}


def metrics_told(event: Event | OpaqueEvent) -> Values | None:
    """What a run's metrics are from an event on, as far as lists know them; None if it says nothing of them."""
    match event:
        case RunStatusChangedEvent(seal=Seal() as seal):
            return metric_values(seal.last_values)
        case RunResumedEvent():
            # They move again: until the run ends they are asked of what it logs.
            return {}
        case _:
            return None


def orderable(value: object) -> Value | None:
    """A logged value as it is ordered: numbers, then texts; None for what has no order."""
    match value:
        case bool():
            return int(value)
        case int():
            return value if -_INT64 <= value < _INT64 else _nearest(value)
        case float():
            return None if isnan(value) else value
        case str():
            return value
        case _:
            return None


def _nearest(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
