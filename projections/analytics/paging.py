"""Rows of the history page by page, as a server sends them: each page is an Arrow stream that says where to go on."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import pyarrow as pa

from ledger.errors import InvalidNameError
from ledger.tables import PAGE, TableName
from projections.analytics.cells import texts
from projections.analytics.columns import TABLES
from projections.analytics.experiments import from_value
from projections.analytics.selection import Range
from schemas.events.base import CONCEALED
from schemas.streams import kind_of

_RECIPIENT = "recipient"
_LAST = 1 << 62


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is still to be read, in order, and how many places there were at first."""

    ranges: Sequence[Range]
    total: int

    @classmethod
    def over(cls, ranges: Sequence[Range]) -> Self:
        """Before the first page."""
        found = [each for each in ranges if each.begin < each.beyond]
        return cls(found, sum(each.beyond - each.begin for each in found))

    @classmethod
    def parse(cls, text: str, log_id: str) -> Self:
        """Read a cursor that a page had; raises InvalidNameError."""
        try:
            found: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, RecursionError):
            found = None
        match found:
            case [str(log), int(total), [*ranges]] if all(map(_is_range, ranges)):
                if log != log_id:
                    raise InvalidNameError(f"the cursor belongs to log {log}, this is log {log_id}: begin anew")
                return cls([Range(*each) for each in ranges], total)
            case _:
                raise InvalidNameError(f"{text[:40]!r} is no cursor; take it from the page before, as it is")

    def text(self, log_id: str) -> str:
        """What `parse` reads."""
        content = [log_id, self.total, [[each.begin, each.beyond] for each in self.ranges]]
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    def behind(self, place: int) -> "Cursor":
        """What is left when all before a place of the first range has been read."""
        first, *others = self.ranges
        return Cursor([Range(place, first.beyond), *others] if place < first.beyond else others, self.total)

    @property
    def left(self) -> int:
        """How many places are still to be read."""
        return sum(each.beyond - each.begin for each in self.ranges)


class TablePage(NamedTuple):
    """Rows, the cursor of those behind them (None if these are the last), and how many of the records are read."""

    rows: pa.RecordBatch
    cursor: str | None
    read: int
    total: int

    @classmethod
    def empty(cls, table: TableName) -> Self:
        """No rows, and nothing behind them."""
        return cls(pa.RecordBatch.from_pylist([], TABLES[table]), None, 0, 0)

    def stream(self) -> bytes:
        """The page as an Arrow stream; all but the rows is in the metadata of its schema."""
        about = json.dumps({"cursor": self.cursor, "read": self.read, "total": self.total})
        schema = self.rows.schema.with_metadata({PAGE: about})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as stream:
            stream.write_batch(self.rows.replace_schema_metadata({PAGE: about}))
        return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def for_anybody(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `events` as whoever is no admin sees them: without addresses of the network and of recipients."""
    payloads = rows.column("payload").to_pylist()
    streams = rows.column("stream").to_pylist()
    shown = [_concealed(stream, payload) for stream, payload in zip(streams, payloads, strict=True)]
    return rows.set_column(rows.schema.get_field_index("payload"), rows.schema.field("payload"), texts(shown))


def _concealed(stream: str, payload: str | None) -> bytes | None:
    if payload is None or kind_of(stream) == _RECIPIENT:
        return None
    if '"address"' not in payload:
        return payload.encode()
    found = from_value(payload.encode())
    if not isinstance(found, dict):
        return None
    concealed = found | ({"address": CONCEALED} if found.get("address") is not None else {})
    return json.dumps(concealed, ensure_ascii=False, separators=(",", ":")).encode()


def _is_range(found: object) -> bool:
    match found:
        case [int(begin), int(beyond)]:
            return 0 <= begin < beyond < _LAST
        case _:
            return False
