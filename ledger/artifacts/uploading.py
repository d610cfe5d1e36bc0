"""Sending files of a run: first what they hold, several at once, then their names."""

import mimetypes
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from ledger.artifacts.content import Content
from ledger.artifacts.names import check_artifact_name
from ledger.artifacts.upload import Source, Upload
from ledger.commands import AddArtifacts, RunCommand
from ledger.errors import DeniedError, RefusedError, UnavailableError
from schemas.errors import LedgerError
from schemas.limits import Limits

Progress = Callable[[int, int], None]
Put = Callable[[BinaryIO], Content]
"""Stores what a file holds; raises what `Client.put_content` raises."""

_AT_ONCE = 8
_NAMES_BYTES = 200_000
_IN_MEMORY = 8_000_000
_PIECE = 1 << 20
_MOST = Limits().artifacts_per_call


def upload(
    put: Put,
    run_id: str,
    execute: Callable[[RunCommand], object],
    uploads: Sequence[Upload],
    seconds: float | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, dict[str, Any]]:
    """Store files, and answer with name, sha256 and size of each by name.

    `progress` is told how many of them are stored, and how many there are.

    Raises:
        InvalidNameError: a name leads elsewhere; nothing was sent.
        RefusedError: a path is no file; nothing gets a name.
        UnavailableError: what they hold cannot be sent, or not in so many seconds; nothing gets a name.
    """
    for each in uploads:
        check_artifact_name(each.name, Limits())
    artifacts = _stored(put, uploads, seconds, progress)
    for part in _parts(artifacts):
        execute(AddArtifacts(run_id=run_id, artifacts=part))
    return {each["name"]: each for each in artifacts}


def upload_each(
    put: Put, run_id: str, execute: Callable[[RunCommand], object], uploads: Sequence[Upload]
) -> list[LedgerError]:
    """As `upload`, but one file that is refused keeps no other from being stored; what was refused.

    Raises:
        UnavailableError: the ledger cannot be reached.
        DeniedError: who asks may not.
    """
    problems: list[LedgerError] = []

    def stored(each: Upload) -> dict[str, Any] | None:
        try:
            check_artifact_name(each.name, Limits())
            return _put(put, each)
        except (UnavailableError, DeniedError):
            raise
        except LedgerError as error:
            problems.append(error)
            return None

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="runledger-upload") as pool:
        found = [each for each in pool.map(stored, uploads) if each is not None]
    for part in _parts(found):
        execute(AddArtifacts(run_id=run_id, artifacts=part))
    return problems


def _stored(put: Put, uploads: Sequence[Upload], seconds: float | None, progress: Progress) -> list[dict[str, Any]]:
    if len(uploads) == 1 and seconds is None:
        return [_put(put, uploads[0])]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="runledger-upload") as pool:
        futures = [pool.submit(_put, put, each) for each in uploads]
        done = 0
        try:
            for future in as_completed(futures, seconds):
                future.result()
                done += 1
                progress(done, len(futures))
        except TimeoutError as error:
            raise UnavailableError(
                f"{len(futures) - done:,} of {len(futures):,} files were not sent within {seconds:g} seconds"
            ) from error
        finally:
            for future in futures:
                future.cancel()
    return [future.result() for future in futures]


def _put(put: Put, each: Upload) -> dict[str, Any]:
    with _opened(each.source) as file:
        return named(each, put(file))


def named(each: Upload, content: Content) -> dict[str, Any]:
    """A stored content under its name, as a command has it."""
    about = {"content_type": mimetypes.guess_type(each.name)[0], "kind": each.kind, "metric": each.metric}
    known = {key: value for key, value in about.items() if value is not None}
    return {"name": each.name, "sha256": content.sha256, "size": content.size} | known


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        if path.is_dir():
            raise RefusedError(f"{path} is a folder; upload_folder() takes it")
        try:
            file = path.open("rb")
        except OSError as error:
            raise RefusedError(f"{path} cannot be read: {error.strerror or error}") from error
        with file:
            yield file
        return
    if not hasattr(source, "read"):
        raise TypeError(f"a file is named by its path, or read from a stream; not from {type(source).__name__}")
    # It may not be readable twice.
    with SpooledTemporaryFile(_IN_MEMORY) as copy:
        while piece := source.read(_PIECE):
            copy.write(piece.encode() if isinstance(piece, str) else piece)
        yield cast("BinaryIO", copy)


def _parts(artifacts: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Commands of a bearable size."""
    part: list[dict[str, Any]] = []
    size = 0
    for each in artifacts:
        length = len(each["name"].encode())
        if part and (len(part) == _MOST or size + length > _NAMES_BYTES):
            yield part
            part, size = [], 0
        part.append(each)
        size += length
    if part:
        yield part
