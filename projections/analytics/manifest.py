"""How far a lake has come: which log, which part of it, and the next place of each partition."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ledger.errors import LogRefusedError, WorkspaceError
from projections.analytics.selection import Bounds, Selection
from schemas.streams import CONTROL, LogName

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything before `next` is in the files; `snapshots` is the position as of which the latest tables are."""

    log_id: str
    since: int | None = None
    experiment: str | None = None
    next: Mapping[LogName, Sequence[int]] = field(default_factory=dict)
    snapshots: int | None = None

    @classmethod
    def of(cls, content: bytes, where: str) -> Self:
        """The manifest that was written.

        Raises:
            WorkspaceError: it is damaged, or of a newer program.
        """
        try:
            found: dict[str, Any] = json.loads(content)
            version = found.pop("format")
            if version == FORMAT:
                return cls(**found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkspaceError(
                f"{where} is damaged: {error}. Replay into another folder, or delete this lake and replay again."
            ) from error
        raise WorkspaceError(
            f"{where} has format {version}, this program writes {FORMAT}; use the version of runledger that wrote it, "
            "or replay into another folder"
        )

    def content(self) -> bytes:
        """The bytes to write."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps({"format": FORMAT, **fields}, indent=2).encode() + b"\n"

    def next_of(self, log: LogName, partition: int) -> int:
        """The next place of a partition, 0 before the first."""
        known = self.next.get(log, ())
        return known[partition] if partition < len(known) else 0

    def past(self, log: LogName, partition: int, place: int) -> Self:
        """This one, with everything before a place in the files."""
        known = [*self.next.get(log, ())]
        known += [0] * (partition + 1 - len(known))
        known[partition] = place
        return replace(self, next={**self.next, log: known})


def begun(known: Manifest | None, log_id: str, selection: Selection, where: str) -> Manifest:
    """The manifest to go on from; `since` and `experiment` are those that a lake began with.

    Raises:
        LogRefusedError: the lake was filled from another log.
        WorkspaceError: it was begun with another `since` or experiment.
    """
    if known is None:
        return Manifest(log_id=log_id, since=selection.since, experiment=selection.experiment)
    if known.log_id != log_id:
        raise LogRefusedError(
            f"{where} was filled from log {known.log_id}, this is log {log_id}: replay each workspace into a folder of "
            "its own"
        )
    if selection.experiment not in {None, known.experiment}:
        held = f"experiment {known.experiment!r}" if known.experiment is not None else "every experiment"
        raise WorkspaceError(f"{where} holds {held}, not {selection.experiment!r} alone: replay it into another folder")
    if selection.since not in {None, known.since}:
        raise WorkspaceError(
            f"{where} was begun with another --since, which stays: leave it out, or replay into another folder"
        )
    return known


def refuse_ahead(known: Manifest, bounds: Bounds, where: str) -> None:
    """Raise WorkspaceError if a lake has more of the log than is to be replayed."""
    position = known.next_of(CONTROL, 0) - 1
    if position > bounds.position:
        raise WorkspaceError(
            f"{where} has come to position {position:,}, and this replay ends at {bounds.position:,}: replay what was "
            "before into another folder. If the ledger was replaced by an older one, restore the newer."
        )
