"""Files of a run: a tree, a view of one, search in it, all of them as a zip."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ledger.errors import ArtifactNotFoundError
from ledger.queries import ArtifactDocument
from runledger.server.desk import Desk
from runledger.studio.outputs.sources import source_of
from runledger.studio.outputs.text import LINES, behind, count_lines, is_text, lines, search
from runledger.studio.outputs.tree import first_file, listed, tree
from runledger.studio.outputs.zipping import zipped
from runledger.studio.pages import Pages, is_part
from runledger.studio.run.frame import frame_of

FILES = 2_000
"""So many files are shown at once."""
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg")
_BEFORE = 20
_NUMBER = 10**15


def output_routes(desk: Desk, pages: Pages) -> Sequence[Route]:
    """Where files are looked at."""
    outputs = _Outputs(desk, pages)
    return [
        Route("/runs/{run_id}/outputs", outputs.page),
        Route("/runs/{run_id}/outputs/text", outputs.text),
        Route("/runs/{run_id}/outputs/search", outputs.search),
        Route("/runs/{run_id}/outputs.zip", outputs.zip),
    ]


class _Outputs:
    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    async def page(self, request: Request) -> Response:
        """All files, and one of them to look at."""
        frame = await frame_of(self._desk, request)
        asked = request.query_params
        run_id, name = frame["run"]["run_id"], asked.get("name", "").strip()
        files = await self._desk.ask(partial(self._files, run_id))
        chosen = asked.get("file") or first_file(files)
        fitting = [each for each in files if name.lower() in each["name"].lower()]
        file = None
        if chosen is not None:
            file = _file(files, run_id, chosen)
            frame |= await self._desk.in_thread(partial(self._view, run_id, file, _number(asked.get("line"))))
        return self._pages.page(
            request,
            "outputs/page.html",
            **frame,
            file=file,
            tree=tree(fitting[:FILES]),
            found=len(fitting),
            count=len(files),
            bytes=sum(each["size"] for each in files),
            name=name,
            most=FILES,
        )

    async def text(self, request: Request) -> Response:
        """Some lines of a text, from a line on or behind a place; as JSON, for the script of the page."""
        run_id, asked = request.path_params["run_id"], request.query_params
        file = _file(await self._desk.ask(partial(self._files, run_id)), run_id, asked.get("file", ""))
        source = source_of(self._desk.parts.files, run_id, file)
        start, first = _number(asked.get("start")), _number(asked.get("first"))
        read = partial(lines, source, first or 0) if start is None else partial(behind, source, start)
        return JSONResponse(asdict(await self._desk.in_thread(read)), headers={"Cache-Control": "no-store"})

    async def search(self, request: Request) -> Response:
        """Lines of a text in which something is found."""
        frame = await frame_of(self._desk, request)
        run_id, asked = frame["run"]["run_id"], request.query_params
        file = _file(await self._desk.ask(partial(self._files, run_id)), run_id, asked.get("file", ""))
        words, source = asked.get("words", ""), source_of(self._desk.parts.files, run_id, file)
        matches = await self._desk.in_thread(partial(search, source, words, _number(asked.get("first")) or 0))
        template = "outputs/matches.html" if is_part(request) else "outputs/search.html"
        return self._pages.page(request, template, **frame, file=file, words=words, matches=matches)

    async def zip(self, request: Request) -> Response:
        """All files as one zip."""
        run_id = request.path_params["run_id"]
        files = await self._desk.ask(partial(self._files, run_id))
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(run_id, safe='')}.zip",
            "Cache-Control": "no-store",
        }
        return StreamingResponse(self._zipped(run_id, files), media_type="application/zip", headers=headers)

    def _files(self, run_id: str) -> list[ArtifactDocument]:
        artifacts = self._desk.parts.queries.artifacts(run_id)
        return listed(artifacts, run_id, self._desk.parts.files.reach(run_id))

    def _view(self, run_id: str, file: ArtifactDocument, line: int | None) -> dict[str, Any]:
        """How a file is shown, and of a text what shows it without a script: some lines."""
        if file["name"].lower().endswith(_IMAGES):
            return {"view": "image"}
        source = source_of(self._desk.parts.files, run_id, file)
        if not is_text(source):
            return {"view": "none"}
        count = count_lines(source)
        first = max(count - LINES, 0) if line is None else max(min(line, count) - _BEFORE, 0)
        piece = lines(source, first)
        return {"view": "text", "lines": count, "piece": piece, "line": line, "at_once": LINES}

    def _zipped(self, run_id: str, files: Sequence[ArtifactDocument]) -> Iterator[bytes]:
        parts = self._desk.parts
        return zipped([(each["name"], each.get("added_utc"), source_of(parts.files, run_id, each)) for each in files])


def _file(files: Sequence[ArtifactDocument], run_id: str, name: str) -> ArtifactDocument:
    found = next((each for each in files if each["name"] == name), None)
    if found is None:
        raise ArtifactNotFoundError(run_id, name, [each["name"] for each in files])
    return found


def _number(text: str | None) -> int | None:
    return min(int(text), _NUMBER) if text and text.isascii() and text.isdecimal() else None
