"""Entries of the audit: for those who are no admins, and as files."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ledger.errors import WorkspaceError
from ledger.queries import AuditDocument
from runledger.spreadsheet import lines_of
from schemas.events.base import CONCEALED
from schemas.streams import kind_of

_OF_PEOPLE = frozenset({"user", "refusals", "recipient"})
_BLOCK = 1_000
COLUMNS = (
    *("position", "recorded_at", "occurred_at", "action", "stream", "run_id", "experiment", "actor", "on_behalf_of"),
    *("client", "address", "source", "reason", "refused", "message", "count", "field", "before", "after"),
    *("event_id", "hash"),
)
"""Of a file with rows: one row for each change, or one for an entry that changed nothing."""

_NUMBERS = frozenset({"position", "count"})


def entry_for_anybody(entry: AuditDocument) -> AuditDocument:
    """An entry without addresses, and without what was changed of users and recipients."""
    hidden = entry | {"address": CONCEALED if entry["address"] else None}
    if kind_of(entry["stream"]) not in _OF_PEOPLE:
        return hidden
    return hidden | {"changes": [], "message": CONCEALED}


def export(entries: Iterable[AuditDocument], file: Path, progress: Callable[[int], None]) -> int:
    """Write entries into a file, in the form that its name ends in, and answer with how many; it is there as a whole.

    Raises:
        WorkspaceError: the name ends in none of them, or what Parquet needs is not installed.
    """
    write = _WRITERS.get(file.suffix)
    if write is None:
        raise WorkspaceError(f"{file} ends in no form that is known: {', '.join(_WRITERS)}")
    draft = file.with_name(f"{file.name}.part")
    count = 0

    def counted() -> Iterator[AuditDocument]:
        nonlocal count
        for entry in entries:
            count += 1
            progress(count)
            yield entry

    try:
        write(counted(), draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return count


def rows_of(entry: AuditDocument) -> Iterator[list[Any]]:
    """The rows of an entry, by `COLUMNS`; values that are no text are written as JSON."""
    for change in entry["changes"] or [{}]:
        cells = (
            entry | {name: _as_text(change.get(name)) for name in ("before", "after")} | {"field": change.get("field")}
        )
        yield [cells.get(name) for name in COLUMNS]


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _write_lines(entries: Iterator[AuditDocument], file: Path) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def _write_csv(entries: Iterator[AuditDocument], file: Path) -> None:
    with file.open("wb") as opened:
        opened.write(lines_of([COLUMNS]))
        for block in _blocks(entries):
            opened.write(lines_of(block))


def _write_parquet(entries: Iterator[AuditDocument], file: Path) -> None:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise WorkspaceError("Parquet needs pyarrow: pip install 'runledger[parquet]'") from error
    kinds = [pa.int64() if name in _NUMBERS else pa.string() for name in COLUMNS]
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for block in _blocks(entries):
            columns = [pa.array(cells, kind) for cells, kind in zip(zip(*block, strict=True), kinds, strict=True)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _blocks(entries: Iterator[AuditDocument]) -> Iterator[Sequence[list[Any]]]:
    rows = chain.from_iterable(map(rows_of, entries))
    while block := list(islice(rows, _BLOCK)):
        yield block


_WRITERS = {".csv": _write_csv, ".jsonl": _write_lines, ".parquet": _write_parquet}
