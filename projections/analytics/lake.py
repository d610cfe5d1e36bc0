"""A lake: Parquet files at a place, each seen whole or not at all, and a manifest."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.artifacts.address import open_place
from ledger.artifacts.folder import FolderPlace
from ledger.artifacts.place import Draft, Place, Purpose
from ledger.errors import RefusedError, UnavailableError
from ledger.journal.locks import release, take_or_open
from projections.analytics.manifest import Manifest

MANIFEST, LOCK = "_runledger.json", "_runledger.lock"
ROWS = 1 << 17
"""Rows of a row group: engines read these side by side, and skip them by their smallest and largest values."""

DICTIONARIES = (
    "stream",
    "type",
    "run_id",
    "experiment",
    "key",
    "text",
    "actor",
    "source",
    "metric",
    "column",
    "kind",
    "writer",
)
"""Columns whose texts repeat; a dictionary of the others would be built and thrown away."""

_LAKE = Purpose(
    "Parquet files",
    "parquet",
    """\
Written by `runledger replay`: the history of a run ledger as Parquet files, to be read with any engine.
events/ and metrics/ lie by day of record, runs/ and experiments/ hold what is latest. `_runledger.json` says how far it
has come: the next replay goes on from there. `incoming/` holds what is being written right now.
""",
)


class Lake:
    """Reads and writes one lake."""

    def __init__(self, address: str) -> None:
        """Name it by a path or any address of fsspec; nothing is made yet."""
        self.address = address
        self.place: Place = open_place(address, _LAKE)
        self._seen: bytes | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other replays of this machine out.

        Elsewhere than in a folder nothing can be locked: there `keep` notices another one.
        """
        if not isinstance(self.place, FolderPlace):
            yield
            return
        self.place.begin().drop()  # makes the folder
        lock = take_or_open(self.place.path / LOCK)
        if lock is None:
            raise self._others()
        try:
            yield
        finally:
            release(lock)

    def manifest(self) -> Manifest | None:
        """The manifest, None where nothing was replayed yet.

        Raises:
            RefusedError: something else lies there.
            WorkspaceError: the manifest is damaged, or of a newer program.
            UnavailableError: the place cannot be reached.
        """
        self._seen = self._read()
        if self._seen is None:
            self._refuse_foreign()
            return None
        return Manifest.of(self._seen, self.place.address(MANIFEST))

    def keep(self, manifest: Manifest) -> None:
        """Note what the files have, once they outlive a loss of power.

        Raises:
            UnavailableError: another replay was here meanwhile, or nothing can be written.
        """
        if manifest.content() == self._seen:
            return
        if self._read() != self._seen:
            raise self._others()
        self.place.settle()
        content = manifest.content()
        draft = self.place.begin()
        try:
            draft.write(content)
            draft.keep(MANIFEST)
        finally:
            draft.drop()
        self.place.settle()
        self._seen = content

    def file(self, key: str, schema: pa.Schema, *, even_empty: bool = False) -> "LakeFile":
        """A file of a table, to be written in a `with` block; it takes the place of what lies there.

        Without a row there is none, unless it shall be there `even_empty`.
        """
        return LakeFile(self.place, key, schema, even_empty=even_empty)

    def _read(self) -> bytes | None:
        try:
            with self.place.open(MANIFEST) as stream:
                return stream.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"{self.place.address(MANIFEST)} cannot be read: {error}") from error

    def _refuse_foreign(self) -> None:
        for folder in ("events", "metrics", "runs", "experiments"):
            if next(iter(self.place.keys(f"{folder}/")), None) is not None:
                raise RefusedError(
                    f"{self.place.address(folder)} has files and {self.address} no {MANIFEST}: it is no lake of "
                    "`runledger replay`. Name another folder."
                )

    def _others(self) -> UnavailableError:
        return UnavailableError(f"another replay writes to {self.address}; one at a time")


class LakeFile:
    """A Parquet file while it is written."""

    def __init__(self, place: Place, key: str, schema: pa.Schema, *, even_empty: bool) -> None:
        """Nothing is opened before there are rows."""
        self.rows = 0
        self._place, self._key, self._schema, self._even_empty = place, key, schema, even_empty
        self._draft: Draft | None = None
        self._writer: Any = None
        self._waiting: list[pa.RecordBatch] = []
        self._count = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._waiting.append(batch)
        self._count += batch.num_rows
        if self._count >= ROWS:
            self._flush()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the file be seen, whole; after an error it never is."""
        try:
            if kind is None:
                self._finish()
        finally:
            if self._draft is not None:
                self._draft.drop()

    def _finish(self) -> None:
        self._flush()
        if self._even_empty:
            self._open()
        if self._writer is not None and self._draft is not None:
            self._writer.close()
            self._draft.keep(self._key)

    def _flush(self) -> None:
        if self._count:
            self._open()
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=ROWS)
            self.rows += self._count
            self._waiting, self._count = [], 0

    def _open(self) -> None:
        if self._writer is None:
            self._draft = self._place.begin()
            self._writer = pq.ParquetWriter(
                _Sink(self._draft),
                self._schema,
                compression="zstd",
                use_dictionary=[name for name in DICTIONARIES if name in self._schema.names],
            )


class _Sink(io.RawIOBase):
    """A draft as the file that pyarrow writes."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        view = memoryview(piece).cast("B")
        self._draft.write(bytes(view))
        self._written += len(view)
        return len(view)

    def tell(self) -> int:
        return self._written
