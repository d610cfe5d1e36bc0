"""A snapshot on its way to the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, cast

from ledger.artifacts.names import SNAPSHOT
from ledger.artifacts.upload import Upload
from ledger.snapshots.packing import pack
from schemas.limits import Limits

KIND = "snapshot"


@contextmanager
def taken(path: Path) -> Iterator[tuple[BinaryIO, Upload]]:
    """The zip of a folder or file, which has a name, and how it is uploaded; raises SnapshotError."""
    with NamedTemporaryFile(prefix="runledger-snapshot-") as file:
        pack(path, cast("IO[bytes]", file), Limits())
        file.flush()
        yield cast("BinaryIO", file), Upload(SNAPSHOT, file, KIND)
