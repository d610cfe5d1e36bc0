"""From a folder to a zip that is the same for the same files, and back."""

import logging
import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from ledger.artifacts.names import check_artifact_name, name_below, place_in
from ledger.errors import InvalidNameError, SnapshotError
from ledger.snapshots.ignoring import Rule, is_ignored, rules_in
from schemas.limits import Limits

AML_IGNORE, GIT_IGNORE = ".amlignore", ".gitignore"

_BEGINNING = (1980, 1, 1, 0, 0, 0)
_MODES = {True: 0o755, False: 0o644}
_LARGEST = 3

_log = logging.getLogger(__name__)


def pack(path: Path, target: IO[bytes], limits: Limits) -> None:
    """Write a zip of a folder, or of one file.

    Raises:
        SnapshotError: it is not there, cannot be read, or is too large; the error says what to leave out.
    """
    if not path.exists():
        raise SnapshotError(f"there is no folder or file {path} to take a snapshot of")
    files = [(path.name, path)] if path.is_file() else list(_chosen(path, limits))
    try:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for name, file in sorted(files):
                _add(archive, name, file)
    except OSError as error:
        raise SnapshotError(f"the snapshot of {path} cannot be taken: {error}") from error


def unpack(archive: IO[bytes] | Path, folder: Path) -> None:
    """Write what a zip of `pack` holds into a folder, with the rights to execute it.

    Raises:
        SnapshotError: it is no such zip.
    """
    try:
        with ZipFile(archive) as found:
            for info in found.infolist():
                target = place_in(folder, info.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with found.open(info) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
                target.chmod(info.external_attr >> 16 & 0o777)
    except (BadZipFile, InvalidNameError) as error:
        raise SnapshotError(f"the snapshot cannot be unpacked: {error}") from error


def names_in(archive: IO[bytes]) -> set[str]:
    """The names of the files in a zip."""
    with ZipFile(archive) as found:
        return set(found.namelist())


def _add(archive: ZipFile, name: str, file: Path) -> None:
    try:
        source = file.open("rb")
    except FileNotFoundError:
        return  # gone since the folder was listed
    with source:
        mode = os.fstat(source.fileno()).st_mode
        info = ZipInfo(name, _BEGINNING)
        info.create_system = 3
        info.compress_type = ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | _MODES[bool(mode & stat.S_IXUSR)]) << 16
        with archive.open(info, "w", force_zip64=True) as entry:
            shutil.copyfileobj(source, entry)


def _chosen(folder: Path, limits: Limits) -> Iterator[tuple[str, Path]]:
    count, size = 0, 0
    counts, sizes = Counter[str](), Counter[str]()
    for name, file in _walked(folder):
        count, bytes_more = count + 1, file.stat().st_size
        size += bytes_more
        top = name.split("/")[0]
        counts[top] += 1
        sizes[top] += bytes_more
        if count > limits.snapshot_files:
            raise _too_large(folder, f"{limits.snapshot_files:,} files", counts, "{:,} files")
        if size > limits.snapshot_bytes:
            raise _too_large(folder, f"{limits.snapshot_bytes / 1e6:,.0f} MB", sizes, "{:,} bytes")
        yield name, file


def _walked(folder: Path) -> Iterator[tuple[str, Path]]:
    by_aml = (folder / AML_IGNORE).is_file()
    rules = _rules_of(folder / AML_IGNORE, "") if by_aml else []
    top = folder.resolve()
    for here, folders, names in os.walk(folder):
        place = Path(here)
        base = "" if place == folder else name_below(folder, place) + "/"
        if not by_aml and GIT_IGNORE in names:
            rules = [*rules, *_rules_of(place / GIT_IGNORE, base)]
        links = [each for each in folders if (place / each).is_symlink()]
        folders[:] = sorted(
            each for each in folders if each not in links and not is_ignored(base + each, rules, is_folder=True)
        )
        for name in sorted([*names, *links]):
            if not is_ignored(base + name, rules, is_folder=False) and _counts(place / name, top, base + name):
                yield base + name, place / name


def _counts(file: Path, top: Path, name: str) -> bool:
    try:
        check_artifact_name(name, Limits())
    except InvalidNameError as error:
        _log.warning("%s is not in the snapshot: %s", file, error)
        return False
    if file.is_symlink() and not (file.is_file() and file.resolve().is_relative_to(top)):
        _log.warning("%s is not in the snapshot: it is a link that leads out of the folder, or to a folder", file)
        return False
    return file.is_file()


def _rules_of(file: Path, base: str) -> list[Rule]:
    try:
        return rules_in(file.read_text(encoding="utf-8", errors="surrogateescape").splitlines(), base)
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror or error}") from error


def _too_large(folder: Path, allowed: str, found: "Counter[str]", form: str) -> SnapshotError:
    largest = ", ".join(f"{name} ({form.format(number)})" for name, number in found.most_common(_LARGEST))
    return SnapshotError(
        f"the snapshot of {folder} would hold more than {allowed}. What was seen of it so far is mostly {largest}. "
        f"Name what shall stay out in {folder / AML_IGNORE}, in the manner of .gitignore; or name a smaller folder"
    )
