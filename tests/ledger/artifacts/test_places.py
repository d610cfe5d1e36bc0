"""What every place for bytes does, and what contents and output make of it."""

import io
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.artifacts.address import open_place
from ledger.artifacts.content import Content
from ledger.artifacts.contents import Contents
from ledger.artifacts.folder import INCOMING, STALE_SECONDS, FolderPlace
from ledger.artifacts.output import LiveOutput
from ledger.artifacts.place import Place
from ledger.errors import BadContentError, ContentNotFoundError, LimitExceededError, UnavailableError

ABC = Content(sha256(b"abc").hexdigest(), 3)


def whole(file: BinaryIO) -> bytes:
    with file:
        return file.read()


def lying(place: Place) -> list[str]:
    return [key for key in place.keys("") if key != "README.txt"]


def test_what_is_kept_is_seen_and_what_is_dropped_is_not(place: Place) -> None:
    draft, other = place.begin(), place.begin()
    draft.write(b"ab")
    other.write(b"xy")
    draft.write(b"c")
    assert place.size("x/1") is None
    draft.keep("x/1")
    draft.drop()
    other.drop()

    assert (place.size("x/1"), list(place.keys("x/"))) == (3, ["x/1"])
    assert whole(place.open("x/1")) == b"abc"
    assert lying(place) == ["x/1"]
    place.remove("x/1")
    place.remove("x/1")
    assert lying(place) == []
    with pytest.raises(FileNotFoundError):
        place.open("x/1")


def test_a_key_is_written_again(place: Place) -> None:
    for text in (b"first", b"second"):
        draft = place.begin()
        draft.write(text)
        draft.keep("x/1")

    assert whole(place.open("x/1")) == b"second"


def test_the_same_content_is_kept_once(place: Place) -> None:
    contents = Contents(place)

    assert contents.put(io.BytesIO(b"abc")) == contents.put(io.BytesIO(b"abc")) == ABC
    assert lying(place) == [f"sha256/{ABC.sha256[:2]}/{ABC.sha256}"]
    assert contents.has(ABC)
    assert not contents.has(Content(ABC.sha256, 4))
    assert whole(contents.open(ABC.sha256)) == b"abc"
    assert ABC.sha256 in contents.address(ABC.sha256)


def test_the_same_content_again_heals_what_was_damaged(tmp_path: Path) -> None:
    contents = Contents(FolderPlace(tmp_path))
    contents.put(io.BytesIO(b"abc"))
    Path(contents.address(ABC.sha256)).write_bytes(b"abX")
    contents.put(io.BytesIO(b"abc"))

    assert whole(contents.open(ABC.sha256)) == b"abc"


def test_settling_syncs_each_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("ledger.artifacts.folder._sync_folder", synced.append)
    place = FolderPlace(tmp_path)
    contents = Contents(place)
    for text in (b"abc", b"abc", b"another"):
        contents.put(io.BytesIO(text))
    assert synced == []
    place.settle()
    place.settle()

    other = sha256(b"another").hexdigest()[:2]
    folders = [tmp_path, tmp_path / "sha256", tmp_path / "sha256" / ABC.sha256[:2], tmp_path / "sha256" / other]
    assert sorted(synced) == sorted(set(folders))


def test_what_is_not_kept_or_no_sha256_is_not_found(place: Place) -> None:
    contents = Contents(place)
    for digest in ("0" * 64, "../../etc/passwd", "", "A" * 64):
        with pytest.raises(ContentNotFoundError):
            contents.open(digest)
        with pytest.raises(ContentNotFoundError):
            contents.size(digest)


def test_changed_or_too_large_content_leaves_nothing(place: Place) -> None:
    contents = Contents(place, max_bytes=3)
    with contents.begin() as incoming:
        incoming.write(b"abd")
        with pytest.raises(BadContentError, match="nothing was kept"):
            incoming.keep(ABC.sha256)
    with pytest.raises(LimitExceededError, match="3 bytes"):
        contents.put(io.BytesIO(b"abcd"))

    assert lying(place) == []


@given(st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=6), st.integers(0, 40), st.integers(1, 12))
def test_output_reads_as_one_text_from_any_place_on(pieces: list[bytes], start: int, most: int) -> None:
    output = LiveOutput(open_place("memory://output"))
    output.forget("r")
    at = 0
    for piece in pieces:
        output.put("r", at, b"?")
        output.put("r", at, piece)
        at += len(piece)

    assert output.read("r", start, most) == b"".join(pieces)[start : start + most]
    assert output.read("other", 0, 10) == b""


def test_a_gap_in_the_output_is_not_read_over(place: Place) -> None:
    output = LiveOutput(place)
    output.put("r", 0, b"abc")
    output.put("r", 5, b"fgh")

    assert output.read("r", 0, 100) == b"abc"
    output.put("r", 0, b"abcde")
    assert output.read("r", 1, 100) == b"bcdefgh"
    output.forget("r")
    assert lying(place) == []


def test_drafts_of_the_dead_are_cleaned_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    left = FolderPlace(tmp_path).begin()
    (dead,) = (tmp_path / INCOMING).iterdir()
    living = FolderPlace(tmp_path).begin()
    old = dead.stat().st_mtime - STALE_SECONDS - 1
    os.utime(dead, (old, old))
    FolderPlace(tmp_path).begin().drop()

    (kept,) = (tmp_path / INCOMING).iterdir()
    assert kept != dead
    living.write(b"abc")
    living.keep("x/1")
    with pytest.raises(UnavailableError):
        left.keep("x/2")


def test_links_in_the_folder_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / ABC.sha256).write_bytes(b"abc")
    contents = Contents(FolderPlace(tmp_path / "files"))
    folder = tmp_path / "files" / "sha256"
    folder.mkdir(parents=True)
    (folder / ABC.sha256[:2]).symlink_to(secret)
    with pytest.raises(ContentNotFoundError):
        contents.open(ABC.sha256)
    (folder / ABC.sha256[:2]).unlink()
    (folder / ABC.sha256[:2]).mkdir()
    (folder / ABC.sha256[:2] / ABC.sha256).symlink_to(secret / ABC.sha256)
    with pytest.raises(ContentNotFoundError):
        contents.open(ABC.sha256)
    contents.put(io.BytesIO(b"abc"))

    assert whole(contents.open(ABC.sha256)) == b"abc"
    assert not (folder / ABC.sha256[:2] / ABC.sha256).is_symlink()


def test_who_opens_the_folder_is_told_what_it_is(tmp_path: Path) -> None:
    Contents(FolderPlace(tmp_path)).put(io.BytesIO(b"abc"))

    assert "runledger run files" in (tmp_path / "README.txt").read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="file"):
        FolderPlace(tmp_path / "file").begin()


def test_a_plain_folder_needs_no_fsspec_and_other_places_say_what_they_need() -> None:
    code = (
        "import sys\nsys.modules['fsspec'] = None\n"
        "from ledger.artifacts.address import open_place\nfrom ledger.errors import UnavailableError\n"
        "open_place('/tmp/a'), open_place('file:///tmp/a')\n"
        "try:\n    open_place('s3://bucket/a').size('x')\nexcept UnavailableError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert "pip install 'runledger[artifacts]'" in done.stdout, done.stderr
    with pytest.raises(UnavailableError, match=r"no-such.*runledger\[artifacts\]|no-such"):
        open_place("no-such://place").size("x")
