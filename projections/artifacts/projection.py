"""From events to rows of the table of files: the newest content of each name."""

from collections.abc import Sequence

from pydantic_core import to_json

from ledger.feed import FeedEvent
from ledger.queries import ArtifactDocument
from projections.connection import Connection, Document
from projections.projection import Changes, many, write
from projections.runs.documents import iso
from projections.runs.state import moment
from schemas.events import RunArtifactAddedEvent
from schemas.streams import run_stream

_RUN = run_stream("")
_SCHEMA = """CREATE TABLE artifacts{0} (
    run_id TEXT, name TEXT, document TEXT NOT NULL, PRIMARY KEY (run_id, name)
) WITHOUT ROWID"""
_UPSERT = """INSERT INTO artifacts{0} VALUES (?, ?, ?)
ON CONFLICT (run_id, name) DO UPDATE SET document = excluded.document"""


class ArtifactsProjection:
    """A row a run and name; what a name stood for before is in the history of the run."""

    name: str = "artifacts"
    version: int = 1
    tables: tuple[str, ...] = ("artifacts",)

    def schema(self, suffix: str) -> str:
        """The table of one generation."""
        return _SCHEMA.format(suffix)

    def fold(self, suffix: str) -> "ArtifactsFold":
        """A fold of one generation of the table."""
        return ArtifactsFold(suffix)

    def apply(self, events: Sequence[FeedEvent], connection: Connection, suffix: str) -> None:
        """Take in events in order: the last one of a name counts."""
        write(ArtifactsFold(suffix).take(events, connection), connection)


class ArtifactsFold:
    """Needs to remember nothing."""

    def __init__(self, suffix: str) -> None:
        """Of one generation of the table."""
        self._suffix = suffix

    def take(self, events: Sequence[FeedEvent], _: Connection) -> Changes:
        """The last event of a name counts."""
        rows = {}
        for event in events:
            if isinstance(event.event, RunArtifactAddedEvent) and event.envelope.stream.startswith(_RUN):
                run_id = event.envelope.stream.removeprefix(_RUN)
                rows[run_id, event.event.artifact_name] = to_json(_document(event.event, event)).decode()
        return [many(_UPSERT.format(self._suffix), [(*key, Document(text)) for key, text in rows.items()])]


def _document(event: RunArtifactAddedEvent, happened: FeedEvent) -> ArtifactDocument:
    found = {
        "name": event.artifact_name,
        "size": event.size,
        "sha256": event.sha256,
        "content_type": event.content_type,
        "kind": event.kind,
        "metric": event.metric,
        "added_utc": iso(moment(happened)),
        "added_by": happened.envelope.actor,
        "position": happened.position,
    }
    return {name: value for name, value in found.items() if value is not None}
