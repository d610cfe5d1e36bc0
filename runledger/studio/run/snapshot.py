"""The code that a run was started from: its files, one of them to read, all of them to keep."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile, ZipInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ledger.artifacts.contents import Contents, pieces
from ledger.artifacts.names import SNAPSHOT
from ledger.errors import ArtifactNotFoundError, SnapshotError
from ledger.queries import ArtifactDocument
from runledger.server.desk import Desk
from runledger.server.routes.files import OCTETS, SAFE
from runledger.studio.pages import Pages
from runledger.studio.run.frame import frame_of

_BROKEN = (BadZipFile, NotImplementedError, RuntimeError, zlib.error)
_READ_BYTES = 200_000
"""How much of a file is shown on the page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A file of a snapshot; `text` is None for what is no text, `cut` says that it goes on."""

    name: str
    text: str | None
    cut: bool


class Snapshots:
    """The tab, and what is downloaded from it."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        """Read what the desk keeps."""
        self._desk = desk
        self._pages = pages

    async def show(self, request: Request) -> Response:
        """The files of the snapshot, one of them opened."""
        frame, found = await frame_of(self._desk, request), await self._artifact(request)
        shown: dict[str, Any] = {"snapshot": found, "files": [], "file": None}
        if found is not None:
            shown |= await self._desk.in_thread(partial(self._opened, found, request.query_params.get("file")))
        return self._pages.page(request, "run/snapshot.html", **frame, **shown)

    async def download(self, request: Request) -> Response:
        """All of it as a zip, or one file of it."""
        run_id, found = request.path_params["run_id"], await self._artifact(request)
        if found is None:
            raise ArtifactNotFoundError(run_id, SNAPSHOT)
        name = request.query_params.get("file")
        if name is None:
            stream = await self._desk.in_thread(partial(self._contents.open, found["sha256"]))
            return _sent(f"{run_id}-snapshot.zip", stream)
        return _sent(name, await self._desk.in_thread(partial(self._member, found, name)))

    @property
    def _contents(self) -> Contents:
        return self._desk.parts.files.contents

    async def _artifact(self, request: Request) -> ArtifactDocument | None:
        run_id, queries = request.path_params["run_id"], self._desk.parts.queries
        found = await self._desk.ask(partial(queries.artifacts, run_id, [SNAPSHOT]))
        return next((each for each in found if each["name"] == SNAPSHOT), None)

    def _opened(self, found: ArtifactDocument, name: str | None) -> dict[str, Any]:
        with _zip(self._contents.open(found["sha256"])) as archive:
            files = sorted((each for each in archive.infolist() if not each.is_dir()), key=lambda each: each.filename)
            return {"files": files, "file": _read(archive, files, name) if name is not None else None}

    def _member(self, found: ArtifactDocument, name: str) -> BinaryIO:
        try:
            archive = ZipFile(cast("IO[bytes]", self._contents.open(found["sha256"])))
            return cast("BinaryIO", archive.open(_member_of(archive.infolist(), name)))
        except _BROKEN as error:
            raise _unreadable(error) from error


def _unreadable(error: Exception) -> SnapshotError:
    return SnapshotError(f"the snapshot cannot be read: {error}. Download it as it is")


@contextmanager
def _zip(file: BinaryIO) -> Iterator[ZipFile]:
    try:
        with file, ZipFile(cast("IO[bytes]", file)) as archive:
            yield archive
    except _BROKEN as error:
        raise _unreadable(error) from error


def _read(archive: ZipFile, files: list[ZipInfo], name: str) -> Shown:
    # Never more than is shown, whatever the archive says of its sizes.
    with archive.open(_member_of(files, name)) as file:
        content = file.read(_READ_BYTES + 1)
    cut = len(content) > _READ_BYTES
    try:
        # The end may be in the middle of a character.
        text = content[:_READ_BYTES].decode("utf-8", errors="ignore" if cut else "strict")
    except UnicodeDecodeError:
        return Shown(name, None, cut)
    return Shown(name, None if "\0" in text else text, cut)


def _member_of(files: list[ZipInfo], name: str) -> ZipInfo:
    found = next((each for each in files if each.filename == name and not each.is_dir()), None)
    if found is None:
        raise HTTPException(404)
    return found


def _sent(name: str, stream: BinaryIO) -> Response:
    file_name = quote(name.rpartition("/")[2], safe="")
    headers = {**SAFE, "Content-Disposition": f"attachment; filename*=UTF-8''{file_name}"}
    return StreamingResponse(pieces(stream), media_type=OCTETS, headers=headers)
