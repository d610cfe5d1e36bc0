"""One table as a stream for another program: JSON lines, or Arrow's own."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

import pyarrow as pa

from ledger.values.forms import spelled
from projections.analytics.columns import TABLES


def as_arrow(name: str, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    """An Arrow IPC stream; a table without rows still has its columns."""
    with pa.ipc.new_stream(out, TABLES[name]) as stream:
        for batch in batches:
            stream.write_batch(batch)
            out.flush()


def as_json_lines(_: str, batches: Iterable[pa.RecordBatch], out: BinaryIO) -> None:
    """A JSON object a line; what has no value is absent, times are ISO 8601 UTC."""
    for batch in batches:
        out.writelines(_lines(batch))
        out.flush()


FORMS: dict[str, Callable[[str, Iterable[pa.RecordBatch], BinaryIO], None]] = {
    "jsonl": as_json_lines,
    "arrow": as_arrow,
}


def _lines(batch: pa.RecordBatch) -> Iterator[bytes]:
    maps = [field.name for field in batch.schema if pa.types.is_map(field.type)]
    for row in batch.to_pylist():
        cells = {name: _cell(value) for name, value in row.items() if value is not None}
        cells |= {name: {key: _cell(item) for key, item in row[name]} for name in maps}
        yield json.dumps(cells, ensure_ascii=False).encode() + b"\n"


def _cell(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else spelled(value)
