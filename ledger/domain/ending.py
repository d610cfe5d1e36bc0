"""What is kept of a run's end: never refused for its size, but cut."""

from collections.abc import Mapping, Sequence

from schemas.events import RunError
from schemas.limits import Limits


def error_within(error: Mapping[str, str | None] | None, limits: Limits) -> RunError | None:
    """The error of a run, its message and traceback no longer than they may be."""
    if error is None:
        return None
    found = {"code": "UserError", "message": ""} | dict(error)
    found["message"] = (found["message"] or "")[: limits.error_message_length]
    if found.get("traceback"):
        # The last lines say where it happened.
        found["traceback"] = (found["traceback"] or "")[-limits.traceback_length :]
    return RunError.model_validate(found)


def last_lines(lines: Sequence[str], limits: Limits) -> list[str]:
    """The end of a log, its lines no longer than they may be."""
    return [line[: limits.log_line_length] for line in lines[-limits.log_lines :]]
