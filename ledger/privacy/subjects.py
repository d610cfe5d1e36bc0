"""Whose a personal text is: the subject whose key encrypts it, and with whose key it is erased."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid5

from schemas.personal import Path
from schemas.streams import key_of, kind_of, run_stream, user_stream

WhoseText = Callable[[Path], str]


def subject_of(stream: str) -> str:
    """The subject of a stream: of a run's values it is the run."""
    return run_stream(key_of(stream)) if kind_of(stream) == "values" else stream


def told_subject(log_id: str, address: str) -> str:
    """The subject of what was sent to an address; what its owner wants to be told (`recipient:...`) is another."""
    return f"told:{uuid5(UUID(log_id), address.casefold())}"


def whose(log_id: str, stream: str, event: Any, told: Mapping[str, str]) -> WhoseText:
    """Whose the texts of an event's JSON are; `told` are subjects by notification, as far as they are known."""
    match kind_of(stream), event:
        case "refusals", {"stream": str(meant)} if ":" in meant:
            return lambda _: subject_of(meant)
        case "refusals", {"user_name": str(name)}:
            return lambda _: user_stream(log_id, name)
        case "notifications", {"notifications": list(claims)}:
            of = [told_subject(log_id, str(claim.get("recipient"))) for claim in claims]
            return lambda path: of[int(path[1])] if path[0] == "notifications" else stream
        case "notifications", {"outcomes": list(outcomes)}:
            of = [told.get(str(outcome.get("notification")), stream) for outcome in outcomes]
            return lambda path: of[int(path[1])] if path[0] == "outcomes" else stream
        case _:
            subject = subject_of(stream)
            return lambda _: subject
