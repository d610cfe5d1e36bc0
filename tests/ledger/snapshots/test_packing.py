"""A folder becomes a zip, the same for the same files, and a folder again."""

import io
import os
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SnapshotError
from ledger.snapshots.packing import names_in, pack, unpack
from schemas.limits import Limits


def packed(path: Path, **limits: int) -> io.BytesIO:
    archive = io.BytesIO()
    pack(path, archive, Limits(**limits))
    archive.seek(0)
    return archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name, text in (("train.py", "print(1)"), ("lib/a.py", "a"), ("outputs/old.txt", "x"), (".git/HEAD", "x")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "train.py").chmod(0o755)
    return folder


def test_the_same_files_make_the_same_bytes(source: Path) -> None:
    before = packed(source).getvalue()
    os.utime(source / "train.py", (1, 1))
    assert packed(source).getvalue() == before
    (source / "train.py").write_text("print(2)")
    assert packed(source).getvalue() != before


def test_an_amlignore_counts_alone(source: Path) -> None:
    (source / ".gitignore").write_text("lib\n")
    assert names_in(packed(source)) == {".gitignore", "train.py", "outputs/old.txt"}
    (source / ".amlignore").write_text("/outputs\n")
    (source / "lib" / ".gitignore").write_text("*\n")
    assert names_in(packed(source)) == {".gitignore", ".amlignore", "train.py", "lib/a.py", "lib/.gitignore"}


def test_one_file_is_a_snapshot_too(source: Path) -> None:
    assert names_in(packed(source / "train.py")) == {"train.py"}


def test_what_is_unpacked_is_what_was_there(source: Path, tmp_path: Path) -> None:
    unpack(packed(source), tmp_path / "copy")

    assert (tmp_path / "copy" / "lib" / "a.py").read_text() == "a"
    assert os.access(tmp_path / "copy" / "train.py", os.X_OK)
    assert not os.access(tmp_path / "copy" / "lib" / "a.py", os.X_OK)
    assert not (tmp_path / "copy" / ".git").exists()


def test_too_much_is_refused_with_what_to_leave_out(source: Path) -> None:
    (source / "node_modules").mkdir()
    for number in range(5):
        (source / "node_modules" / f"{number}.js").write_text("x" * 100)
    with pytest.raises(SnapshotError, match=r"more than 6 files.*node_modules \(5 files\).*\.amlignore"):
        packed(source, snapshot_files=6)
    with pytest.raises(SnapshotError, match=r"more than 0 MB.*node_modules \(\d+ bytes\)"):
        packed(source, snapshot_bytes=300)
    assert len(names_in(packed(source, snapshot_files=8))) == 8


def test_links_that_lead_out_are_left_out(source: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("s3cret")
    (source / "out").symlink_to(tmp_path / "outside.txt")
    (source / "up").symlink_to(tmp_path)
    (source / "within").symlink_to(source / "lib" / "a.py")

    assert names_in(packed(source)) == {"train.py", "lib/a.py", "outputs/old.txt", "within"}


@given(st.sampled_from(["../a", "/a", "a/../../b", "C:/a", "a\\..\\b"]))
def test_a_zip_that_would_lead_elsewhere_is_not_unpacked(name: str) -> None:
    archive = io.BytesIO()
    with ZipFile(archive, "w") as made:
        made.writestr(name, "x")
    with pytest.raises(SnapshotError, match="cannot be unpacked"):
        unpack(archive, Path("/nonexistent/folder"))


def test_what_is_no_zip_is_told() -> None:
    with pytest.raises(SnapshotError, match="cannot be unpacked"):
        unpack(io.BytesIO(b"no zip"), Path("/nonexistent/folder"))
