"""The routes for files of runs: sent and read as streams, piece by piece."""

import asyncio
import base64
import io
import mimetypes
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Annotated, Any, BinaryIO, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from ledger.application.refusing import Attempt
from ledger.artifacts.content import Content
from ledger.artifacts.contents import PIECE_BYTES, Contents, check_size, pieces
from ledger.artifacts.files import Files
from ledger.artifacts.names import STD_LOG, check_artifact_name
from ledger.artifacts.output import OUTPUT_BYTES
from ledger.commands import AddArtifacts
from ledger.errors import ArtifactNotFoundError, BadContentError, LimitExceededError
from ledger.problems import BadMessageError
from ledger.queries import ArtifactDocument
from ledger.users.rights import Right
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import ArtifactParameters, AtLeast, ContentParameters, OutputParameters
from runledger.server.openapi import FILE_BODY, FILE_REPLY, OUTPUT_REPLY
from runledger.server.replies import refusal, reply
from schemas.limits import Limits
from schemas.streams import run_stream

T = TypeVar("T")

OCTETS = "application/octet-stream"
_FORM = "application/x-www-form-urlencoded"
_TRANSFERS = 32
_SENDING = Attempt("send-content", "")
_OUTPUT_PIECE = 1 << 20
_TOO_LARGE = 413
# What a browser shows and never runs; HTML, SVG and PDF are none of it.
_LOOKED_AT = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "text/plain"})
# What was stored by others must not act as who looks at it, whatever a browser makes of it.
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


class FilesApi:
    """What each route for files does."""

    def __init__(self, desk: Desk, *, printed: Callable[[str, int], None]) -> None:
        """Keep files; `printed` is told how far a running script's output is known."""
        self._desk, self._printed = desk, printed
        self._files: Files = desk.parts.files
        self._transfers = CapacityLimiter(_TRANSFERS)

    async def artifacts(self, run_id: str, asked: Annotated[ArtifactParameters, Query()]) -> Response:
        """The files of a run by name; of each name the newest."""
        return reply(await self._listed(asked, run_id, asked.prefix))

    async def put_content(self, sha256: str, request: Request, visitor: Asking) -> Response:
        """Store bytes under their SHA-256; `add-artifacts` then names them. Sent again, they are there once."""
        await self._desk.admitted(visitor, Right.WRITE, _SENDING)
        try:
            content = await self._received(request, sha256)
        except LimitExceededError as error:
            return refusal(error, _TOO_LARGE, {"Connection": "close"})
        return reply({"sha256": content.sha256, "size": content.size})

    async def wanted(self, sha256: str, asked: Annotated[ContentParameters, Query()], visitor: Asking) -> Response:
        """Whether a content of so many bytes shall be sent: false if it is here; a problem if it would be refused."""
        await self._desk.admitted(visitor, Right.WRITE, _SENDING)
        try:
            check_size(asked.size, self._files.contents.max_bytes)
        except LimitExceededError as error:
            return refusal(error, _TOO_LARGE)
        found = await self._in_thread(partial(self._files.contents.has, Content(sha256, asked.size)))
        return reply(not found)

    async def content(self, sha256: str) -> Response:
        """The bytes that have a SHA-256."""
        return await self._sent(sha256, OCTETS, sha256)

    async def put(self, run_id: str, name: str, request: Request, visitor: Asking) -> Response:
        """Store a file of a run; a `Content-Digest` header with its sha-256 is checked (RFC 9530)."""
        await self._desk.admitted(visitor, Right.WRITE, AddArtifacts(run_id=run_id, artifacts=[{"name": name}]))
        check_artifact_name(name, Limits())
        await self._listed(AtLeast(), run_id, [name])
        try:
            content = await self._received(request, _digest_in(request.headers))
        except LimitExceededError as error:
            return refusal(error, _TOO_LARGE, {"Connection": "close"})
        artifact: dict[str, Any] = {"name": name, "sha256": content.sha256, "size": content.size}
        content_type = _content_type(request.headers, name)
        artifact |= {} if content_type is None else {"content_type": content_type}
        command = AddArtifacts(run_id=run_id, artifacts=[artifact])
        answer = await self._in_thread(partial(self._desk.carry_out, command, visitor))
        return reply(artifact | {"position": answer.position, "changed": answer.changed})

    async def get(self, run_id: str, name: str, asked: Annotated[AtLeast, Query()]) -> Response:
        """A file of a run; of a script that runs, what it has printed so far."""
        artifacts = await self._listed(asked, run_id, [name])
        found = next((each for each in artifacts if each["name"] == name), None)
        if found is not None:
            return await self._sent(found["sha256"], found.get("content_type", OCTETS), name)
        text = await self._in_thread(partial(self._files.output, run_id, 0, [])) if name == STD_LOG else b""
        if not text:
            names = [each["name"] for each in await self._listed(asked, run_id, [])]
            raise ArtifactNotFoundError(run_id, name, names)
        kind = "text/plain; charset=utf-8"
        return Response(text, media_type=kind, headers=_headers(name, kind))

    async def put_output(self, run_id: str, start: int, request: Request, visitor: Asking) -> Response:
        """Show what a running script has printed, from a place in its output on."""
        await self._desk.admitted(visitor, Right.WRITE, Attempt("show-output", run_stream(run_id)))
        await self._listed(AtLeast(), run_id, [STD_LOG])
        if not 0 <= start < OUTPUT_BYTES:
            raise BadMessageError(f"the place must be from 0 to {OUTPUT_BYTES:,}, not {start:,}")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _OUTPUT_PIECE:
                raise BadMessageError(f"send up to {_OUTPUT_PIECE:,} bytes at once")
        await self._in_thread(partial(self._files.live.put, run_id, start, bytes(body)))
        self._printed(run_id, start + len(body))
        return reply({"start": start, "size": len(body)})

    async def output(self, run_id: str, asked: Annotated[OutputParameters, Query()]) -> Response:
        """What a submitted script has printed, from a place on; not all of it at once."""
        artifacts = await self._listed(asked, run_id, [STD_LOG])
        text = await self._in_thread(partial(self._files.output, run_id, asked.start, artifacts))
        return Response(text, media_type=OCTETS, headers=_headers(STD_LOG))

    async def _received(self, request: Request, expected: str | None) -> Content:
        """Keep the body of a request: a small one at once, a large one piece by piece, read on while it is written."""
        contents = self._files.contents
        announced = request.headers.get("content-length", "")
        if announced.isdecimal():
            check_size(int(announced), contents.max_bytes)
        body = _pieces_of(request)
        first = await anext(body, b"")
        if len(first) < PIECE_BYTES:
            return await self._in_thread(partial(_put, contents, first, expected))
        with await self._in_thread(contents.begin) as incoming:
            writing = asyncio.ensure_future(self._in_thread(partial(incoming.write, first)))
            try:
                async for piece in body:
                    await writing
                    writing = asyncio.ensure_future(self._in_thread(partial(incoming.write, piece)))
            finally:
                # Nobody may write to a draft that is dropped.
                await asyncio.wait([writing])
            await writing
            content = await self._in_thread(partial(incoming.keep, expected))
        # Another server may name it, which cannot see to this.
        await self._in_thread(contents.place.settle)
        return content

    async def _sent(self, sha256: str, content_type: str, name: str) -> Response:
        size, file, start = await self._in_thread(partial(_opened, self._files.contents, sha256))
        content_type = _inert(content_type)
        headers = _headers(name, content_type) | {"ETag": f'"{sha256}"'}
        if file is None:
            return Response(start, media_type=content_type, headers=headers)
        headers["Content-Length"] = str(size)
        return StreamingResponse(pieces(file), media_type=content_type, headers=headers)

    async def _listed(self, asked: AtLeast, run_id: str, prefixes: list[str]) -> list[ArtifactDocument]:
        question = partial(self._desk.parts.queries.artifacts, run_id, prefixes, at_least=asked.at_least)
        return await self._desk.ask(question, asked.at_least)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._transfers)


def file_routes(api: FilesApi) -> APIRouter:
    """The routes for files, below those of the API."""
    routes = APIRouter()
    routes.get("/runs/{run_id}/artifacts", response_model=list[dict[str, Any]])(api.artifacts)
    routes.put(
        "/runs/{run_id}/artifacts/{name:path}",
        response_model=dict[str, str | int | bool],
        name="put_artifact",
        **FILE_BODY,
    )(api.put)
    routes.get("/runs/{run_id}/artifacts/{name:path}", name="artifact", **FILE_REPLY)(api.get)
    routes.put("/contents/{sha256}", response_model=dict[str, str | int], **FILE_BODY)(api.put_content)
    routes.get("/contents/{sha256}/wanted", response_model=bool)(api.wanted)
    routes.get("/contents/{sha256}", **OUTPUT_REPLY)(api.content)
    routes.put("/runs/{run_id}/output/{start}", response_model=dict[str, int], **FILE_BODY)(api.put_output)
    routes.get("/runs/{run_id}/output", **OUTPUT_REPLY)(api.output)
    return routes


async def _pieces_of(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of a bearable size; raises BadContentError if it ends too early."""
    held = bytearray()
    try:
        async for chunk in request.stream():
            held += chunk
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
    except ClientDisconnect as error:
        raise BadContentError("the file broke off on its way; nothing of it was kept") from error
    if held:
        yield bytes(held)


def _put(contents: Contents, body: bytes, expected: str | None) -> Content:
    content = contents.put(io.BytesIO(body), expected)
    contents.place.settle()
    return content


def _opened(contents: Contents, sha256: str) -> tuple[int, BinaryIO | None, bytes]:
    """The size of a content, and the stream of it, or all of it if it is small."""
    size, file = contents.size(sha256), contents.open(sha256)
    if size > PIECE_BYTES:
        return size, file, b""
    with file:
        return size, None, file.read()


def _headers(name: str, content_type: str = OCTETS) -> dict[str, str]:
    file_name = quote(name.rpartition("/")[2], safe="")
    kind = content_type.partition(";")[0].strip().lower()
    disposition = "inline" if kind in _LOOKED_AT else "attachment"
    return {**SAFE, "Content-Disposition": f"{disposition}; filename*=UTF-8''{file_name}"}


def _inert(content_type: str) -> str:
    """No script and no style: the policy of our pages takes those from this server, and these are somebody's files."""
    kind = content_type.partition(";")[0].strip().lower()
    return OCTETS if "script" in kind or kind == "text/css" else content_type


def _content_type(headers: Mapping[str, str], name: str) -> str | None:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    # The latter is what curl says of anything.
    return given if given not in {"", _FORM} else mimetypes.guess_type(name)[0]


def _digest_in(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 that a header names, in hex; None without one."""
    for part in headers.get("content-digest", "").split(","):
        algorithm, _, value = part.strip().partition("=")
        if algorithm == "sha-256":
            try:
                return base64.b64decode(value.strip(":"), validate=True).hex()
            except ValueError as error:
                raise BadMessageError(f"Content-Digest: {value!r} is no SHA-256 in base64") from error
    return None
