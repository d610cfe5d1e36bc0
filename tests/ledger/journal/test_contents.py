"""Files beside a journal: whole and as they were, or not there at all."""

import io
import os
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.errors import UnavailableError
from ledger.journal.contents import is_as_kept, keep_content
from ledger.journal.folder import Identity, WriterFolder


@pytest.fixture
def folder(tmp_path: Path) -> WriterFolder:
    made = WriterFolder(tmp_path / "w")
    os.close(made.make(Identity.of_process("r", "w", "", None, None)))
    return made


def left(folder: WriterFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()} - {"head.json", "alive"}


def test_a_file_lies_under_its_hash_from_its_beginning_and_once(folder: WriterFolder) -> None:
    source = io.BytesIO(b"weights" * 500_000)
    source.read(100)
    digest = sha256(source.getvalue()).hexdigest()

    assert keep_content(folder, source) == keep_content(folder, source)

    assert left(folder) == {f"{digest}.content"}
    assert folder.content(digest).read_bytes() == source.getvalue()
    assert is_as_kept(folder, digest)


def test_of_a_file_that_cannot_be_read_to_its_end_nothing_is_left(folder: WriterFolder) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(UnavailableError, match=r"cannot be kept in .*: Input/output error"):
        keep_content(folder, Broken(b"x" * 3_000_000))

    assert left(folder) == set()


def test_a_changed_file_is_found_out_and_a_missing_one_is_no_changed_one(folder: WriterFolder) -> None:
    content = keep_content(folder, io.BytesIO(b"weights"))
    folder.content(content.sha256).write_bytes(b"weighty")

    assert not is_as_kept(folder, content.sha256)

    folder.content(content.sha256).unlink()
    with pytest.raises(FileNotFoundError):
        is_as_kept(folder, content.sha256)


def test_files_go_with_their_journal(folder: WriterFolder) -> None:
    keep_content(folder, io.BytesIO(b"weights"))
    folder.remove()

    assert not folder.path.exists()
