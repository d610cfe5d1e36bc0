"""runledger as a later version may be: with one more type of event, and a second version of another.

`python -m tests.runledger.server.newer ARGUMENTS` is that version's `runledger ARGUMENTS`. It pins a run
where this one archives it, and says of a tag where it comes from.
"""

import sys
from typing import Any, ClassVar

import ledger.domain.run
from ledger.domain.run import Run
from runledger.cli import main
from schemas import registry
from schemas.events import Event, RunTaggedEvent


class RunPinnedEvent(Event):
    """Somebody pinned the run."""

    name: ClassVar[str] = "run.pinned"

    colour: str = "red"


class RunTaggedV2Event(RunTaggedEvent):
    """A tag was set, somewhere."""

    version: ClassVar[int] = 2

    place: str = "somewhere"

    @staticmethod
    def upcast_v1_v2(payload: dict[str, Any]) -> dict[str, Any]:
        return payload | {"place": "unknown"}


def pin(run: Run) -> None:
    """Where this version archives."""
    run.decide(RunPinnedEvent)


def register() -> None:
    """Know the new events, as the modules that are patched here would."""
    current, former = registry._CURRENT, registry._FORMER
    former[RunTaggedEvent.type_name()] = current.pop(RunTaggedEvent.type_name())
    for event in (RunPinnedEvent, RunTaggedV2Event):
        current[event.type_name()] = event
        registry._BY_NAME[event.name] = event
    ledger.domain.run.RunTaggedEvent = RunTaggedV2Event  # type: ignore[attr-defined]
    ledger.domain.run.Run.archive = pin  # type: ignore[assignment]


if __name__ == "__main__":
    register()
    sys.exit(main())
